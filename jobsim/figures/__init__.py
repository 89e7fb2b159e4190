"""Figures of a run: metrics, durations, flow, recovery and intervals."""
