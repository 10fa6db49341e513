"""The engine: replicas, rooms, the journal and the log. asyncio and pycrdt; no HTTP, no formats."""
