"""The checks behind a verdict, one file each; `all_checks` runs them all."""
