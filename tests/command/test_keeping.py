"""A run's folder has a name of its own, and every run finds a place."""

import re
from pathlib import Path

import pytest

from jobsim import Run, Scenario, run_virtual
from jobsim.command.keeping import claim_for, keep
from jobsim.run.saved import SavedRunError


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("steady", "steady"),
        ("../../etc", "etc"),
        ("a b/c", "a-b-c"),
        ("", "run"),
        ("////", "run"),
        ("x" * 500, "x" * 60),
        ("größe", "größe"),
    ],
)
def test_a_folder_is_named_after_the_scenario_and_the_time(name, stem):
    with claim_for(None, name) as claim:
        assert claim.path.parent == Path("runs")
        assert re.fullmatch(rf"{re.escape(stem)}-\d{{8}}-\d{{6}}", claim.path.name)


def test_claims_at_the_same_second_take_different_names():
    claims = [claim_for(None, "steady") for _ in range(5)]
    assert len({claim.path for claim in claims}) == 5
    for claim in claims:
        claim.release()
    assert list(Path("runs").iterdir()) == []


def test_a_name_that_a_person_chose_is_not_changed():
    with claim_for(Path("mine"), "steady") as claim:
        assert claim.path == Path("mine")
        with pytest.raises(SavedRunError, match="is being written by another process"):
            claim_for(Path("mine"), "steady")


def test_a_run_is_kept_where_it_should_be():
    run = run_virtual(Scenario(jobs=5))
    with claim_for(Path("mine"), "steady") as claim:
        assert keep(run, claim) == (Path("mine"), "")
    assert len(Run.load("mine").jobs) == 5


def test_a_folder_that_came_meanwhile_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    run = run_virtual(Scenario(jobs=5))
    with claim_for(Path("mine"), "steady") as claim:
        Path("mine").mkdir()
        Path("mine", "theirs").write_text("")
        folder, problem = keep(run, claim)
    assert folder == tmp_path / "elsewhere" / "jobsim-mine"
    assert problem.startswith("mine: cannot be written")
    assert [path.name for path in Path("mine").iterdir()] == ["theirs"]
