"""A schedule as a short text: enough to run it again, or to notice that this is impossible.

Seven parts, separated by slashes: the version of the format, Python, the program, the deviations,
the seed, PYTHONHASHSEED, and a digest of the code that ran, by qualified names and bytecode. It has
no paths, since those of a notebook's cells differ in each kernel.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType

from jobsim.domain.exceptions import JobsimError
from jobsim.testing.explore.programs import OTHER, Program
from jobsim.testing.explore.search import Deviations

VERSION = "jobsim1"
_MARK = "~"  # replaces the mark of the second job, which a shell would take for a quote


class TokenError(JobsimError):
    """The schedule of this token cannot be run again; the text says why and what to do."""


def python_version() -> str:
    """Return major and minor version of Python: bytecode differs between minor versions."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def hash_seed() -> str:
    """Return PYTHONHASHSEED; ``random`` if it is not set."""
    return os.environ.get("PYTHONHASHSEED") or "random"


@dataclass(frozen=True)
class Token:
    """The content of a token.

    Examples
    --------
    >>> program = Program([["running", "get"], ["completed"]], start="running")
    >>> token = Token(program, ((4, 2), (9, 1)), seed=0, python="3.11", hashes="0", code="5b1e")
    >>> str(token)
    'jobsim1/3.11/running:running.get+completed/4-2.9-1/0/0/5b1e'
    >>> Token.read(str(token)) == token
    True
    """

    program: Program
    deviations: Deviations
    seed: int
    python: str
    hashes: str
    code: str

    def __str__(self) -> str:
        threads = "+".join(".".join(calls) for calls in self.program.threads)
        program = f"{self.program.start.value}:{threads}".replace(OTHER, _MARK)
        way = ".".join(f"{at}-{to}" for at, to in self.deviations) or "-"
        parts = (VERSION, self.python, program, way, str(self.seed), self.hashes, self.code)
        return "/".join(parts)

    @classmethod
    def read(cls, text: str) -> Token:
        """Return the token of a text.

        Raises
        ------
        TokenError
            If the text is not a token.
        """
        parts = text.strip().split("/") if isinstance(text, str) else []
        if len(parts) != 7 or parts[0] != VERSION:
            raise TokenError(
                f"{text!r:.100} is not a schedule; use the text in violation.schedule, which "
                f"begins with {VERSION}/"
            )
        try:
            start, _, threads = parts[2].replace(_MARK, OTHER).partition(":")
            program = Program([calls.split(".") for calls in threads.split("+")], start)
            way = [] if parts[3] == "-" else [pair.split("-") for pair in parts[3].split(".")]
            deviations = tuple((int(at), int(to)) for at, to in way)
            return cls(program, deviations, int(parts[4]), parts[1], parts[5], parts[6])
        except ValueError as error:
            raise TokenError(f"the schedule {text!r:.100} is damaged: {error}") from None


def digest(codes: Iterable[CodeType]) -> str:
    """Return a digest of code objects, by qualified name and bytecode."""
    told = sorted((code.co_qualname, _bytes(code)) for code in set(codes))
    made = hashlib.sha256()
    for name, body in told:
        made.update(name.encode() + b"\0" + body + b"\0")
    return made.hexdigest()[:12]


def _bytes(code: CodeType) -> bytes:
    constants = [c for c in code.co_consts if isinstance(c, str | bytes | int | float | type(None))]
    names = (code.co_names, code.co_varnames, code.co_freevars, constants)
    return code.co_code + repr(names).encode()
