"""Tables in, values out: what happened in a run, and whether it was right."""
