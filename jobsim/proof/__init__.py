"""The verdict on a recorded history: the history itself, its checks, and what they found."""
