"""A debugger that changes no schedule: `breakpoint()` under control, and a stop at a step.

Python's own debugger ends the tracing of its thread on "continue", but on 3.11 points are trace
events. This one goes on tracing, and offers the turn at points. On 3.12 and later points are not
trace events: there they only have to be armed again after each `sys.settrace`, which `replacement`
does.
"""

from __future__ import annotations

import os
import pdb
import sys
from types import FrameType
from typing import Any

from jobsim.turns.here import HERE, controlled
from jobsim.turns.points import Points
from jobsim.turns.world import World

OPTIONS: dict[str, Any] = {}
"""Passed to every `TurnPdb`: tests give it a `stdin` and a `stdout`."""

_TRACED = sys.version_info < (3, 12)


class TurnPdb(pdb.Pdb):
    """The standard debugger in a controlled thread."""

    def __init__(self, world: World, points: Points) -> None:
        super().__init__(skip=["jobsim.turns.*"], nosigint=True, readrc=False, **OPTIONS)
        self._world, self._points = world, points

    def interaction(self, *arguments: Any) -> None:
        """Prompt the user; meanwhile no turn is offered, and blocked threads are not looked for."""
        world = self._world
        world.prompting = world.silent = True
        world.held += 1
        try:
            super().interaction(*arguments)
        finally:
            world.held -= 1
            world.prompting = world.silent = False

    if _TRACED:

        def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> Any:
            """Offer the turn at points, and hand every other event to the debugger."""
            code = frame.f_code
            points = self._points.of.get(id(code))
            if points is None:
                points = self._points.add(code, frame.f_globals)
            if event == "opcode":
                me = self._world.me()
                if frame.f_lasti in points and me is not None:
                    if self._world.recorder is not None:
                        self._world.recorder.point(me, frame)
                    self._world.step(me)
                return self.trace_dispatch
            if points:
                frame.f_trace_opcodes = True
            told = super().trace_dispatch(frame, event, arg)
            return self.trace_dispatch if points else told

        def set_continue(self) -> None:
            """Go on, and go on tracing: points are trace events."""
            self._set_stopinfo(self.botframe, None, -1)  # type: ignore[attr-defined]

        def user_return(self, frame: FrameType, value: Any) -> None:
            """Stop at the end of functions under test only, not of their callers."""
            if self._points.of.get(id(frame.f_code)):
                super().user_return(frame, value)


def stop(points: Points, frame: FrameType) -> None:
    """Open the debugger where a frame stands."""
    world = HERE.world
    assert world is not None  # noqa: S101 - a controlled thread runs
    above: FrameType | None = frame
    while _TRACED and above is not None:
        above.f_trace_lines = True
        above = above.f_back
    TurnPdb(world, points).set_trace(frame)


def hook(points: Points) -> Any:
    """Return what `breakpoint()` calls while there is control."""
    before = sys.breakpointhook

    def breakpointhook(*arguments: Any, **named: Any) -> Any:
        usual = before is sys.__breakpointhook__ and not os.environ.get("PYTHONBREAKPOINT")
        if controlled() is None or not (usual or OPTIONS):
            return before(*arguments, **named)
        return stop(points, sys._getframe(1))

    return breakpointhook
