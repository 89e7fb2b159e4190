"""The library's own functions, from before anything was replaced.

They are read when this module is imported, which is before any control. This package uses only
these, so that it never waits for a turn in order to pass one on.
"""

from __future__ import annotations

import _thread
import logging
import os
import queue
import random
import selectors
import sys
import threading
import time

get_ident = _thread.get_ident
allocate_lock = _thread.allocate_lock
Lock = threading.Lock
RLock = threading.RLock
LockType = type(_thread.allocate_lock())
RLockType = type(threading.RLock())
SimpleQueue = queue.SimpleQueue
Selector = selectors.DefaultSelector
sleep = time.sleep
start, join, is_alive = threading.Thread.start, threading.Thread.join, threading.Thread.is_alive
urandom = os.urandom
settrace = sys.settrace
handle = logging.Handler.handle
random_urandom = getattr(random, "_urandom", os.urandom)

CLOCKS = {
    name: getattr(time, name)
    for base in ("time", "monotonic", "perf_counter")
    for name in (base, f"{base}_ns")
}
"""The clocks of `time` by name."""


def event() -> threading.Event:
    """Return an event made of real locks, also while the calling thread is under control."""
    made = threading.Event.__new__(threading.Event)
    made.__dict__.update(_cond=threading.Condition(Lock()), _flag=False)
    return made
