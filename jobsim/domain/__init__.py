"""The life of a job: its states, its legal transitions, its errors, its input hash."""
