"""The engine with real threads on a real repository."""
