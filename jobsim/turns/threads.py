"""The replacements of `threading.Thread`'s methods and of the lock factories under control."""

from __future__ import annotations

import queue
import threading
from typing import Any

from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.turns import real
from jobsim.turns.here import HERE, controlled
from jobsim.turns.primitives import TurnLock, TurnRLock, ticks_of
from jobsim.turns.world import Abort, World

_NUMBER = "_jobsim_number"


class Either(type):
    """Makes `isinstance` hold for the real kind and the replacement."""

    kinds: tuple[type, ...] = ()

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.kinds)


class Lock(metaclass=Either):
    """Makes a `TurnLock` in a controlled thread, and a real lock in any other."""

    kinds = (TurnLock, real.LockType)

    def __new__(cls) -> Any:
        """Return the lock; no instance of this class exists."""
        return real.Lock() if controlled() is None else TurnLock()


class RLock(metaclass=Either):
    """Makes a `TurnRLock` in a controlled thread, and a real one in any other."""

    kinds = (TurnRLock, real.RLockType)

    def __new__(cls) -> Any:
        """Return the lock; no instance of this class exists."""
        return real.RLock() if controlled() is None else TurnRLock()


class SimpleQueue(metaclass=Either):
    """Makes the library's queue in Python, which is built on locks, in a controlled thread."""

    kinds = (queue._PySimpleQueue, real.SimpleQueue)  # type: ignore[attr-defined]

    def __new__(cls) -> Any:
        """Return the queue; no instance of this class exists."""
        return real.SimpleQueue() if controlled() is None else queue._PySimpleQueue()  # type: ignore[attr-defined]


def sleep(seconds: float) -> None:
    """Let virtual time pass for a controlled thread."""
    found = controlled()
    if found is None:
        real.sleep(seconds)
        return
    world = found[0]
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if seconds == 0:
        world.yield_turn()
    else:
        world.wait(object(), world.now + ticks_of(seconds))


def start(thread: threading.Thread) -> None:
    """Start a thread of the repository under control; the turn stays where it is."""
    found = controlled()
    if found is None:
        real.start(thread)
        return
    world, _ = found
    number = world.register(thread.name, ready=False)
    body = thread.run
    setattr(thread, _NUMBER, number)
    thread.run = lambda: run_controlled(world, number, body)  # type: ignore[method-assign]
    # `real.start` waits for this event until the new thread runs: not a matter of turns.
    thread._started = real.event()  # type: ignore[attr-defined]
    # A daemon, so that the interpreter does not wait for it if it never ends.
    thread._daemonic = True  # type: ignore[attr-defined]
    ident = real.get_ident()
    me = world.numbers.pop(ident)  # not under control meanwhile, so `real.start` makes real locks
    try:
        real.start(thread)
    except BaseException:
        world.withdraw(number)
        raise
    finally:
        world.numbers[ident] = me
    world.add(number)


def run_controlled(world: World, number: int, body: Any, through: bool = False) -> None:
    """Run a body as a controlled thread, from its first turn to the hand-over at its end.

    `through` says that the thread has already passed its gate.
    """
    try:
        world.enter(number, through=through)
        world.arm(world, number)
        body()
    except Abort:
        pass
    except BaseException as error:  # noqa: BLE001 - kept in `errors` of the run
        world.fail(number, error)
    finally:
        world.leave(number)


def join(thread: threading.Thread, timeout: float | None = None) -> None:
    """Wait for the end of a thread, in virtual time if both are under control."""
    found = controlled()
    number = getattr(thread, _NUMBER, None)
    if found is None or number is None:
        real.join(thread, timeout)
        return
    world, me = found
    if me == number:
        raise RuntimeError("cannot join current thread")
    until = None if timeout is None else world.now + ticks_of(max(timeout, 0))
    while number not in world.ended:
        if not world.wait(("join", number), until):
            return


def is_alive(thread: threading.Thread) -> bool:
    """Return whether a thread has not ended; a controlled one ends with its last turn."""
    number = getattr(thread, _NUMBER, None)
    if number is None or controlled() is None:
        return real.is_alive(thread)
    world = HERE.world
    return world is not None and number not in world.ended


def clock(name: str, epoch_s: int) -> Any:
    """Return a replacement for one of the clocks of `time`, by its name."""
    true = real.CLOCKS[name]
    in_ns = name.endswith("_ns")

    def read() -> float | int:
        found = controlled()
        if found is None:
            value: float | int = true()
            return value
        now = found[0].read_clock(found[1])
        if in_ns:
            return epoch_s * 1_000_000_000 + now * 1_000_000_000 // TICKS_PER_SECOND
        return epoch_s + now / TICKS_PER_SECOND

    read.__name__ = read.__qualname__ = name
    return read
