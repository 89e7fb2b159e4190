"""Simulate the life of a job."""

__version__ = "0.1.0"
