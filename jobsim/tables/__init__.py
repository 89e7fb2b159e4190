"""The tables of a run: their columns, and what is derived from other tables."""
