"""What stages have in common whose actors are in other processes."""

from __future__ import annotations

from jobsim.threads.crew import Crew
from jobsim.threads.stage import Stage


class EngineFault(Exception):  # noqa: N818 - becomes the cause of a RunFailed
    """What of the engine failed in another process."""


def note_ends(stage: Stage, crew: Crew) -> None:
    """Keep what is to be told of the processes of a run, all of them ended."""
    stage.died, stage.lost, stage.hosts = crew.died, crew.lost, crew.hosts()
    stage.unreturned = tuple(crew.unreturned)
