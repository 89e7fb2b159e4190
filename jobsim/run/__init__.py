"""A run: its tables, its workload, and the folder that it is saved in."""
