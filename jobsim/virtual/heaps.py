"""The two functions of `heapq` in a form that numba compiles well; plain Python has them in C.

A textbook binary heap: a hole moves up or down until the entry fits, with at most two comparisons
per level. Equal entries are indistinguishable, so any correct heap returns the same sequence.
"""

from __future__ import annotations

from typing import Any


def heappush(heap: list[Any], entry: Any) -> None:
    """Add an entry: it moves up from the end until its parent is not greater."""
    heap.append(entry)
    place = len(heap) - 1
    while place > 0:
        parent = (place - 1) >> 1
        above = heap[parent]
        if not entry < above:
            break
        heap[place] = above
        place = parent
    heap[place] = entry


def heappop(heap: list[Any]) -> Any:
    """Take out the least entry: the last one moves down from the top to its place."""
    least = heap[0]
    last = heap.pop()
    size = len(heap)
    if size:
        place, child = 0, 1
        while child < size:
            below = heap[child]
            if child + 1 < size:
                right = heap[child + 1]
                if right < below:
                    below = right
                    child += 1
            if not below < last:
                break
            heap[place] = below
            place = child
            child = 2 * place + 1
        heap[place] = last
    return least
