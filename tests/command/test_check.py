"""``jobsim check`` gives the verdict on a saved run."""

from command_line import TINY, jobsim


def test_check_prints_the_verdict_of_a_saved_run(capsys):
    jobsim("run", "steady", *TINY, "--out", "r")
    capsys.readouterr()
    assert jobsim("check", "r") == 0
    assert capsys.readouterr().out.startswith("✓ verdict  OK")
