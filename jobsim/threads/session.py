"""One threaded run, from its first thread to the final reads of the repository."""

from __future__ import annotations

import math
import threading
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime, timezone
from functools import partial
from typing import Protocol

import pandas as pd

from jobsim.display.progress import LiveProgress
from jobsim.domain.marks import AUDITOR, CLIENT, WORKER
from jobsim.repository.protocol import JobRepository
from jobsim.repository.recorded import RecordedRepository
from jobsim.run.info import Ended, RunInfo, Unreturned
from jobsim.run.interrupts import Interrupts
from jobsim.run.run import Run, RunFailed
from jobsim.scenario.workload import Workload
from jobsim.threads.audit import (
    AFTER_FAULTS_S,
    PATIENCE_S,
    Audit,
    Look,
    count_all,
    count_until,
    look_until,
)
from jobsim.threads.clock import Source, WallClock
from jobsim.threads.daemons import Daemon, replaced_by
from jobsim.threads.live import View, view
from jobsim.threads.perturb import Perturbation, PerturbedRepository
from jobsim.threads.run_tables import run_of
from jobsim.threads.stage import MakeStage, Paced, Player, Pressed, Setting, Stage

GRACE_S = 1.0
"""How long after the end of a run a thread may stay inside a repository call."""

_TICK_S = 0.1


class Injector(Protocol):
    """Injects faults during a run, such as `jobsim.testing.faults.Faults`."""

    @property
    def table(self) -> pd.DataFrame:
        """What was injected, as in `jobsim.tables.schema.FAULTS`."""
        ...

    def active(self) -> AbstractContextManager[None]:
        """Inject faults until the exit, which waits until the database answers."""
        ...


