"""What holds for the whole suite."""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep what was collected out of every later garbage collection: it lives to the end."""
    gc.collect()
    gc.freeze()
