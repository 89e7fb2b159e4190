"""What all charts share: axes, room for text, axes of time, colours, units, spans of time."""
