"""The wire protocols, sans I/O: bytes to messages and back. No Django, no asyncio, no pycrdt."""
