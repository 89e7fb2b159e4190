"""Which column of a log is which instant, duration or outcome: by its name, then by its values."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from jobsim.logs.units import BRACKETS, FOREIGN, NAMES, words_of

INSTANTS = ("arrival", "paid", "started", "finished")
DURATIONS = ("delay", "wait", "service", "sojourn")
OUTCOMES = ("status", "success", "failed", "error", "exit_code", "http_status")
KEYS = ("job", "attempt", "activity", "time")
ROLES = (*INSTANTS, *DURATIONS, *OUTCOMES, *KEYS)
"""What a column can be; the names that `columns=` takes."""

SPELLINGS: Mapping[str, str] = {
    "created": "arrival", "submitted": "arrival", "submit": "arrival", "queued": "arrival",
    "start": "started", "begin": "started", "end": "finished", "finish": "finished",
    "completed": "finished", "duration": "service", "runtime": "service", "run_time": "service",
    "waiting": "wait", "outcome": "status", "state": "status", "id": "job", "case": "job",
    "request": "job", "event": "activity", "timestamp": "time", "payment_delay": "delay",
}  # fmt: skip
"""Other names of the same that `columns=` takes."""

OTHER_ENDS = ("failed", "discarded", "cancelled", "canceled", "errored", "aborted", "revoked")
"""Stems of moments at which only some jobs end; each job has one of them."""

MAYBE_ACTIVITIES = ("type", "msg", "message", "kind")
"""Columns that hold what happened only if their words say so."""

_STEMS: Mapping[str, tuple[str, ...]] = {
    "arrival": (
        *("arrival", "arrived", "arrive", "submitted", "submission", "submit", "created"),
        *("creation", "create", "received", "receive", "requested", "request", "queued"),
        *("enqueued", "enqueue", "queue", "inserted", "published", "posted", "placed", "issued"),
        *("sent", "ordered", "registered", "q", "qsub", "job created", "job submitted"),
        *("job submit", "job arrival", "job submission", "added", "opened", "scheduled submit"),
        *("runnable", "expected start"),
        *("qtime", "eingang", "eingegangen", "eingangszeit", "eingereicht", "erstellt", "angelegt"),
        *("ankunft", "ankunftszeit", "bestellt"),
    ),
    "paid": (
        *("paid", "payment", "payment confirmed", "payment received", "pay", "charged"),
        *("funded", "payed", "confirmed", "payment completed", "bezahlt", "zahlung"),
        *("zahlungseingang",),
    ),
    "started": (
        *("started", "start", "starting", "began", "begin", "begun", "run started", "run start"),
        *("execution start", "execution started", "processing started", "processing start"),
        *("picked up", "picked", "dequeued", "attempted", "performed", "locked", "claimed"),
        *("job start", "job started", "task start", "launched", "launch", "dispatched"),
        *("dispatch", "job current start", "work started", "acquired", "running since"),
        *("actual start", "assigned", "reserved", "stime"),
        *("beginn", "begonnen", "gestartet", "startzeit", "anfang"),
    ),
    "finished": (
        *("finished", "finish", "ended", "end", "completed", "completion", "complete", "done"),
        *("closed", "close", "stopped", "stop", "finalized", "terminated", "resolved", "succeeded"),
        *("job end", "job ended", "job finished", "job completed", "execution end", "run end"),
        *("run finished", "processing ended", "processing end", "processing finished", "ending"),
        *("execution finished", "execution ended", "actual end", "work finished", "delivered"),
        *("processed", *OTHER_ENDS),
        *("ende", "beendet", "endzeit", "fertig", "abgeschlossen", "fertiggestellt"),
    ),
    "delay": ("payment delay", "pay delay", "time to pay", "payment wait"),
    "wait": (
        *("wait", "waiting", "wait in queue", "queue", "queueing", "queuing", "queue wait"),
        *("queue duration", "queued duration", "queueing duration", "queuing duration"),
        *("in queue", "queue delay", "queue latency", "pending", "wait duration", "waited"),
        *("scheduling delay", "waiting duration", "queue wait duration", "queued"),
        *("wartezeit", "wartedauer"),
    ),
    "service": (
        *("service", "duration", "runtime", "run", "run duration", "elapsed", "elapsed raw"),
        *("execution", "execution duration", "exec", "running", "processing", "process"),
        *("processing duration", "took", "wall", "walltime", "wallclock", "wall clock"),
        *("remote wall clock", "job duration", "task duration", "build duration", "exec duration"),
        *("service duration", "job runtime", "task runtime", "job run", "run wall", "build"),
        *("elapsed duration", "work duration", "work", "handling", "compute", "run wall clock"),
        *("dauer", "laufzeit", "bearbeitungszeit", "bearbeitungsdauer", "rechenzeit"),
    ),
    "sojourn": (
        *("sojourn", "turnaround", "turn around", "response", "total", "total duration", "latency"),
        *("response duration", "lead", "cycle", "end to end", "e2e", "flow", "request duration"),
        *("durchlaufzeit", "antwortzeit", "gesamtdauer"),
    ),
    "status": (
        *("conclusion", "status", "state", "outcome", "result", "final status", "final state"),
        *("job status", "job state", "build result", "task state", "task status", "run status"),
        *("exit state", "job result", "run result", "execution status", "resolution", "zustand"),
        *("ergebnis", "phase", "stat", "state type", "state name", "status name", "final result"),
    ),
    "success": ("success", "succeeded", "ok", "is success", "passed", "successful", "is ok"),
    "failed": ("failed", "is failed", "is error", "has error", "failure", "errored", "has failed"),
    "error": ("error", "error message", "failed reason", "failure reason", "exception"),
    "exit_code": (
        *("exit code", "exit status", "exitcode", "exitstatus", "rc", "return code", "returncode"),
        *("exit", "retcode", "exit value", "return value", "derived exit code"),
    ),
    "http_status": ("response code", "http status", "status code", "http code", "http status code"),
    "job": (
        *("job id", "jobid", "job id raw", "task id", "id", "uuid", "request id", "message id"),
        *("run id", "build id", "job uuid", "task uuid", "case id", "case", "order id", "jid"),
        *("case concept name", "job", "job name id", "job number", "execution id", "pipeline id"),
        *("request", "job key", "auftrag", "auftragsnummer", "auftragsnr", "vorgang"),
    ),
    "attempt": (
        *("attempt", "attempt number", "try", "try number", "run attempt", "delivery"),
        *("delivery attempt", "delivery count", "attempt no", "attempt id", "receive count"),
    ),
    "activity": (
        *("activity", "event", "concept name", "event type", "event name", "action"),
        *("lifecycle transition", "transition", "lifecycle", *MAYBE_ACTIVITIES),
    ),
    "time": ("", "event", "logged", "log", "time", "ts", "date", "timestamp", "event occurred"),
}  # fmt: skip
"""The stems of headers that are known for each role, best first."""

_SUFFIXES = frozenset(
    {"at", "on", "time", "timestamp", "ts", "date", "datetime", "utc", "dttm", "when", "stamp",
     "dt", "epoch", "unix", "gmt", "local", "am", "um", "zeitpunkt"}
)  # fmt: skip
_PREFIXES = frozenset({"date", "time", "datetime", "timestamp", "datum", "zeit", "zeitpunkt"})
_THINGS = frozenset({"request", "queue", "payment", "pay", "order", "q"})
"""Stems that alone name a thing; with ``at`` or ``time`` behind them, when it was."""
_PLAIN_ONLY = frozenset({"status", "success", "failed", "error", "exit_code", "activity", "job",
                         "http_status", "attempt"})  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A column that its name makes a candidate for a role.

    Attributes
    ----------
    role
        Which role.
    column
        The column as the log names it.
    rank
        How well the name fits; 0 is best.
    """

    role: str
    column: Hashable
    rank: int


