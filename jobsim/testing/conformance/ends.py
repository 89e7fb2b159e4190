"""How a check can end, other than well."""

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
    """The rest of a check is not made: what was noted so far fails it."""


class Escaped(Exception):  # noqa: N818 - a finding, not a fault
    """A check cannot be made in turns on this repository, and why."""


class Skipped(Exception):  # noqa: N818 - a finding, not a fault
    """A check does not apply to this repository, and why."""


def fail(sentence: str) -> NoReturn:
    """End a check with a sentence on the calls that were made last."""
    raise Failed(sentence)


def what_it_did(exc: BaseException) -> str:
    """Return how a call ended that raised, as the verb phrase of a sentence."""
    if isinstance(exc, BadAnswerError):
        return str(exc).removeprefix("the repository ")
    return f"raised {exception_text(exc)}"
