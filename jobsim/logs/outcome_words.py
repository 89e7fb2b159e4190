"""How a job ended, from the words and codes that schedulers, queues and CI systems write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.cells import NOTHING, is_text, missing, numbers

Outcome: TypeAlias = Literal[
    "completed", "failed", "cancelled", "unpaid", "unfinished", "unknown", "skipped"
]
"""What a word can mean. Whether a job was cancelled before or while it ran is decided later."""

CODES = get_args(Outcome)
COMPLETED, FAILED, CANCELLED, UNPAID, UNFINISHED, UNKNOWN, SKIPPED = range(len(CODES))

LABELS = ("completed", "failed", "cancelled_before", "cancelled_during", "unpaid", "unknown",
          "unrecognised", "unfinished")  # fmt: skip
"""How a job ended, in the words of the column `outcome`."""

Mode: TypeAlias = Literal["words", "exit_code", "truth", "swf", "http"]
"""How numbers are read: as text, as exit codes, as 1 for yes, as SWF codes, as HTTP codes."""

_MEANINGS: Mapping[str, tuple[str, ...]] = {
    "completed": (
        *("completed", "complete", "success", "succeeded", "successful", "ok", "done", "finished"),
        *("passed", "pass", "true", "yes", "cd", "succeed", "processed", "fulfilled", "delivered"),
        *("partiallysucceeded", "succeeded with issues", "success with issues", "acked", "y", "t"),
        *("closed", "resolved", "exited normally", "neutral", "fixed", "no tests", "cached"),
        *("erledigt", "erfolgreich", "erfolg", "abgeschlossen", "fertig", "beendet"),
    ),
    "failed": (
        *("failed", "fail", "failure", "error", "errored", "false", "no", "timeout", "timed out"),
        *("timedout", "out of memory", "oom", "oomkilled", "oom killed", "node fail", "boot fail"),
        *("deadline", "discarded", "dead", "expired", "exception", "crashed", "broken", "unstable"),
        *("infrastructure fail", "startup failure", "deadline exceeded", "evicted", "rejected"),
        *("f", "to", "nf", "bf", "dl", "launch failed", "start fail", "fatal", "dead letter"),
        *("deadlettered", "unhealthy", "system failure", "script failure", "n", "failed final"),
        *("exit", "zombi", "ate abort", "internal error", "unauthorized"),
        *("reaped", "backoff limit exceeded", "fault", "nacked", "bad", "lost"),
        *("up for retry", "retried", "fehlgeschlagen", "fehler", "fehlerhaft", "gescheitert"),
    ),
    "cancelled": (
        *("cancelled", "canceled", "aborted", "killed", "ca", "revoked", "terminated", "removed"),
        *("pi abort", "withdraw"),
        *("stopped", "cancel", "abort", "abandoned by user", "deleted", "cancelled by user"),
        *("cancelled before start", "cancelled before it ran", "withdrawn", "interrupted"),
        *("cancelled during run", "cancelled while it ran", "manually stopped"),
        *("abgebrochen", "storniert", "abbruch"),
    ),
    "unpaid": (
        *("awaiting payment", "unpaid", "payment pending", "pending payment", "not paid"),
        *("payment required", "never paid", "abandoned", "payment expired", "payment failed"),
        *("waiting for payment", "invoice expired", "unbezahlt"),
    ),
    "unfinished": (
        *("running", "r", "pending", "pd", "queued", "waiting", "active", "executing", "started"),
        *("in progress", "inprogress", "processing", "scheduled", "available", "created", "new"),
        *("retryable", "retry", "up for reschedule", "suspended", "s", "held"),
        *("requeued", "rq", "requeue hold", "completing", "cg", "configuring", "cf", "resizing"),
        *("signaling", "stage out", "staged", "starting", "received", "submitted", "deferred"),
        *("restarting", "delayed", "paused", "not started", "idle", "enqueued", "open", "runnable"),
        *("waiting for resource", "preparing", "building", "working", "ready", "accepted", "busy"),
        *("run", "pend", "psusp", "ususp", "ssusp", "q", "h", "qw", "hqw", "eqw", "booting"),
        *("not running", "on hold", "blocked", "late", "awaiting retry", "cancelling", "canceling"),
        *("pausing", "timing out", "limited", "prioritized", "waiting children", "assigned"),
        *("laufend", "läuft", "wartend", "wartet", "offen", "in bearbeitung", "in arbeit"),
    ),
    "skipped": (
        *("skipped", "not built", "manual", "upstream failed", "stale", "not run", "no status"),
        *("action required", "skip", "autoskip", "manualskip", "omitted"),
    ),
}  # fmt: skip
_WORDS = {word: CODES.index(meaning) for meaning, words in _MEANINGS.items() for word in words}

_MOST_WORDS = 50  # distinct words of a column of outcomes
_ANY_ANSWER = {"true", "false", "yes", "no", "y", "n", "t", "f", "open", "new", "closed"}

_SWF = {0: FAILED, 1: COMPLETED, 2: SKIPPED, 3: SKIPPED, 4: SKIPPED, 5: CANCELLED}
_TRUTH = {0: FAILED, 1: COMPLETED}
_TELLING = {124, 126, 127, 128, 130, 134, 136, 137, 139, 141, 143, 255, -9, -11, -15}
_LEAST_EXIT = 64  # below it a number may as well be the code of a state; sysexits.h begins here


class AmbiguousOutcomes(ValueError):  # noqa: N818 - says what was found
    """Numbers that can be read in more than one way; the text names the ways and the option."""


def normal(word: str) -> str:
    """Return a word of an outcome in the form in which it is looked up.

    Examples
    --------
    >>> normal("CANCELLED by 4242"), normal("OUT_OF_MEMORY"), normal("TimedOut")
    ('cancelled', 'out of memory', 'timed out')
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word.strip().rstrip("+"))
    text = re.sub(r"[\s_\-]+", " ", apart).lower()
    return re.sub(r"^cancell?ed by .*$", "cancelled", text)


