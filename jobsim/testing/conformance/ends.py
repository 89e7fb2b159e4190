"""The exceptions that end a check which did not pass."""

from __future__ import annotations

from typing import NoReturn

from jobsim.domain.text import exception_text
from jobsim.proof.verdict_value import Call, Verdict
from jobsim.repository.actor_recorder import BadAnswerError


class Failed(Exception):  # noqa: N818 - a finding, not a fault
    """A check has failed: one sentence, the calls that prove it, the verdict if there is one."""

    def __init__(
        self, sentence: str, calls: tuple[Call, ...] = (), verdict: Verdict | None = None
    ) -> None:
        super().__init__(sentence, calls, verdict)
        self.sentence, self.calls, self.verdict = sentence, calls, verdict


class FactoryFailed(Exception):  # noqa: N818 - a finding, not a fault
    """The factory raised; the exception is the cause."""


class Enough(Exception):  # noqa: N818 - a finding, not a fault
    """The rest of a check is skipped: what was noted so far makes it fail."""


class Escaped(Exception):  # noqa: N818 - a finding, not a fault
    """A check cannot run in turns on this repository; the text says why."""


class Skipped(Exception):  # noqa: N818 - a finding, not a fault
    """A check does not apply to this repository; the text says why."""


def fail(sentence: str) -> NoReturn:
    """End a check with a sentence on the calls that were made last."""
    raise Failed(sentence)


def what_it_did(exc: BaseException) -> str:
    """Return how a call that raised ended, as a verb phrase."""
    if isinstance(exc, BadAnswerError):
        return str(exc).removeprefix("the repository ")
    return f"raised {exception_text(exc)}"
