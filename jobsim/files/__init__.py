"""Files of people: read up to a limit, written whole or not at all. Knows nothing of jobs."""
