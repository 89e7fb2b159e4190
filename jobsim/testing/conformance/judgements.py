"""Checks of answers that the verdict on the history cannot make: texts and their times."""

from __future__ import annotations

import pandas as pd

from jobsim.domain.marks import end_texts
from jobsim.domain.models import JobStatus
from jobsim.proof.history import History
from jobsim.proof.verdict_value import Call
from jobsim.testing.conformance.ends import Failed
from jobsim.testing.conformance.players import Notes

_ENDS = (JobStatus.COMPLETED, JobStatus.FAILED)


def call_of(calls: pd.DataFrame, actor: str, row: int) -> Call:
    """Return a call by its actor and its place among that actor's calls."""
    return History(calls).call(int(calls.index[calls["actor"] == actor][row]))


def refuse_torn(notes: Notes, calls: pd.DataFrame) -> None:
    """Raise `Failed` if an answer shows a status without its text, or a text without its status."""
    for answer in notes.torn[:1]:
        call, job = call_of(calls, answer.actor, answer.row), answer.job
        raise Failed(
            f"{call.name} {call.answer} with result {job.result!r:.200} "
            f"and error {job.error!r:.200}: "
            "a status and its text are written at one instant",
            (call,),
        )


def refuse_foreign_texts(notes: Notes, calls: pd.DataFrame) -> None:
    """Raise `Failed` if an answer shows a text that is not from the call that ended the job."""
    ends = calls["target"].isin([status.value for status in _ENDS])
    written = calls[(calls["op"] == "update_status") & ends & (calls["job"] >= 0)]
    # Only writes that were answered: the others may or may not have happened.
    ended = written[written["outcome"] == "ok"]
    maybe = written[written["outcome"].isin(["error", "pending"])]
    # If two calls claim to have ended a job, the verdict reports it. If a call ended in an error,
    # it may be the writer. In both cases no text is certainly wrong.
    known = ended["job"].duplicated(keep=False)
    writer = dict(zip(ended["job"][~known], ended["actor"][~known].astype(str), strict=True))
    number_of = {job.job_id: number for number, job in notes.created}
    doubtful = {*maybe["job"]}
    for answer in notes.ended:
        job = answer.job
        number = number_of.get(job.job_id, -1)
        if number not in writer or number in doubtful:
            continue
        texts = end_texts(job.status, writer[number])
        if (job.result, job.error) != texts:
            call = call_of(calls, answer.actor, answer.row)
            # Exactly one row: jobs with two such writes were left out above.
            wrote = ended.index[ended["job"] == number][0]
            proof = History(calls).call(int(wrote))
            shown, wanted = job.result or job.error, texts[0] or texts[1]
            raise Failed(
                f"job {number}: {call.name} {call.answer} with {shown!r:.200}, but it was "
                f"{proof.name} that ended it, with {wanted!r}",
                (proof, call),
            )


def refuse_backdated(notes: Notes, calls: pd.DataFrame) -> None:
    """Raise `Failed` if an end is dated before its start, according to the answers."""
    number_of = {job.job_id: number for number, job in notes.created}
    running = {job_id: at for job_id, target, at in notes.accepted if target is JobStatus.RUNNING}
    for job_id, target, at in notes.accepted:
        if target is JobStatus.RUNNING or job_id not in running or at >= running[job_id]:
            continue
        wrote = (
            (calls["job"] == number_of[job_id])
            & (calls["outcome"] == "ok")
            & calls["target"].isin([JobStatus.RUNNING.value, target.value])
            & (calls["op"] == "update_status")
        )
        history = History(calls)
        raise Failed(
            f"job {number_of[job_id]}: {target.value} came after running, but its updated_at "
            f"lies {running[job_id] - at} before",
            tuple(history.call(int(row)) for row in calls.index[wrote]),
        )
