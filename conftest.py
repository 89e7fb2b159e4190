"""Settings of the whole test run: the kernels' environment, nbval's rules, hypothesis."""

from __future__ import annotations

import signal
import tempfile

import pytest
from hypothesis import settings
from kernel_environment import SANITIZE, set_kernel_environment
from postgres_for_tests import postgres_module_url, postgres_server, postgres_url, prepare

__all__ = ["postgres_module_url", "postgres_server", "postgres_url"]  # fixtures of all tests

# What makes the pages of the docs is loaded by tests/test_docs.py.
collect_ignore = ["tests/bench", "notebooks/docs"]

# A shared machine may stall for longer than any deadline; pytest's output tells what is slow.
settings.register_profile("jobsim", deadline=None)
settings.load_profile("jobsim")


def pytest_configure(config: pytest.Config) -> None:
    """Give every kernel the same environment, whoever runs it from wherever."""
    # Started in the background, a run is born deaf to Ctrl-C, and so would be what tests it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    empty = tempfile.TemporaryDirectory(prefix="jobsim-ipython-")
    config.add_cleanup(empty.cleanup)
    set_kernel_environment(empty.name)
    prepare(config)
    # nbval is absent under -p no:nbval, and takes a relative path from the working directory.
    if getattr(config.option, "nbval_sanitize_with", "absent") is None:
        config.option.nbval_sanitize_with = str(SANITIZE)
