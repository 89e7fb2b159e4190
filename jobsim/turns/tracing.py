"""The points of a run on Python 3.11: a trace function for each controlled thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Any

from jobsim.turns import real
from jobsim.turns.points import Points
from jobsim.turns.world import World


class Traced:
    """Offers turns from `sys.settrace`'s opcode events, and lets other tracers go on.

    A coverage measurement or a debugger that was tracing the thread is called for every event
    that it would have had. It may set itself again while it is called, as a tracer in C does at
    its first event, so this one is set again after each call.
    """

    def __init__(self, points: Points) -> None:
        self._points = points

    def begin(self) -> None:
        """Start nothing: each thread traces itself."""

    def end(self) -> None:
        """Stop nothing."""

    def rearm(self) -> None:
        """Do nothing: nobody else can stop the events of a trace function."""

    def prepare(self, namespaces: Iterable[Mapping[str, object]]) -> None:
        """Do nothing: code is met when it is called."""

    def thread(self, world: World, me: int) -> None:
        """Trace the calling thread, which has the number `me`."""
        before = sys.gettrace()
        owner = getattr(before, "__self__", None)
        if isinstance(owner, _Enter):
            before = owner.before
        enter = _Enter(self._points, world, me, before)
        real.settrace(enter.chained if before is not None else enter.plain)

    def leave(self) -> None:
        """Trace the calling thread no more, and give it its own tracer back."""
        owner = getattr(sys.gettrace(), "__self__", None)
        if isinstance(owner, _Enter):
            real.settrace(owner.before)


class _Enter:
    """The trace function of one thread: one of its methods, which cost less than an object."""

    def __init__(self, points: Points, world: World, me: int, before: Any) -> None:
        self.before = before
        self._points, self._world, self._me = points, world, me
        self._of = points.of

    def plain(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """Trace a frame of the code under test by its instructions, no other frame."""
        code = frame.f_code
        points = self._of.get(id(code))
        if points is None:
            points = self._points.add(code, frame.f_globals)
        if not points:
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        step, me, recorder = self._world.step, self._me, self._world.recorder

        def local(frame: FrameType, event: str, _arg: object) -> Any:
            if event == "opcode" and frame.f_lasti in points:
                if recorder is not None:
                    recorder.point(me, frame)
                step(me)
            # Itself, but for a debugger that has been opened here. A function that names itself
            # would be a cycle, and a collection of those of all calls takes as long as they do.
            return frame.f_trace

        return local

    def chained(self, frame: FrameType, event: str, arg: object) -> Any:
        """Trace a frame for the tracer that was there before, and by its instructions."""
        inner = self.before(frame, event, arg)
        real.settrace(self.chained)
        points = self._of.get(id(frame.f_code))
        if points is None:
            points = self._points.add(frame.f_code, frame.f_globals)
        if points:
            frame.f_trace_opcodes = True

        def local(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal inner
            if event != "opcode":
                if inner is not None:
                    inner = inner(frame, event, arg)
            elif frame.f_lasti in points:
                if self._world.recorder is not None:
                    self._world.recorder.point(self._me, frame)
                self._world.step(self._me)
            return local

        return local if points or inner is not None else None
