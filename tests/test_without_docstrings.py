"""`python -OO` strips docstrings and asserts: nothing that people rely on may be in them."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import jobsim
from jobsim.testing import CHECKS, check_repository
from jobsim.testing.broken import GALLERY, NoValidation

assert False, "asserts are stripped"
scenario = jobsim.Scenario(jobs=30, workers=2, retry={"attempts": 2}, work={"fail": 0.2})
virtual = jobsim.run_virtual(scenario)
threaded = jobsim.run_threads(scenario, speedup=1e4, progress=False)
print(threaded.check().outcome.value)
print(len(repr(virtual)) > 0, len(virtual.summary()) > 0)
print(all(check.sentence for check in CHECKS))
report = check_repository(NoValidation, scale=0.05)
sixteen = report["sixteen_transitions"]
print(report.ok, "sixteen_transitions" in repr(report), sixteen.check.sentence)
print(check_repository(jobsim.InMemoryJobRepository, scale=0.05).ok)
"""


def test_runs_and_checks_are_the_same_without_docstrings_and_asserts():
    done = subprocess.run(
        [sys.executable, "-OO", "-W", "error", "-c", SCRIPT],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "OK",
        "True True",
        "True",
        "False True Of the sixteen transitions only the three legal ones succeed.",
        "True",
    ]
