"""The stage of a run that never waits, with its actors in other processes.

Only the queue of payments is here, in the first process, so that the run measures the repository
and not this process.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from jobsim.domain.marks import CLIENT, POLLER
from jobsim.threads.cast import cast, cast_of
from jobsim.threads.crew import Crew
from jobsim.threads.member import Member
from jobsim.threads.spread import EngineFault, note_ends
from jobsim.threads.stage import Setting, Stage


class SpreadPressed(Stage):
    """Actors that never wait, in other processes; their payments pass through here, in order.

    The payments that the workers of a dying process hold are lost with it, as in real life.

    Parameters
    ----------
    crew
        The processes, ready.
    setting
        As for any stage.
    """

    def __init__(self, crew: Crew, setting: Setting) -> None:
        workload, recorded, self.clock, self._over = setting
        self.processes = crew.processes
        self.actors = []
        self._crew, self._recorded = crew, recorded
        self._lock = threading.Lock()
        self._payments: deque[int] = deque()  # rows; guarded by _lock
        # How many payments each has requested and not received; guarded by _lock.
        self._wanted = dict.fromkeys(crew.members, 0)
        self._turns = list(crew.members)  # the one served longest ago comes first; guarded by _lock
        self._told: set[Member] = set()  # those with messages to flush; guarded by _lock
        self._known: dict[int, tuple[Any, ...]] = {}  # by row; guarded by _lock
        self._busy = set(crew.members)  # those with active clients or workers; guarded by _lock
        casts = {m: cast_of(workload.scenario, m.number, crew.processes) for m in crew.members}
        # How many clients of each have not retired; guarded by _lock.
        self._clients = {m: sum(who[1] == CLIENT for who in casts[m]) for m in crew.members}
        self._looking = [m for m in crew.members if any(who[1] == POLLER for who in casts[m])]
        self._closed_queue = False  # guarded by _lock
        for role, index in cast(workload.scenario):
            recorded.add(crew.reader(role, index))
        crew.serve(self._hear, self._gone)

    def begin(self) -> None:
        """Let the actors act."""
        self.clock.start()
        self._crew.go()

    def close(self) -> None:
        """Let every actor end, and every process."""
        self._crew.close()
        note_ends(self, self._crew)

    def faults(self) -> Iterator[BaseException]:
        """Return what is the engine's own fault."""
        return (EngineFault(text) for text in self._crew.faults)

    def settled(self) -> int:
        """Return how many jobs are settled."""
        return sum(member.settled for member in self._crew.members)

    def created(self) -> dict[int, str]:
        """Return the id of every created job by its row, in order."""
        with self._lock:
            told = {row: known[2] for row, known in self._known.items()}
        return dict(sorted((self._crew.created_by_died() | told).items()))

    def _hear(self, member: Member, kind: str, what: list[Any]) -> None:
        """Handle a message of a process; called in its reader."""
        with self._lock:
            if kind in ("created", "paid"):
                self._note_job(member, *what)
            if kind == "paid":
                self._payments.append(what[0])
            elif kind == "take":
                self._wanted[member] += what[0]
            elif kind == "retired":
                self._clients[member] -= 1
            elif kind == "idle":
                self._busy.discard(member)
            told = self._hand_out()
        for other in told:
            other.out.flush()

    def _note_job(self, member: Member, row: int, known: tuple[Any, ...]) -> None:
        """Take note of a job when it is first reported; called under _lock."""
        if row in self._known:  # its payment was confirmed twice
            return
        self._known[row] = known
        self._recorded.learn(known)
        for other in self._looking:
            if other is not member:
                other.out.post("created", row, known)
                self._told.add(other)

    def _gone(self, member: Member) -> None:
        """Go on without a process: it sends and takes no more payments."""
        with self._lock:
            self._clients[member] = self._wanted[member] = 0
            self._busy.discard(member)
            told = self._hand_out()
        for other in told:
            other.out.flush()

    def _hand_out(self) -> set[Member]:
        """Give payments, first in first out, to processes that requested them; under _lock.

        A payment goes to the process that has requested most, and among equals to the one that was
        served longest ago, so that two confirmations of one job meet in two processes. Messages are
        queued under the lock, which keeps their order. They are sent later, to the processes that
        this returns, so that a slow reader keeps nobody waiting.
        """
        told, self._told = self._told, set()
        while self._payments:
            # `max` returns the first of equals, which was served longest ago.
            member = max(self._turns, key=self._wanted.__getitem__)
            if not self._wanted[member]:
                break
            self._wanted[member] -= 1
            self._turns.remove(member)
            self._turns.append(member)
            row = self._payments.popleft()
            member.out.post("paid", row, self._known[row])
            told.add(member)
        if not self._payments and not any(self._clients.values()) and not self._closed_queue:
            self._closed_queue = True
            for member in self._crew.members:
                member.out.post("over")
                told.add(member)
        if not self._busy:
            self._over()
        return told
