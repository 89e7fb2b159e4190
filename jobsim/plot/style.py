"""The colours of the charts: those of `jobsim.palette`, which the live view shares."""

from __future__ import annotations

from jobsim.palette import (
    FAINT,
    INK,
    LIGHT,
    MUTED,
    NEUTRAL,
    STATUS_COLOURS,
    status_label,
)

__all__ = ["FAINT", "INK", "LIGHT", "MUTED", "NEUTRAL", "STATUS_COLOURS", "status_label"]
