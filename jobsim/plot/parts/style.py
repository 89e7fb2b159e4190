"""The colours of the charts: those of `jobsim.display.palette`, which the live view shares."""

from __future__ import annotations

from jobsim.display.palette import (
    FAINT,
    INK,
    LIGHT,
    MUTED,
    NEUTRAL,
    STATUS_COLOURS,
    status_label,
)

__all__ = ["FAINT", "INK", "LIGHT", "MUTED", "NEUTRAL", "STATUS_COLOURS", "status_label"]
