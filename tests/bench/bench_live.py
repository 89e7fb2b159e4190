"""What it costs a run to be watched: with a live chart in a real kernel, and with a bar.

The run never waits, so its threads want every moment of the interpreter's lock. Compared is
the share of the process's CPU time that they get, watched and not: the difference of two whole
runs is too small to be seen among what the operating system does.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import sys
import time
from pathlib import Path

import nbformat
from bench_threads import Traffic, workload
from nbclient import NotebookClient
from ratio import report

from jobsim import InMemoryJobRepository
from jobsim.display.live_chart import SHARE

JOBS = 60_000
ROUNDS = 3


class Timed(Traffic):
    """A run that notes how much CPU time its own threads got."""

    def _play(self, actor):
        super()._play(actor)
        self.spent.append(time.thread_time())


def share(progress) -> float:
    """Return the share of the CPU time that the threads of a run got, 4 clients and 8 workers."""
    session = Timed(workload(JOBS, 4, 8), InMemoryJobRepository(), math.inf, perturb=False)
    session.spent = []  # appended to by every thread at its end
    start = time.process_time()
    session.run(progress, wall_limit=None)
    return sum(session.spent) / (time.process_time() - start)


def measure(progress) -> float:
    """Return what the threads of a watched run get, as a fraction of one that is not watched."""
    share(progress)  # whatever is loaded on first use
    pairs = [(share(progress), share(False)) for _ in range(ROUNDS)]
    return statistics.median(watched / alone for watched, alone in pairs)


def measure_in_kernel() -> float:
    """Return the same for a live chart in a kernel of its own, messages and all."""
    code = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        "import bench_live\n"
        "ratio = bench_live.measure('live')\n"
        "print(ratio)"
    )
    cell = nbformat.v4.new_code_cell(code)
    NotebookClient(
        nbformat.v4.new_notebook(cells=[cell]),
        kernel_name="python3",
        timeout=600,
        extra_arguments=["--log-level=ERROR"],
    ).execute()
    (text,) = (output.text for output in cell.outputs if output.output_type == "stream")
    return float(text)


def main() -> bool:
    """Print the ratios; return whether those that are promised hold."""
    held = report("run, live chart / unwatched", measure_in_kernel(), at_least=1 - SHARE)
    with contextlib.redirect_stderr(io.StringIO()):
        bar = measure(True)
    return report("run, bar with counts / unwatched", bar, at_least=1 - SHARE) and held


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
