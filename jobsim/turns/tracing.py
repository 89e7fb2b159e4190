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
    """Offers turns at the opcode events of `sys.settrace`, and lets other tracers go on.

    A coverage measurement or a debugger that was tracing the thread is called for every event
    that it would have received. It may install itself again during such a call, as a tracer in C
    does at its first event, so this one is installed again after each call.
    """

    def __init__(self, points: Points) -> None:
        self._points = points

    def begin(self) -> None:
        """Do nothing: each thread traces itself."""

    def end(self) -> None:
        """Do nothing: each thread stops its own tracing."""

    def rearm(self) -> None:
        """Do nothing: a trace function keeps getting its events."""

    def prepare(self, namespaces: Iterable[Mapping[str, object]]) -> None:
        """Do nothing: points are computed when code is called."""

    def thread(self, world: World, me: int) -> None:
        """Trace the calling thread, which has the number `me`."""
        before = sys.gettrace()
        owner = getattr(before, "__self__", None)
        if isinstance(owner, _Enter):
            before = owner.before
        enter = _Enter(self._points, world, me, before)
        real.settrace(enter.chained if before is not None else enter.plain)

    def leave(self) -> None:
        """Stop tracing the calling thread, and restore its own tracer."""
        owner = getattr(sys.gettrace(), "__self__", None)
        if isinstance(owner, _Enter):
            real.settrace(owner.before)


class _Enter:
    """Holds the trace function of one thread: a method, which is cheaper than a callable object."""

    def __init__(self, points: Points, world: World, me: int, before: Any) -> None:
        self.before = before
        self._points, self._world, self._me = points, world, me
        self._of = points.of

    def plain(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """Trace the instructions of a frame of the code under test, and no other frame."""
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
            # This function, or that of a debugger that was opened here. A closure that refers to
            # itself would be a cycle, and collecting one per call takes as long as the calls.
            return frame.f_trace

        return local

    def chained(self, frame: FrameType, event: str, arg: object) -> Any:
        """Trace a frame for the previous tracer, and its instructions."""
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
