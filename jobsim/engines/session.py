"""One threaded run, from the first thread to the last look at the repository."""

from __future__ import annotations

import math
import sys
import threading
import time
import traceback
from contextlib import nullcontext
from datetime import datetime, timezone
from functools import partial

import pandas as pd

from jobsim.analysis.calls import calls_table
from jobsim.analysis.derive import jobs_from_calls, transitions_from_calls
from jobsim.engines.actors import Actor, Client, Poller, Stage, Worker
from jobsim.engines.audit import PATIENCE_S, Audit, count_all, final_table, look
from jobsim.engines.clock import Clock
from jobsim.engines.payments import PaymentQueue, Payments, UntimedQueue
from jobsim.engines.perturb import Perturbation, PerturbedRepository
from jobsim.progress import Bar, bar
from jobsim.repository.protocol import JobRepository
from jobsim.repository.recorded import RecordedRepository
from jobsim.run import Ended, Run, RunFailed, RunInfo, Unreturned
from jobsim.scenario.workload import Workload

GRACE_S = 1.0
"""How long after the end of a run a thread may stay inside a repository call."""

_TICK_S = 0.1


class Session:
    """The threads of one run, and the main thread's part in it.

    All methods are for the main thread. CPython cannot stop a thread that is blocked: all
    threads are daemons, and the main thread never waits without a timeout, so that Ctrl-C
    is always heard.
    """

    def __init__(
        self, workload: Workload, repository: JobRepository, speedup: float, *, perturb: bool
    ) -> None:
        scenario = workload.scenario
        clock = Clock(speedup)
        self._repository = repository
        self._perturbation = Perturbation(repository, scenario.seed) if perturb else None
        self._recorded = RecordedRepository(
            repository
            if self._perturbation is None
            else PerturbedRepository(repository, self._perturbation)
        )
        payments: Payments = (
            UntimedQueue(producers=scenario.clients)
            if clock.never_waits
            else PaymentQueue(clock, producers=scenario.clients)
        )
        self._stage = Stage(workload, clock, payments)
        roles: list[tuple[type[Actor], int]] = [
            (Client, scenario.clients),
            (Worker, scenario.workers),
            (Poller, scenario.pollers),
        ]
        self._actors = [
            role(index, self._stage, self._recorded.actor(f"{role.role}-{index}"))
            for role, number in roles
            for index in range(number)
        ]
        self._threads = [
            threading.Thread(
                target=self._play, args=(actor,), name=f"jobsim {actor.recorder.name}", daemon=True
            )
            for actor in self._actors
        ]
        self._over = threading.Event()  # clients and workers are done, or an actor is at fault
        self._lock = threading.Lock()
        self._at_work = scenario.clients + scenario.workers  # guarded by _lock
        self._count_before: int | None = None
        self._unreturned: list[Unreturned] = []

    def run(self, progress: bool | None, wall_limit: float | None) -> Run:
        """Run the workload to its end, or to an early one, and return what was recorded."""
        with self._perturbation or nullcontext():
            return self._run(progress, wall_limit)

    def _run(self, progress: bool | None, wall_limit: float | None) -> Run:
        started_at = datetime.now(timezone.utc)
        clock = self._stage.clock
        clock.start()  # again in _start; a run that ends before has a start all the same
        fault: BaseException | None = None
        ended: Ended
        try:
            self._count()
            self._start()
            with bar(len(self._stage.workload), "jobs", unit="job", progress=progress) as shown:
                ended = self._watch(shown, wall_limit)
        except KeyboardInterrupt:
            ended = "interrupted"
        except Exception as exc:  # noqa: BLE001 - such as no more threads to be had
            fault = exc
        wall_seconds = (time.perf_counter_ns() - clock.zero_ns) * 1e-9
        self._stop()
        fault = next((actor.fault for actor in self._actors if actor.fault), fault)
        if fault is not None:
            ended = "failed"
        final, ended = self._final(ended)
        info = RunInfo(
            engine="threads",
            ended=ended,
            speedup=clock.speedup,
            started_at=started_at,
            wall_seconds=wall_seconds,
            zero_ns=clock.zero_ns,
            repository=type(self._repository).__qualname__,
            perturbed=self._perturbation is not None,
            count_before=self._count_before,
            unreturned=tuple(self._unreturned),
        )
        run = self._tables(info, final)
        if fault is not None:
            raise RunFailed(f"{type(fault).__name__}: {fault}", run) from fault
        return run

    def _play(self, actor: Actor) -> None:
        """Body of every thread."""
        actor.run()
        if actor.fault is not None:
            self._over.set()
        if not isinstance(actor, Poller):
            with self._lock:
                self._at_work -= 1
                if not self._at_work:
                    self._over.set()

    def _count(self) -> None:
        audit = Audit([partial(count_all, self._recorded.actor("auditor"))], name="auditor")
        if audit.finish(PATIENCE_S):
            (self._count_before,) = audit.results
        else:
            self._leave("auditor", audit.thread)

    def _start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._stage.clock.start()
        self._stage.go.set()

    def _watch(self, shown: Bar, wall_limit: float | None) -> Ended:
        deadline = math.inf if wall_limit is None else time.monotonic() + wall_limit
        over = False
        while not over and time.monotonic() < deadline:
            over = self._over.wait(min(_TICK_S, max(deadline - time.monotonic(), 0.0)))
            shown.update_to(sum(actor.settled for actor in self._actors))
        return "complete" if over else "time_limit"

    def _stop(self) -> None:
        """Let every thread end, and name those that do not come back from a call."""
        self._stage.stop.set()
        self._stage.go.set()
        self._stage.queue.close()
        deadline = time.monotonic() + GRACE_S
        for thread, actor in zip(self._threads, self._actors, strict=True):
            if thread.ident is None:
                continue  # it could not be started
            thread.join(max(deadline - time.monotonic(), 0.0))
            if thread.is_alive() and not actor.recorder.is_inside_call():
                # On its way out, on a busy machine.
                thread.join(PATIENCE_S)
            if thread.is_alive():
                self._leave(actor.recorder.name, thread)

    def _leave(self, actor: str, thread: threading.Thread) -> None:
        frame = sys._current_frames().get(thread.ident or 0)
        stack = "" if frame is None else "".join(traceback.format_stack(frame))
        self._unreturned.append(Unreturned(actor=actor, stack=stack))

    def _final(self, ended: Ended) -> tuple[pd.DataFrame, Ended]:
        """Look at every created job once more; Ctrl-C ends this too."""
        created = sorted(self._stage.created)
        looks = (partial(look, self._recorded, job_id) for _, job_id in created)
        audit = Audit(looks, name="auditor")
        try:
            # With one thread stuck in the repository, the next is likely to be as well.
            if not audit.finish(GRACE_S if self._unreturned else PATIENCE_S):
                self._leave("auditor", audit.thread)
        except KeyboardInterrupt:
            if ended == "interrupted":
                raise
            ended = "interrupted"
        return final_table([job for job, _ in created], list(audit.results)), ended

    def _tables(self, info: RunInfo, final: pd.DataFrame) -> Run:
        workload, clock = self._stage.workload, self._stage.clock
        calls = calls_table(self._recorded)
        jobs = jobs_from_calls(
            calls,
            arrival=workload.arrival,
            delay=workload.delay,
            zero_ns=clock.zero_ns,
            seconds_per_ns=clock.seconds_per_ns,
            never_waited=clock.never_waits,
        )
        jobs["job_id"] = pd.Series(dict(self._stage.created), dtype="str").reindex(jobs.index)
        transitions = transitions_from_calls(
            calls, zero_ns=clock.zero_ns, seconds_per_ns=clock.seconds_per_ns
        )
        return Run(workload, info, jobs, transitions=transitions, calls=calls, final=final)
