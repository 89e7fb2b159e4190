"""A saved run comes back whole, or with a clear error."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from jobsim import InMemoryJobRepository, Run, Scenario, preset, run_threads, run_virtual
from jobsim.run import saved as module
from jobsim.run.saved import SavedRunError
from jobsim.scenario.workload import Workload


@pytest.fixture(scope="module")
def run():
    return run_threads(Scenario(jobs=20, pollers=1, seed=3), speedup=float("inf"))


@pytest.fixture
def saved(run, tmp_path):
    return run.save(tmp_path / "run")


def edit_index(folder, change):
    path = folder / "run.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


def test_every_table_comes_back_as_it_was(run, saved):
    loaded = Run.load(saved)
    for name in ("jobs", "transitions", "calls", "final"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(run, name))
    assert loaded.info == run.info
    assert loaded.workload.scenario == run.workload.scenario
    assert loaded.workload.digest() == run.workload.digest()


def test_a_loaded_workload_can_be_run_again(saved):
    again = run_threads(Run.load(saved).workload, InMemoryJobRepository(), speedup=float("inf"))
    assert len(again.jobs) == 20


def test_a_trace_keeps_its_source_and_its_logged_waits(tmp_path):
    frame = pd.DataFrame({"submit": [0.0, 1.0], "run_time": [1.0, 1.0], "wait": [0.5, -1.0]})
    workload = Workload.from_frame(frame, scenario=Scenario())
    run_threads(workload, speedup=float("inf")).save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run").workload
    assert loaded.source == workload.source
    np.testing.assert_array_equal(loaded.logged_wait, [0.5, np.nan])


def test_a_run_without_calls_comes_back_without(run, tmp_path):
    Run(run.workload, run.info, run.jobs).save(tmp_path / "virtual")
    loaded = Run.load(tmp_path / "virtual")
    assert loaded.calls is None
    assert loaded.final is None


def test_hostile_text_comes_back_as_it_was(tmp_path):
    class Hostile(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            raise OSError("<script>\x00\u202e🙂" + "x" * 1000)

    run = run_threads(Scenario(name="<b>\x00", jobs=2), Hostile(), speedup=float("inf"))
    loaded = Run.load(run.save(tmp_path / "run"))
    assert loaded.calls["error"].tolist() == run.calls["error"].tolist()
    assert loaded.workload.scenario.name == "<b>\x00"


def test_nothing_is_overwritten(run, saved):
    with pytest.raises(SavedRunError, match="already exists"):
        run.save(saved)
    assert len(Run.load(saved).jobs) == 20


def test_missing_parent_folders_are_made(run, tmp_path):
    assert run.save(tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_written_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SavedRunError, match="cannot be written"):
        run.save(tmp_path / "file" / "run")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_run_is_written_whole_or_not_at_all(run, tmp_path, monkeypatch, error):
    def fail(*_args):
        raise error

    monkeypatch.setattr(module, "_sha256", fail)
    with pytest.raises((SavedRunError, KeyboardInterrupt)):
        run.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SavedRunError, match=r"is not a saved run: it has no run\.json"):
            Run.load(folder)


def test_a_changed_table_is_an_error(saved):
    with (saved / "jobs.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(SavedRunError, match=r"jobs\.parquet is damaged"):
        Run.load(saved)


def test_a_missing_table_is_an_error(saved):
    (saved / "calls.parquet").unlink()
    with pytest.raises(SavedRunError, match=r"calls\.parquet is missing"):
        Run.load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_an_index_that_is_no_index_is_an_error(saved, text):
    (saved / "run.json").write_text(text)
    with pytest.raises(SavedRunError, match=r"run\.json"):
        Run.load(saved)


def test_another_format_is_an_error_that_names_both(saved):
    edit_index(saved, lambda index: index.update(format=99))
    with pytest.raises(SavedRunError, match="has format 99, this jobsim reads up to format 3"):
        Run.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.pop("sha256"),
        lambda index: index["sha256"].pop("jobs"),
        lambda index: index.pop("info"),
        lambda index: index["scenario"].update(workers=0),
        lambda index: index["info"].update(engine="steam"),
        lambda index: index.update(sha256={"../run": "0"}),
    ],
)
def test_a_damaged_index_is_an_error(saved, change):
    edit_index(saved, change)
    with pytest.raises(SavedRunError):
        Run.load(saved)


@pytest.mark.parametrize("name", ["steady", "retry-storm"])
def test_a_run_saved_before_all_runs_had_the_same_columns_is_converted(name, tmp_path):
    run = run_virtual(preset(name).replace({"jobs": 30}))
    folder = run.save(tmp_path / "run")
    lacked = ["job_id", "lateness"]
    if name == "steady":
        lacked += ["released", "crashed", "reaped", "left"]
    before = run.jobs.drop(columns=lacked).astype({"attempt": "int16"})
    before.to_parquet(folder / "jobs.parquet")
    index = json.loads((folder / "run.json").read_text())
    index |= {"format": 1}
    index["sha256"]["jobs"] = hashlib.sha256((folder / "jobs.parquet").read_bytes()).hexdigest()
    (folder / "run.json").write_text(json.dumps(index))
    pd.testing.assert_frame_equal(Run.load(folder).jobs, run.jobs)


def test_a_run_in_which_no_create_had_an_answer_can_be_judged_when_it_is_loaded(tmp_path):
    class Failing(InMemoryJobRepository):
        def create(self, input_hash):
            raise OSError

    scenario = preset("steady").replace({"jobs": 3})
    run = run_threads(scenario, Failing(), speedup=float("inf"), progress=False)
    loaded = Run.load(run.save(tmp_path / "run"))
    assert len(loaded.final) == 0
    assert loaded.check() == run.check()


def test_a_run_saved_before_calls_could_end_without_effect_is_converted(saved):
    wanted = Run.load(saved)
    for name in ("calls", "final"):
        path = saved / f"{name}.parquet"
        table = pd.read_parquet(path)
        five = table["outcome"].cat.remove_categories("no_effect")
        table.assign(outcome=five).to_parquet(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        edit_index(
            saved, lambda index, name=name, digest=digest: index["sha256"].update({name: digest})
        )
    edit_index(saved, lambda index: index.update(format=2))
    found = Run.load(saved)
    pd.testing.assert_frame_equal(found.calls, wanted.calls)
    pd.testing.assert_frame_equal(found.final, wanted.final)
