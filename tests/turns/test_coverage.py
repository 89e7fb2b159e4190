"""A coverage measurement sees the same lines of a run under control as of a plain one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("coverage")

REPOSITORY = """
import threading


class Repository:
    def __init__(self):
        self.lock, self.n = threading.Lock(), 0

    def act(self):
        with self.lock:
            k = self.n
            self.n = k + 1
        if self.n > 50:
            self.n = 5
        return self.helper()

    def helper(self):
        return [
            self.n,
        ]

    def never(self):
        return 1
"""
PLAIN = """
import threading
from mine import Repository

repository = Repository()
threads = [threading.Thread(target=repository.act) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
CONTROLLED = """
from jobsim.turns.control import Control
from jobsim.turns.schedules import Seeded
from mine import Repository

with Control(keep_threads=True) as control:
    points = set()
    for _ in range(3):
        repository = control.make(Repository)
        for name in "ab":
            control.spawn(name, repository.act)
        points.add(control.run(Seeded(1)).points)
assert len(points) == 1 and points != {0}, points
"""


def lines(folder, name, text):
    (folder / name).write_text(text)
    run = [sys.executable, "-m", "coverage"]
    for command in (
        [*run, "run", "--include=*/mine.py", name],
        [*run, "json", "-o", f"{name}.json"],
    ):
        subprocess.run(command, check=True, cwd=folder, capture_output=True, timeout=120)
    found = json.loads((folder / f"{name}.json").read_text())
    return found["files"]["mine.py"]["executed_lines"]


def test_coverage_is_that_of_a_plain_run(tmp_path):
    (tmp_path / "mine.py").write_text(REPOSITORY)
    plain = lines(tmp_path, "plain.py", PLAIN)
    assert len(plain) > 10
    assert lines(tmp_path, "controlled.py", CONTROLLED) == plain
