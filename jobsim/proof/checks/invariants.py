"""Rules of a history besides linearizability, checked on its calls and final reads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobsim.display.text import count_of
from jobsim.domain import codes
from jobsim.domain.marks import ERROR_TEXT, RESULT_TEXT
from jobsim.proof import roles
from jobsim.proof.history import Finding, History, IntArray
from jobsim.proof.verdict_value import Call, Violation

_NEVER = np.iinfo(np.int64).max

_Tell = Callable[[int], tuple[str, tuple[Call, ...]]]


def identifiers(history: History, created: pd.DataFrame | None) -> list[Finding]:
    """Return the jobs whose identifiers changed, in a recorded answer or in the final read.

    `created` is what each create answered, one row per job. Its columns `input_hash` and
    `blockchain_identifier` are compared with the final reads.
    """
    findings = [_by_call(history, "identifiers", "changed", "with other identifiers than before")]
    if history.final is not None:
        findings.append(_changed_at_last(history))
    if created is not None and history.final is not None:
        for column in ("input_hash", "blockchain_identifier"):
            if column in created:
                known = _text(created[column]).take(pa.array(history.final_read["job"]))
                wrong = _differs(history, column, known) & _array(known.is_valid())
                findings.append(_by_text(history, "identifiers", column, wrong, known))
    return findings


def unique_ids(history: History, created: pd.DataFrame) -> list[Finding]:
    """Return the jobs whose id had been given to an earlier job."""
    ids = created["job_id"]
    again = np.flatnonzero((ids.duplicated() & ids.notna()).to_numpy() if _repeat(ids) else [])

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        job = int(again[position])
        first = int(np.flatnonzero((ids == ids.iloc[job]).to_numpy())[0])
        calls = tuple(
            history.call(row)
            for owner in (first, job)
            for row in history.rows_of(owner)
            if history.op[row] == codes.CREATE
        )
        return f"was given the id of job {first}, {ids.iloc[job]!r:.200}", calls

    return [_finding("unique_ids", again, tell)]


def timestamps(history: History) -> list[Finding]:
    """Return the jobs whose `updated_at` went back, or is before their `created_at`."""
    findings = [_by_call(history, "timestamps", "backdated", "with an updated_at that went back")]
    if history.final is not None:
        updated, born = history.final["updated_at"], history.final["created_at"]
        early = np.flatnonzero((updated < born).to_numpy())

        def tell(position: int) -> tuple[str, tuple[Call, ...]]:
            at = int(early[position])
            last = history.final_call(int(history.final_read["job"][at]))
            sentence = (
                f"{last.name} shows updated_at {updated.iloc[at]}, created_at {born.iloc[at]}"
            )
            return sentence, (last,)

        findings.append(_finding("timestamps", history.final_read["job"][early], tell))
    return findings


def workers_busy(history: History, workers: int, crashed: Collection[int]) -> list[Finding]:
    """Return the first moment at which more jobs than workers were certainly RUNNING, if any.

    A job certainly occupies a worker from the return of the call that wrote RUNNING. That ends
    with the invocation of the call that wrote its end, or of the first that may have, or of a call
    for its end by its own worker that had no answer. Jobs in `crashed` are left out. The finding
    names the job that exceeded the number of workers.
    """
    starts = history.rows(roles.WRITES, codes.RUNNING)
    begun = np.full(history.jobs, _NEVER)
    begun[history.job[starts]] = history.returned[starts]
    over = np.full(history.jobs, _NEVER)
    for table in (roles.MAY_WRITE, roles.WRITES):  # a definite writer replaces possible ones
        ends = np.full(history.jobs, _NEVER)
        for state in (codes.COMPLETED, codes.FAILED):
            rows = history.rows(table, state)
            np.minimum.at(ends, history.job[rows], history.invoked[rows])
        over = np.where(ends < _NEVER, ends, over)
    given_up = _given_up(history, starts)
    np.minimum.at(over, history.job[given_up], history.invoked[given_up])
    # Only jobs that were certainly RUNNING for some time: a start that overlaps its own end proves
    # nothing.
    certain = begun < over
    certain[np.fromiter(crashed, np.int64)] = False
    jobs = np.flatnonzero(certain)
    # Stable, so that jobs that began at the same moment stay in order of their numbers.
    jobs = jobs[np.argsort(begun[jobs], kind="stable")]
    # Closed bounds: one job may begin at the very moment at which another ends.
    ended = np.searchsorted(np.sort(over[jobs], kind="stable"), begun[jobs], side="right")
    running = np.arange(1, len(jobs) + 1) - ended
    first = np.flatnonzero(running > workers)[:1]

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        at = int(first[position])
        moment = int(begun[jobs[at]])
        together = [int(job) for job in jobs[: at + 1] if over[job] > moment]
        rows = starts[np.isin(history.job[starts], together)]
        sentence = (
            f"is one too many at {history.at(moment)}: {len(together)} jobs are certainly "
            f"RUNNING, and workers = {workers}"
        )
        return sentence, tuple(history.call(int(row)) for row in rows)

    return [_finding("workers", jobs[first], tell)]


def _given_up(history: History, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the calls by which a worker asked for the end of its job and got no answer.

    After such a call the worker takes its next job, even if nothing was written: another actor may
    end this one much later, or nobody may.
    """
    unanswered = history.ended(codes.ERROR, codes.PENDING, codes.NO_EFFECT)
    rows = np.flatnonzero(unanswered)
    # Few, and none in a sound run: everything below works on these rows only.
    rows = rows[np.isin(history.target[rows], (codes.COMPLETED, codes.FAILED))]
    rows = rows[history.job[rows] < history.jobs]
    if not len(rows):
        return rows
    worker = np.full(history.jobs, -1)
    worker[history.job[starts]] = history.actor[starts]
    own: NDArray[np.bool_] = worker[history.job[rows]] == history.actor[rows]
    return rows[own]


