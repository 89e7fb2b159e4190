"""The points of a run on Python 3.12 and later: instruction events of `sys.monitoring`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import CodeType
from typing import Any

from jobsim.turns import real
from jobsim.turns.here import HERE
from jobsim.turns.points import Points
from jobsim.turns.tool_ids import sys_monitoring, take_tool
from jobsim.turns.world import World

TOOLS = (4, 3, 2, 5)
"""Tool ids without a fixed meaning first, then those of a profiler and an optimiser."""


class Monitored:
    """Offers turns from instruction events, in code under test only.

    Any `sys.settrace` silently stops the local events of that code, also in later runs, although
    `get_local_events` still says that they are set. Clearing and setting them again brings them
    back, which is what `rearm` does.
    """

    def __init__(self, points: Points) -> None:
        self._points = points
        self._tool: int | None = None
        self._armed: dict[int, CodeType] = {}  # by id: equal code objects are armed separately

    def begin(self) -> None:
        """Take a tool id and listen to the start of every function.

        Raises
        ------
        RuntimeError
            If all tool ids are taken.
        """
        monitoring = sys_monitoring()
        self._tool = take_tool(TOOLS, "turn off a profiler or debugger")
        events = monitoring.events
        monitoring.register_callback(self._tool, events.PY_START, self._start)
        monitoring.register_callback(self._tool, events.INSTRUCTION, self._instruction)
        monitoring.set_events(self._tool, events.PY_START)
        # Otherwise events that an earlier holder of this id disabled would stay disabled.
        monitoring.restart_events()

    def end(self) -> None:
        """Stop listening and free the tool id."""
        tool, self._tool = self._tool, None
        if tool is None:
            return
        monitoring = sys_monitoring()
        monitoring.set_events(tool, 0)
        # A copy: a thread that is not under control may be in the middle of `_start`.
        for code in list(self._armed.values()):
            monitoring.set_local_events(tool, code, 0)
        for event in (monitoring.events.PY_START, monitoring.events.INSTRUCTION):
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)
        self._armed.clear()

    def rearm(self) -> None:
        """Set the local events again: a `sys.settrace` may have stopped them."""
        monitoring = sys_monitoring()
        for code in list(self._armed.values()):
            monitoring.set_local_events(self._tool, code, 0)
            monitoring.set_local_events(self._tool, code, monitoring.events.INSTRUCTION)

    def prepare(self, namespaces: Iterable[Mapping[str, object]]) -> None:
        """Listen to the code under test of these modules before it runs.

        The events of a code object that is armed while it runs begin with its next call: the first
        run would have fewer points than any other.
        """
        self._points.prepare(namespaces)
        # A copy: the code that runs here triggers start events too, which may add to the dict.
        for key, code in list(self._points.codes.items()):
            if self._points.of.get(key):
                self._armed[key] = code
        self.rearm()
        sys_monitoring().restart_events()

    def thread(self, _world: World, _me: int) -> None:
        """Rearm if a tracer was started with the thread, as coverage does."""
        if sys.gettrace() is not None:
            self.rearm()

    def leave(self) -> None:
        """Do nothing: events are not per thread, and the world no longer counts them."""

    def _start(self, code: CodeType, _offset: int) -> Any:
        """Arm a function under test at its first call; ignore all others from then on."""
        tool = self._tool
        if tool is None:
            return None
        points = self._points.of.get(id(code))
        if points is None:
            points = self._points.add(code, sys._getframe(1).f_globals)
        if points and id(code) not in self._armed:
            self._armed[id(code)] = code
            monitoring = sys_monitoring()
            monitoring.set_local_events(tool, code, monitoring.events.INSTRUCTION)
        return sys_monitoring().DISABLE

    def _instruction(self, code: CodeType, offset: int) -> Any:
        """Offer the turn at an instruction where it may matter."""
        points = self._points.of.get(id(code))
        if points is None:
            return None  # forgotten while it runs; armed again at its next start
        if offset not in points:
            return _DISABLE
        world = HERE.world
        if world is not None:
            # Not for number 0, the maker: the factory's own code is not part of the run.
            me = world.numbers.get(real.get_ident())
            if me:
                if world.recorder is not None:
                    world.recorder.point(me, sys._getframe(1))
                world.step(me)
        return None


_DISABLE = sys_monitoring().DISABLE if sys.version_info >= (3, 12) else None
