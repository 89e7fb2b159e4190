"""The engine in virtual time: no repository, no waiting."""
