"""Stamps of virtual time."""

from types import SimpleNamespace

import numpy as np

from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.threads.jumping import Stamps


class _Told(list):
    """A list that another thread looks at just before and just after each append."""

    look = staticmethod(lambda: None)

    def append(self, value):
        self.look()
        super().append(value)
        self.look()


def test_a_display_reads_stamps_while_an_instant_is_noted():
    world = SimpleNamespace(now=0, progress=lambda: None)
    stamps = Stamps(world)
    seen = []
    stamps._first, stamps._instants = _Told(stamps._first), _Told(stamps._instants)
    stamps._first.look = stamps._instants.look = lambda: seen.append(
        stamps.ticks(np.array([stamps.last_ns()]))[0]
    )
    stamps.now_ns()
    world.now = TICKS_PER_SECOND
    stamp = stamps.now_ns()
    assert len(seen) == 4
    assert stamps.ticks(np.array([stamp])) == [TICKS_PER_SECOND]
