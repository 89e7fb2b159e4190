"""Users' files: read up to a limit, written whole or not at all. Knows nothing about jobs."""