def meaning_of(word: str, given: Mapping[str, str] | None = None) -> int:
    """Return the code of a word's meaning; that of unknown for an unknown word.

    A SLURM state that was cut to its column's width ends in ``+``.
    """
    if given:
        for key in (word, word.strip(), normal(word)):
            if key in given:
                return CODES.index(given[key])
        lowered = {normal(key): value for key, value in given.items()}
        if normal(word) in lowered:
            return CODES.index(lowered[normal(word)])
    name = normal(word)
    for spelling in (name, name.replace(" ", "")):
        if spelling in _WORDS:
            return _WORDS[spelling]
    if word.strip().endswith("+"):
        whole = {code for known, code in _WORDS.items() if len(name) > 4 and known.startswith(name)}
        if len(whole) == 1:
            return whole.pop()
    return UNKNOWN


def are_outcomes(column: pd.Series) -> bool:
    """Tell whether all words of a column are known outcomes, good and bad ones among them.

    Examples
    --------
    >>> are_outcomes(pd.Series(["Succeeded", "Failed", "Running"], dtype="str"))
    True
    >>> are_outcomes(pd.Series(["yes", "no"], dtype="str"))  # may be anything
    False
    """
    words = column[~missing(column, NOTHING)].unique()
    if not 0 < len(words) <= _MOST_WORDS or {normal(word) for word in words} & _ANY_ANSWER:
        return False
    codes = {meaning_of(word) for word in words}
    return UNKNOWN not in codes and COMPLETED in codes and bool({FAILED, CANCELLED} & codes)


def check_outcomes(given: Mapping[str, str]) -> None:
    """Raise a ValueError if a word is mapped to something that is not an outcome."""
    for word, meaning in given.items():
        if meaning not in CODES:
            choices = ", ".join(CODES)
            raise ValueError(f"outcomes[{word!r}] is {meaning!r}; choose from {choices}")


