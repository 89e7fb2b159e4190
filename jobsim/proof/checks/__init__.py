"""The checks of the verdict: one file each; `all_checks` makes them all."""