def accounted(history: History) -> tuple[list[Finding], list[str]]:
    """Return the created jobs that the final read did not find, and what it leaves undecided."""
    created = np.zeros(history.jobs, np.bool_)
    created[history.job[history.rows(roles.WRITES, codes.AWAITING)]] = True
    read = history.final_read
    asked = np.zeros(history.jobs, np.bool_)
    asked[read["job"][read["outcome"] != codes.PENDING]] = True
    # Only jobs whose create was answered: one that never returned may have had no effect.
    lost = read["job"][created[read["job"]] & (read["outcome"] == codes.NOT_FOUND)]
    # An error says that the repository did not answer, not that the job is gone.
    failed = int(
        (created[read["job"]] & np.isin(read["outcome"], (codes.ERROR, codes.ILLEGAL))).sum()
    )

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        job = int(lost[position])
        last = history.final_call(job)
        create = next(row for row in history.rows_of(job) if roles.WRITES[history.code[row]] == 0)
        return f"was created, but {last.name} {last.answer}", (history.call(create), last)

    # Neither found nor lost: a run that ended early may not have read all of them.
    unread = int((created & ~asked).sum())
    undecided = [f"created jobs without a final read: {unread:,}"] if unread else []
    if failed:
        undecided.append(f"created jobs whose final read ended in an error: {failed:,}")
    return [_finding("accounted", lost, tell)], undecided


def counts(
    history: History, before: int, *, missing: int = 0, missing_from_ns: int = 0
) -> list[Finding]:
    """Return the answers of `count` that no correct repository can have given.

    A count includes every create that returned before it was invoked. It includes no create that
    was invoked after it returned, and none without effect. This is necessary, not sufficient.
    Answers that returned after `missing_from_ns` may be short by `missing` jobs: those were lost,
    which another rule reports.
    """
    rows = np.flatnonzero((history.op == codes.COUNT) & (history.outcome == codes.OK))
    creates = (history.op == codes.CREATE) & (history.outcome != codes.NO_EFFECT)
    done = np.sort(history.returned[creates & (history.outcome == codes.OK)])
    begun = np.sort(history.invoked[creates])
    # Sides left and right: calls at the same nanosecond may have come in either order.
    least = before + np.searchsorted(done, history.invoked[rows], side="left")
    least = least - missing * (history.returned[rows] > missing_from_ns)
    most = before + np.searchsorted(begun, history.returned[rows], side="right")
    # Bounds, not an exact value: a create that overlaps the count may come before or after it.
    answer = history.calls["count"].to_numpy()[rows]
    wrong = np.flatnonzero((answer < least) | (answer > most))

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        at = int(wrong[position])
        call = history.call(int(rows[at]))
        sentence = (
            f"{call.name}, invoked at {history.at(call.invoked_ns)}, answered {int(answer[at])}, "
            f"but there were {_between(int(least[at]), int(most[at]))}"
        )
        return sentence, (call,)

    return [_finding("count", np.full(len(wrong), -1), tell)]


def content(history: History, created: pd.DataFrame | None) -> list[Finding]:
    """Return the jobs whose final input hash, result or error is not what the engine wrote.

    The column `request` of `created` tells which request a job belongs to; without it every job is
    its own request. A job that ended has the text of the worker that ended it, any other job has
    none. An end without a definite writer may have the text of any possible writer.
    """
    job, status = history.final_read["job"], history.final_read["status"]
    request = job
    if created is not None and "request" in created:
        request = created["request"].to_numpy()[job].astype(np.int64)
    expected = _input_hashes(request)
    wrong = _differs(history, "input_hash", expected)
    findings = [_by_text(history, "content", "input_hash", wrong, expected)]
    actors = [str(actor) for actor in history.calls["actor"].cat.categories]
    for column, form, state in (
        ("result", RESULT_TEXT, codes.COMPLETED),
        ("error", ERROR_TEXT, codes.FAILED),
    ):
        texts = pa.array([form.format(actor=actor) for actor in actors], pa.large_string())
        # At most one per job if the history is linearizable; if not, another rule reports it.
        definite = history.rows(roles.WRITES, state)
        writer = np.full(history.jobs, -1)
        writer[history.job[definite]] = history.actor[definite]
        writer = np.where(status == state, writer[job], -1)
        expected = texts.take(pa.array(writer, mask=writer < 0))
        wrong = _differs(history, column, expected)
        # Few, if any: only ends whose writer got no answer, so a Python loop will do.
        open_ends = np.flatnonzero(wrong & (status == state) & (writer < 0))
        given = _final_text(history, column)
        possible = history.rows(roles.MAY_WRITE, state) if len(open_ends) else open_ends
        for at in open_ends:
            writers = history.actor[possible[history.job[possible] == job[at]]]
            wrong[at] = given[int(at)].as_py() not in {texts[int(n)].as_py() for n in writers}
        findings.append(_by_text(history, "content", column, wrong, expected))
    return findings