class Session:
    """The threads of one run, and what the main thread does for it.

    All methods but `_play` are for the main thread. CPython cannot stop a thread that is blocked,
    so all threads are daemons, and the main thread never waits without a timeout, so that it always
    receives Ctrl-C.
    """

    def __init__(
        self,
        workload: Workload,
        repository: JobRepository,
        speedup: float,
        *,
        perturb: bool,
        source: Source | None = None,
        faults: Injector | None = None,
        stage: MakeStage | None = None,
    ) -> None:
        self._workload = workload
        self._injector = faults
        self._clock = WallClock(speedup, source)
        self._repository = repository
        self._perturbation = Perturbation(repository, workload.scenario.seed) if perturb else None
        self._recorded = RecordedRepository(
            repository
            if self._perturbation is None
            else PerturbedRepository(repository, self._perturbation),
            clock_ns=self._clock.now_ns,
        )
        self._over = threading.Event()  # nothing more can happen, or an actor is at fault
        kind = stage or (Pressed if math.isinf(speedup) else Paced)
        self._stage: Stage = kind(Setting(workload, self._recorded, self._clock, self._over.set))
        self._actors = self._stage.actors
        self._daemons = [
            Daemon(actor.recorder.name, partial(self._play, actor)) for actor in self._actors
        ]
        self._lock = threading.Lock()
        # How many clients and workers have not ended: the run ends with them; guarded by _lock.
        self._at_work = workload.scenario.clients + workload.scenario.workers
        self._count_before: int | None = None
        self._unreturned: list[Unreturned] = []

    def run(self, progress: LiveProgress, wall_limit: float | None) -> Run:
        """Run the workload to its end, or to an early one, and return what was recorded."""
        requests = self._workload.requests
        shown = view(self._recorded, self._clock, requests=requests, progress=progress)
        # Ctrl-C ends the run while it waits, and is only noted elsewhere: however often it is
        # pressed, what has been recorded must not be lost.
        with Interrupts() as interrupts, shown, self._perturbation or nullcontext():
            return self._run(shown, wall_limit, interrupts)

    def _run(self, shown: View, wall_limit: float | None, interrupts: Interrupts) -> Run:
        """Start, watch, stop, collect; however a run ends, what was recorded is kept."""
        started_at = datetime.now(timezone.utc)
        clock = self._clock
        clock.start()  # and again in _start: a run that ends before that needs a start too
        fault: BaseException | None = None
        ended: Ended
        injecting = ExitStack()
        try:
            with interrupts.heard():
                self._count()
                if self._injector is not None:
                    injecting.enter_context(self._injector.active())
                self._start()
                ended = self._watch(shown, wall_limit)
        except KeyboardInterrupt:
            ended = "interrupted"
        except Exception as exc:  # noqa: BLE001 - such as no more threads to be had
            fault = exc
        # Before the threads are joined: waiting for them is not part of the run.
        wall_seconds = (clock.now_ns() - clock.zero_ns) * 1e-9
        self._stop()
        injecting.close()  # from here on nothing is injected, and the server answers
        try:
            shown.finish(self._stage.settled())  # exact: all threads have ended or are stuck
        except Exception as exc:  # noqa: BLE001 - the display failed; what was recorded is kept
            fault = exc
        # A fault of a thread comes first: it may be the cause of what the main thread saw.
        fault = next(self._stage.faults(), fault)
        if fault is not None:
            ended = "failed"
        looks, ended, unread = self._final(ended, interrupts)
        if fault is None and unread is not None:
            fault, ended = unread, "failed"
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
            unreturned=(*self._unreturned, *self._stage.unreturned),
            processes=self._stage.processes,
            died=self._stage.died,
            lost=self._stage.lost,
            hosts=self._stage.hosts,
            threads_of=replaced_by(),
        )
        run = self._tables(info, looks)
        if fault is not None:
            raise RunFailed(f"{type(fault).__name__}: {fault}", run) from fault
        return run

    def _play(self, actor: Player) -> None:
        """Body of every thread."""
        actor.run()
        if actor.fault is not None:
            self._over.set()
        # Pollers and the reaper keep no run alive.
        if actor.recorder.name.startswith((CLIENT, WORKER)):
            with self._lock:
                self._at_work -= 1
                if not self._at_work:
                    self._over.set()

    def _count(self) -> None:
        audit = Audit([partial(count_all, self._recorded.actor(AUDITOR))], name=AUDITOR)
        if audit.finish(PATIENCE_S):
            (self._count_before,) = audit.results
        else:
            self._leave(audit.daemon)

    def _count_again(self, deadline: float) -> None:
        auditor = self._recorded.actor(AUDITOR)
        audit = Audit([partial(count_until, auditor, deadline)], name=AUDITOR)
        if not audit.finish(AFTER_FAULTS_S + PATIENCE_S):
            self._leave(audit.daemon)

    def _start(self) -> None:
        for daemon in self._daemons:
            daemon.start()
        self._stage.begin()

    def _watch(self, shown: View, wall_limit: float | None) -> Ended:
        deadline = math.inf if wall_limit is None else time.monotonic() + wall_limit
        over = False
        while not over and time.monotonic() < deadline:
            over = self._over.wait(min(_TICK_S, max(deadline - time.monotonic(), 0.0)))
            shown.update_to(self._stage.settled())
        return "complete" if over else "time_limit"

    def _stop(self) -> None:
        """Let every thread end, and note those that do not return from a call."""
        self._stage.close()
        deadline = time.monotonic() + GRACE_S
        for daemon, actor in zip(self._daemons, self._actors, strict=True):
            back = daemon.wait(max(deadline - time.monotonic(), 0.0))
            if not back and not actor.recorder.is_inside_call():
                # On its way out, on a busy machine.
                back = daemon.wait(PATIENCE_S)
            if not back:
                self._leave(daemon)

    def _leave(self, daemon: Daemon) -> None:
        self._unreturned.append(Unreturned(actor=daemon.name, stack=daemon.stack()))

    def _final(
        self, ended: Ended, interrupts: Interrupts
    ) -> tuple[dict[int, Look], Ended, BaseException | None]:
        """Read every created job once more; Ctrl-C ends this too, and so does a fault."""
        created = self._stage.created()
        deadline = -math.inf if self._injector is None else time.monotonic() + AFTER_FAULTS_S
        looks = (
            partial(look_until, self._recorded, job_id, deadline) for job_id in created.values()
        )
        audit = Audit(looks, name=AUDITOR)
        fault: BaseException | None = None
        try:
            with interrupts.heard():
                # If a thread is stuck in the repository, the next read is likely to be as well.
                if not audit.finish(GRACE_S if self._unreturned else PATIENCE_S):
                    self._leave(audit.daemon)
                elif self._injector is not None:
                    # A create that was repeated because its answer was lost shows only here.
                    self._count_again(deadline)
        except KeyboardInterrupt:
            ended = "interrupted"
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - what was recorded is kept
            fault = exc
        return dict(zip(created, list(audit.results), strict=False)), ended, fault

    def _tables(self, info: RunInfo, looks: dict[int, Look]) -> Run:
        """Build the run from what the threads recorded; called after they have ended."""
        return run_of(
            self._workload,
            info,
            self._recorded,
            looks,
            created=self._stage.created(),
            clock=self._clock,
            play=self._stage.play,
            faults=None if self._injector is None else self._injector.table,
        )
