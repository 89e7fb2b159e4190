"""Ctrl-C, pressed once: a second one would end the run of the tests."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable


def ctrl_c_once() -> Callable[[], None]:
    """Return what interrupts the main thread when it is called first, from whichever thread."""
    pressed = threading.Lock()

    def press() -> None:
        if pressed.acquire(blocking=False):
            _thread.interrupt_main()

    return press