def _between(least: int, most: int) -> str:
    if least == most:
        return count_of(most, "job")
    return f"between {least:,} and {count_of(most, 'job')}"


def _finding(rule: str, jobs: IntArray, tell: _Tell) -> Finding:
    def explain(position: int) -> Violation:
        job = int(jobs[position])
        sentence, calls = tell(position)
        return Violation(job, rule, f"job {job}: {sentence}" if job >= 0 else sentence, calls)

    return Finding(rule, jobs, explain)


def _by_call(history: History, rule: str, column: str, what: str) -> Finding:
    rows = np.flatnonzero(history.calls[column].to_numpy() & (history.job < history.jobs))

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        call = history.call(int(rows[position]))
        sentence = f"{call.name}, invoked at {history.at(call.invoked_ns)}, {call.answer} {what}"
        return sentence, (call,)

    return _finding(rule, history.job[rows].astype(np.int64), tell)


def _changed_at_last(history: History) -> Finding:
    assert history.final is not None  # noqa: S101 - the caller made sure
    jobs = history.final_read["job"][history.final["changed"].to_numpy()]

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        last = history.final_call(int(jobs[position]))
        return f"{last.name} {last.answer} with other identifiers than before", (last,)

    return _finding("identifiers", jobs, tell)


def _by_text(
    history: History, rule: str, column: str, wrong: NDArray[np.bool_], expected: Any
) -> Finding:
    """Return the final reads whose text in a column is wrong, explained with the expected one."""
    rows = np.flatnonzero(wrong)

    def tell(position: int) -> tuple[str, tuple[Call, ...]]:
        at = int(rows[position])
        last = history.final_call(int(history.final_read["job"][at]))
        given = _final_text(history, column)[at].as_py()
        sentence = (
            f"{last.name} {last.answer} with {column} {given!r:.200}, not "
            f"{expected[at].as_py()!r:.200}"
        )
        return sentence, (last,)

    return _finding(rule, history.final_read["job"][rows], tell)


def _differs(history: History, column: str, expected: Any) -> NDArray[np.bool_]:
    """Return which final reads found their job with another text; missing texts are equal."""
    given = _final_text(history, column)
    same = pc.or_(
        pc.fill_null(pc.equal(given, expected), fill_value=False),
        pc.and_(given.is_null(), expected.is_null()),
    )
    differs: NDArray[np.bool_] = ~_array(same) & (history.final_read["outcome"] == codes.OK)
    return differs


def _repeat(column: pd.Series) -> bool:
    """Return False only if no text occurs twice; fast for texts of one width, such as UUIDs."""
    text = _text(column.dropna())
    widths = pc.min_max(pc.binary_length(text)).as_py()
    width = widths["min"]
    if width is None or width < 8 or width != widths["max"]:
        return True
    # A hash table of strings does not fit the processor's cache, and sorting words needs none.
    # Equal texts have equal words, so a collision only costs the exact comparison.
    words = np.zeros(len(text), np.uint64)
    _, offsets, data = text.buffers()
    start = int(np.frombuffer(offsets, np.int64)[text.offset])
    # The last word may overlap the one before, so that every byte takes part.
    for place in (*range(0, width - 8, 8), width - 8):
        words ^= np.ndarray(len(text), "<u8", data, start + place, strides=(width,))
        words *= np.uint64(0x9E3779B97F4A7C15)  # odd, so that nothing is lost: Fibonacci hashing
        words ^= words >> np.uint64(29)
    words.sort()
    return bool((words[1:] == words[:-1]).any())


def _final_text(history: History, column: str) -> Any:
    assert history.final is not None  # noqa: S101 - the callers made sure
    return _text(history.final[column])


def _text(column: pd.Series) -> Any:
    text = pa.array(column, pa.large_string(), from_pandas=True)
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _array(flags: Any) -> NDArray[np.bool_]:
    array: NDArray[np.bool_] = flags.to_numpy(zero_copy_only=False)
    return array


def _input_hashes(request: IntArray) -> Any:
    """Return `INPUT_HASH` of each request as an Arrow array, without a Python object per job."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(request), 64), digits[0])
    for place in range(8):
        # Request numbers are int32: eight hexadecimal digits hold them, the rest are zeros.
        text[:, 63 - place] = digits[(request >> (4 * place)) & 15]
    offsets = np.arange(len(request) + 1, dtype=np.int64) * 64
    return pa.LargeStringArray.from_buffers(len(request), pa.py_buffer(offsets), pa.py_buffer(text))
