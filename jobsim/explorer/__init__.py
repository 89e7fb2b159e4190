"""Sliders over the virtual engine: what if, answered while one moves them."""
