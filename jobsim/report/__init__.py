"""The report of a run: one HTML file, made from the notebook beside this file."""
