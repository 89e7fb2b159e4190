"""What the stages with actors in other processes have in common."""

from __future__ import annotations

from jobsim.threads.crew import Crew
from jobsim.threads.stage import Stage


class EngineFault(Exception):  # noqa: N818 - becomes the cause of a RunFailed
    """A fault of the engine in another process."""


def note_ends(stage: Stage, crew: Crew) -> None:
    """Copy what is known about the processes of a run to its stage, after all have ended."""
    stage.died, stage.lost, stage.hosts = crew.died, crew.lost, crew.hosts()
    stage.unreturned = tuple(crew.unreturned)
