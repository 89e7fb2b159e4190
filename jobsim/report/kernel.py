"""A kernel of this very interpreter executes the report's notebook."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from jobsim.report.errors import ReportError

CELL_TIMEOUT = 900
"""Wall seconds for one part of the report; most take less than one."""

STARTUP_TIMEOUT = 120
"""Wall seconds for the kernel to answer."""

# What goes wrong is said by the error that is raised, once.
_QUIET = logging.getLogger("jobsim.report.quiet")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


def _argv() -> list[str]:
    return [
        sys.executable,
        *("-X", "frozen_modules=off"),  # else ipykernel warns that a debugger may miss breaks
        *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
        # A file in the working directory must not stand in for a library.
        "--InteractiveShellApp.ignore_cwd=True",
    ]


class _ThisPython(KernelSpecManager):
    """Knows one kernel: this interpreter, whatever is installed under the name python3."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=_argv(), display_name=kernel_name, language="python")


class _Client(NotebookClient):
    """A client that starts its kernel from `_ThisPython`, and owns it."""

    def create_kernel_manager(self) -> KernelManager:
        self.km = AsyncKernelManager(
            kernel_spec_manager=_ThisPython(), kernel_name="python3", log=_QUIET
        )
        return self.km


def execute(notebook: NotebookNode) -> None:
    """Execute the notebook in place, in the working directory of this process.

    May be called where an event loop runs, as in a notebook. Ctrl-C ends the kernel and is
    raised.

    Raises
    ------
    ReportError
        If a cell raises or takes too long, or the kernel does not start or dies.
    """
    with (
        tempfile.TemporaryFile() as words,
        tempfile.TemporaryDirectory(prefix="jobsim-ipython-", ignore_cleanup_errors=True) as own,
    ):
        try:
            _in_a_thread(notebook, words, own)
        except CellExecutionError as exc:
            raise ReportError(f"a cell of its notebook raised {exc.ename}: {exc.evalue}") from exc
        except CellTimeoutError as exc:
            raise ReportError(f"a part of it took longer than {CELL_TIMEOUT} s") from exc
        except (DeadKernelError, RuntimeError) as exc:
            raise ReportError(f"{exc}{_last_of(words)}") from exc


def _in_a_thread(notebook: NotebookNode, words: BinaryIO, own: str) -> None:
    # In the main thread nbclient would keep Ctrl-C for itself, and where an event loop runs
    # already there is no place for another one.
    loop = asyncio.new_event_loop()
    task = loop.create_task(_execute(notebook, words, own))
    with ThreadPoolExecutor(1, thread_name_prefix="jobsim-report") as thread:
        done = thread.submit(_finish, loop, task)
        try:
            done.result()
        except BaseException:
            # After a Ctrl-C, which only this thread hears; a task that has ended stays as it is.
            if not done.done():
                loop.call_soon_threadsafe(task.cancel)
            raise


def _finish(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _execute(notebook: NotebookNode, words: BinaryIO, own: str) -> None:
    client = _Client(
        notebook,
        timeout=CELL_TIMEOUT,
        startup_timeout=STARTUP_TIMEOUT,
        shutdown_kernel="immediate",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(Path.cwd())}},
        log=_QUIET,
    )
    environment = os.environ | {
        "IPYTHONDIR": own,  # a person's start-up files are no part of the report
        "MPLBACKEND": "agg",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    try:
        await client.async_execute(env=environment, stdout=words, stderr=words)
    finally:
        # A kernel that was still starting is left behind by nbclient, with all that it holds.
        atexit.unregister(client._cleanup_kernel)
        if client.kc is not None:
            client.kc.stop_channels()
        if client.km is not None and client.km.has_kernel:
            await ensure_async(client.km.shutdown_kernel(now=True))


def _last_of(words: BinaryIO) -> str:
    """Return the last line that the kernel wrote, which often tells why it died."""
    words.seek(0)
    lines = words.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last})" if last else ""
