"""Random bytes that are the same in every run with the same seed."""

from __future__ import annotations

import random

from jobsim.turns import real
from jobsim.turns.here import controlled

_BLOCK = 1 << 14


class Draws:
    """Replaces `os.urandom`: draws from a seed for controlled threads, the real one for others.

    `uuid.uuid4`, `secrets` and `random.SystemRandom` draw from it.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - no secret
        # Drawn once, and read from the start in each run: cheaper than a new generator.
        self._bytes = self._random.randbytes(_BLOCK)
        self._at = 0  # moved by the thread that has the turn

    def restart(self, run: int = 0) -> None:
        """Start again for the next run; a run with a number other than 0 gets bytes of its own."""
        self._at = 0
        if run:
            self._random = random.Random(f"{self._seed} {run}")  # noqa: S311 - no secret
            self._bytes = self._random.randbytes(1 << 10)

    def urandom(self, size: int, /) -> bytes:
        """Return `size` bytes."""
        if controlled() is None:
            return real.urandom(size)
        begin = self._at
        self._at = end = begin + size
        while end > len(self._bytes):
            self._bytes += self._random.randbytes(max(_BLOCK, len(self._bytes)))
        return self._bytes[begin:end]
