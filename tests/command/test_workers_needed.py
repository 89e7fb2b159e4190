"""``jobsim workers-needed`` prints its answer."""

from command_line import jobsim


def test_workers_needed_prints_its_answer(capsys):
    few = ["--jobs", "300", "--replications", "3"]
    assert jobsim("workers-needed", "steady", "wait_p95=60", *few) == 0
    assert "workers for a wait_p95 of at most 60 s" in capsys.readouterr().out


def test_a_target_that_no_number_of_workers_meets_is_exit_code_one(capsys):
    few = ["--jobs", "300", "--replications", "3"]
    assert jobsim("workers-needed", "steady", "sojourn_mean=0.001", *few) == 1
