"""Runs one schedule again: to explain it, from its token, or with a debugger."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.explore import search
from jobsim.testing.explore.explain import Recording
from jobsim.testing.explore.judge import Judge
from jobsim.testing.explore.runner import Ran, Runner
from jobsim.testing.explore.scheduled import ScheduledRun, rule_of
from jobsim.testing.explore.search import NotRepeatable
from jobsim.testing.explore.token import Token, TokenError, digest, hash_seed, python_version


def told(
    runner: Runner,
    ran: Ran,
    name: str,
    stop: Callable[[FrameType], None] | None = None,
    stop_at: int | None = None,
) -> ScheduledRun:
    """Run a schedule once more, record what happens, and say what is wrong with it."""
    recording = Recording(stop=stop, stop_at=stop_at)
    play = runner.play(ran.program)
    # A second run, since recording every one of many thousand runs would be slow.
    again = runner.run(play, ran.deviations, recorder=recording)
    holds = Judge(again.answers.start).holds(again.answers.history)
    rule, sentence, details = rule_of(again, holds=holds)
    token = Token(
        ran.program, ran.deviations, runner.seed, python_version(), hash_seed(),
        digest(recording.codes),
    )  # fmt: skip
    return ScheduledRun(
        repository=name,
        program=ran.program,
        schedule=str(token),
        preemptions=search.preemptions(again.trace, ran.deviations),
        rule=rule,
        sentence=sentence,
        history=again.history_text(),
        rows=tuple(recording.rows),
        details=details,
    )


def name_of(factory: Callable[[], Any]) -> str:
    """Return the name of a factory, for display."""
    return getattr(factory, "__qualname__", type(factory).__qualname__).rpartition(".")[2]


def replay_schedule(
    factory: Callable[[], Any],
    token: str,
    *,
    stop_at: int | None = None,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    retryable: ExceptionTypes = (),
) -> ScheduledRun:
    """Run one schedule again, as often as you like, to the same end.

    Parameters
    ----------
    factory
        The factory that the token was made with: a class or a function that makes a fresh
        repository.
    token
        The text in `violation.schedule`.
    stop_at
        The step of the explanation at which to open the debugger; the code is not changed.
    illegal, not_found, retryable
        As for `explore_repository`.

    Returns
    -------
    ScheduledRun
        What happened, with the same history each time.

    Raises
    ------
    TokenError
        If the text is not a token, was made by another Python or with other code, or the run does
        not offer the choices that the token names.

    Examples
    --------
    >>> from jobsim.testing import explore_repository, replay_schedule
    >>> from jobsim.testing.broken import NoLock
    >>> found = explore_repository(NoLock, programs=[["running"], ["running"]]).violation
    >>> replay_schedule(NoLock, found.schedule) == found
    True
    """
    wanted = Token.read(token)
    if wanted.python != python_version():
        raise TokenError(
            f"the schedule was made by Python {wanted.python}, this is {python_version()}; steps "
            f"are bytecode instructions, so run it with Python {wanted.python} or explore again"
        )
    runner = Runner(
        factory, seed=wanted.seed, illegal=illegal, not_found=not_found, retryable=retryable
    )
    with runner.control():
        play = runner.play(wanted.program)
        # The first run may fill a cache, after which a run offers other choices.
        runner.run(play, ())
        ran = Ran.planned(wanted.program, wanted.deviations)
        stop = None if stop_at is None else runner.open_debugger
        try:
            run = told(runner, ran, name_of(factory), stop, stop_at)
        except NotRepeatable as refused:
            raise TokenError(_differs(wanted, refused)) from None
    # Only now is it known which code ran, so its digest is compared after the run.
    made = Token.read(run.schedule)
    if made.code != wanted.code:
        raise TokenError(
            f"the code that ran ({made.code}) is not the code that the schedule was made of "
            f"({wanted.code}); explore again"
        )
    return run


def _differs(wanted: Token, refused: NotRepeatable) -> str:
    """Say why a schedule cannot be repeated, with the likely causes."""
    text = (
        f"the run does not offer the choices that the schedule was made of: {refused.text}. Either "
        "the code is another, or something outlives the repository: a cache, a class's dictionary, "
        "a file"
    )
    if wanted.hashes != hash_seed() or wanted.hashes == "random":
        text += (
            f"; the schedule was made with PYTHONHASHSEED={wanted.hashes}, this process has "
            f"{hash_seed()}: the order of a set of strings may differ"
        )
    return text
