"""What a run says of how and where it was made."""

from jobsim import Scenario, run_threads, run_virtual
from jobsim.run.info import Platform, RunInfo


def test_a_run_tells_where_it_ran():
    platform = run_virtual(Scenario(jobs=1)).info.platform
    assert platform == Platform.here()
    assert {"jobsim-toolkit", "numpy", "pandas", "pydantic"} <= set(platform.versions)
    assert platform.cpu_count >= 1
    assert platform.gil in (True, False)


def test_an_infinite_speedup_survives_json():
    run = run_threads(Scenario(jobs=1), speedup=float("inf"))
    assert run.info.speedup == float("inf")
    text = run.info.model_dump_json()
    assert RunInfo.model_validate_json(text) == run.info
