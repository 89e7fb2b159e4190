"""The heaps that numba compiles hand out the same entries as those of the library."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from jobsim.virtual import heaps

# Few values and pairs of them, so that much is equal. None takes an entry out.
entries = st.tuples(st.integers(0, 3), st.integers(0, 2))
steps = st.lists(st.none() | entries, max_size=60)


@given(steps=steps)
def test_every_entry_comes_out_when_heapq_hands_it_out(steps):
    ours, theirs = [], []
    for entry in steps:
        if entry is not None:
            heaps.heappush(ours, entry)
            heapq.heappush(theirs, entry)
        elif theirs:
            assert heaps.heappop(ours) == heapq.heappop(theirs)
    assert [heaps.heappop(ours) for _ in theirs.copy()] == sorted(theirs)
    assert ours == []
