"""Whether a recorded history is correct: the history, its checks and the verdict."""