def last_name(header: Hashable) -> str:
    """Return a header without the names of the objects around it: the last says what it is.

    Examples
    --------
    >>> last_name("metadata.creationTimestamp"), last_name("Elapsed (min.)")
    ('creationTimestamp', 'Elapsed (min.)')
    """
    return re.sub(r"^([\w-]+\.)+(?=\w)", "", str(header))


def stem_of(header: str) -> tuple[str, bool]:
    """Return a header without its unit and without words such as ``at``, and whether it had such.

    Examples
    --------
    >>> stem_of("createdAt"), stem_of("Elapsed (min)"), stem_of("queue_time_ms"), stem_of("ts")
    (('created', True), ('elapsed', False), ('queue', True), ('', True))
    >>> stem_of("Date Opened"), stem_of("status.conditions.Failed at")
    (('opened', True), ('failed', True))
    """
    header = last_name(header)
    words = words_of(BRACKETS.sub("", header)) or words_of(header)
    if len(words) > 1 and words[-1] in {*NAMES, *FOREIGN} - {"m"}:
        words = words[:-1]
        if words[-1] == "in":
            words = words[:-1]
    had = False
    while words and words[-1] in _SUFFIXES:
        words, had = words[:-1], True
    if len(words) > 1 and words[0] in _PREFIXES and words[1] not in {"to", "in", "since"}:
        words, had = words[1:], True
    return " ".join(words), had


def is_thing(header: str) -> bool:
    """Tell whether a header by itself names a queue or the like, and no time.

    Examples
    --------
    >>> is_thing("queue"), is_thing("queue_time")
    (True, False)
    """
    return " ".join(words_of(header)) in _THINGS


def candidates(headers: Iterable[Hashable]) -> list[Candidate]:
    """Return all roles that each header could have; what the values say comes later.

    Examples
    --------
    >>> [(found.role, found.column) for found in candidates(["queue_time", "State"])]
    [('arrival', 'queue_time'), ('wait', 'queue_time'), ('status', 'State')]
    """
    found = []
    for header in headers:
        name = last_name(header)
        stem, had = stem_of(name)
        whole = " ".join(words_of(name))
        if not whole:  # a separator at the end of each line
            continue
        for role, stems in _STEMS.items():
            names = [whole] if role in _PLAIN_ONLY else [stem, whole]
            if role in INSTANTS and stem in _THINGS and not had:
                continue
            ranks = [stems.index(name) for name in names if name in stems]
            # `event` alone is an activity; with a suffix it is when that was.
            if role == "time" and stem and not had and whole not in {"time", "ts", "date"}:
                continue
            if ranks:
                found.append(Candidate(role, header, min(ranks)))
    return found
