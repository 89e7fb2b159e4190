"""Two engines that run the same workload: real threads, and virtual time."""