def number_mode(name: str, column: pd.Series, role: str) -> tuple[Mode, str]:
    """Return how a column's cells are read, and why.

    Raises
    ------
    AmbiguousOutcomes
        If 0 could be success, as an exit code, as well as failure.
    """
    if role == "exit_code":
        return "exit_code", "0 is success, by its name"
    if role == "http_status":
        return "http", "200 to 399 is success, by its name"
    if role in {"success", "failed"}:
        return "truth", "by its name"
    if pd.api.types.is_bool_dtype(column.dtype):
        return "truth", "it holds truth values"
    found = numbers(column)
    known = ~missing(column, NOTHING)
    if not known.any() or np.isnan(found[known]).mean() > 0.5:
        return "words", "by its words"
    values = {float(value) for value in np.unique(found[known & ~np.isnan(found)])}
    if any(value in _TELLING or (_LEAST_EXIT <= value < 100) for value in values):
        return "exit_code", f"exit codes: {max(values):.0f} is one, so 0 is success"
    if values and all(100 <= value < 600 for value in values):
        return "http", "HTTP codes: 200 to 399 is success"
    raise AmbiguousOutcomes(
        f"{name!r} holds the numbers {', '.join(f'{value:g}' for value in sorted(values)[:6])}: "
        "say whether 1 is success (outcomes='truth'), 0 is (outcomes='exit_code'), they are codes "
        "of the Standard Workload Format (outcomes='swf'), or what each means, "
        f"outcomes={{'{max(values):g}': 'completed', ...}}"
    )


def read_outcomes(
    column: pd.Series, mode: Mode, given: Mapping[str, str] | None = None, *, inverted: bool = False
) -> tuple[NDArray[np.int8], pd.Series]:
    """Return each cell's code, and the words that were read.

    Parameters
    ----------
    column
        The cells, as `jobsim.logs.cells.plain` gives them.
    mode
        How numbers are read.
    given
        The caller's words, which go before the known ones.
    inverted
        Whether yes means failure, as in a column ``failed``.
    """
    words = column.astype("str") if not is_text(column) else column
    absent = missing(column, NOTHING)
    tidy = words.where(~absent, "")
    codes, uniques = pd.factorize(tidy)
    numeric = numbers(pd.Series(uniques, dtype="str")) if len(uniques) else np.empty(0)
    meanings = [
        _one(str(word), float(number), mode, given)
        for word, number in zip(uniques, numeric, strict=True)
    ]
    table = np.array(meanings, dtype=np.int8)
    if inverted:
        swapped = np.arange(len(CODES), dtype=np.int8)
        swapped[[COMPLETED, FAILED]] = FAILED, COMPLETED
        table = swapped[table]
    found = table[codes] if len(table) else np.empty(0, dtype=np.int8)
    return found.astype(np.int8), pd.Series(np.asarray(uniques)[codes], dtype="str")


def _one(word: str, number: float, mode: Mode, given: Mapping[str, str] | None) -> int:
    """Return what one word means: the user's map goes first, then numbers, then known words."""
    if given and word in given:
        return CODES.index(given[word])
    if np.isnan(number):
        # SLURM writes `code:signal`.
        pair = re.fullmatch(r"(\d+):(\d+)", word)
        if mode == "exit_code" and pair:
            return COMPLETED if pair[1] == pair[2] == "0" else FAILED
        return meaning_of(word, given)
    if mode == "exit_code":
        return COMPLETED if number == 0 else FAILED
    if mode == "http":
        # A redirect is an answer; 0, which clients write for a lost connection, is not one.
        return COMPLETED if 100 <= number < 400 else FAILED if number >= 400 else UNKNOWN
    if mode == "truth" and number > 1:
        return COMPLETED  # a count, of the pods that succeeded or failed for instance
    known = _SWF if mode == "swf" else _TRUTH if mode == "truth" else {}
    return known.get(int(number), UNKNOWN) if np.isfinite(number) else UNKNOWN
