"""Questions put to many runs: theory, replications, sweeps, sizing, comparison, replay."""
