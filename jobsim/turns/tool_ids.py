"""Takes one of the few tool ids of `sys.monitoring`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def sys_monitoring() -> Any:
    """Return `sys.monitoring`, which exists from Python 3.12 on."""
    return sys.monitoring  # type: ignore[attr-defined,unused-ignore] # only 3.12+ has it


def take_tool(ids: Sequence[int], instead: str) -> int:
    """Take the first of these ids that no profiler or debugger uses.

    Raises
    ------
    RuntimeError
        If all are taken; the message ends with `instead`, what to do then.
    """
    for tool in ids:
        if sys_monitoring().get_tool(tool) is None:
            try:
                sys_monitoring().use_tool_id(tool, "jobsim")
            except ValueError:  # another thread was faster
                continue
            return tool
    raise RuntimeError(
        f"no tool id of sys.monitoring is free: {', '.join(map(str, ids))} are all taken; {instead}"
    )
