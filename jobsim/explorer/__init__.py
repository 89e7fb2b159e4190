"""Sliders over the virtual engine: what-if questions answered at once."""
