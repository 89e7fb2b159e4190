"""The files of a history that outlives its process."""

import os

import pytest

from jobsim import InMemoryJobRepository
from jobsim.domain.codes import OK, PENDING
from jobsim.repository.journal import JournalledRecorder, JournalReader
from jobsim.repository.recorded import RecordedRepository


def test_a_row_of_which_a_part_is_written_ends_the_recording(tmp_path, monkeypatch):
    recorded = RecordedRepository(
        InMemoryJobRepository(),
        recorder=lambda name, *rest: JournalledRecorder(tmp_path / name, name, *rest),
    )
    actor = recorded.actor("worker-0")
    actor.count()
    write, kept = os.write, (tmp_path / "worker-0.calls").stat()

    def half(file, data):
        """A full disk takes a part and says how much; what is overwritten in place still fits."""
        full = os.path.samestat(os.fstat(file), kept)
        return write(file, data[: len(data) // 2] if full else data)

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        actor.count()
    monkeypatch.undo()
    actor.close()
    rows = JournalReader(tmp_path / "worker-0", "worker-0").history().rows
    assert rows["outcome"].tolist() == [OK, PENDING]
