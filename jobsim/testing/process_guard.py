"""Ends a server when the process that started it is gone.

Run as a program, ``python process_guard.py FOLDER USER:GROUP COMMAND...`` starts the command and
prints its process id. The command runs as that user and group, or as the caller if the text is
empty. When standard input ends, the guard stops the command and removes FOLDER. The input also ends
when the parent is killed with SIGKILL, because the operating system closes the pipe. The word
``keep`` on the input keeps the folder. The guard ends with its command and reaps it: a process id
that still exists would keep the next server from starting.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import Any

STOP_S = 5.0
"""How long the command may take to end before it is killed."""

KEEP = b"keep\n"


def identity(user: tuple[int, int] | None) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that make a process this user and group."""
    return {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}


def guard(folder: str, user: tuple[int, int] | None, command: list[str]) -> int:
    """Run the command until it ends or the standard input does; return its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **identity(user))  # noqa: S603
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    word: list[bytes] = []

    def watch() -> None:
        word.append(os.read(0, len(KEEP)))
        # SIGQUIT is PostgreSQL's immediate shutdown; Windows does not have it.
        server.send_signal(getattr(signal, "SIGQUIT", signal.SIGTERM))
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = server.wait()
    if word and word[0] != KEEP:
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    _, base, given, *program = sys.argv
    uid, _, gid = given.partition(":")
    sys.exit(guard(base, (int(uid), int(gid)) if given else None, program))
