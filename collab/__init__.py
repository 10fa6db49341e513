"""The project: settings, wiring, and the leaves that every package may import."""
