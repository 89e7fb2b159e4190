"""What a load is made of: a scenario that a person writes, and the workload drawn from it."""
