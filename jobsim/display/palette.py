"""The colours, the same in every chart and display.

The four statuses differ in hue for every common kind of colour vision, and at least 14 of
100 steps of lightness (CIE L*) lie between any two, so they stay distinct in a grey print.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jobsim.domain.models import JobStatus

STATUS_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        JobStatus.AWAITING_PAYMENT.value: "#F0AC28",
        JobStatus.RUNNING.value: "#2B6CB0",
        JobStatus.COMPLETED.value: "#4F9D83",
        JobStatus.FAILED.value: "#7A1533",
    }
)
"""One colour per status, by its string value, in lifecycle order."""

LIGHT = frozenset({JobStatus.AWAITING_PAYMENT.value, JobStatus.COMPLETED.value})
"""The statuses whose colour needs dark text on it; the others need white."""

INK = "#222222"
"""Text, and lines that belong to no status."""

MUTED = "#5F6368"
"""Secondary text: subtitles, notes."""

FAINT = "#D9DCE0"
"""Grid lines and the edges of empty things."""

NEUTRAL = "#7C8AA0"
"""Fills that belong to no status."""

WASTED = "#E3BFCB"
"""Wasted work: a pale shade of the colour of failures."""

UNPAID = "#FBE7BF"
"""Unpaid jobs, where paid jobs that wait have the colour of the status."""


def status_label(status: str) -> str:
    """Return the status in words.

    Examples
    --------
    >>> status_label("awaiting_payment")
    'awaiting payment'
    """
    return status.replace("_", " ")


PAPER = "#ffffff"

_DARK_STATUS = {JobStatus.RUNNING.value: "#5A9BE0", JobStatus.FAILED.value: "#D4587F"}

DARK: Mapping[str, str] = MappingProxyType(
    {PAPER: "#1d2126", INK: "#e8eaed", MUTED: "#a3abb5", FAINT: "#3a4048", NEUTRAL: "#8997ae"}
    | {UNPAID: "#6b5220", WASTED: "#6b3a49"}
    | {STATUS_COLOURS[status]: colour for status, colour in _DARK_STATUS.items()}
)
"""What each colour of a chart becomes on dark paper; the others stay.

The two dark colours of statuses become lighter ones of the same hue: each has a contrast of
at least 3 to 1 with the dark paper.
"""
