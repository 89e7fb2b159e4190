"""The live threads of jobsim; a repository that hangs may have left some behind earlier."""

from __future__ import annotations

import threading


def jobsim_threads() -> set[threading.Thread]:
    """Return every live thread that an engine or the kit has started."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("jobsim")}
