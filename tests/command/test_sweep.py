"""``jobsim sweep`` prints intervals, and writes all figures."""

from command_line import jobsim


def test_a_sweep_prints_intervals_and_writes_all_figures(tmp_path, capsys):
    arguments = ["--over", "workers=7:8", "--over", "arrivals.rate=1,2.5", "--replications", "3"]
    chosen = ["--metric", "wait_p95", "--out", "all.csv"]
    assert jobsim("sweep", "steady", "--jobs", "200", *arguments, *chosen) == 0
    out = capsys.readouterr().out
    assert "wait_p95 (s)" in out
    assert "3 runs each" in out
    assert out.count("±") == 4
    assert "12 runs are in all.csv" in out
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 13


def test_any_percentile_and_any_level_can_be_swept(capsys):
    figures = ["--metric", "wait_p90", "--metric", "wait_within_2s", "--metric", "failed"]
    few = ["--jobs", "200", "--over", "workers=7:8", "--replications", "3"]
    assert jobsim("sweep", "steady", *few, *figures) == 0
    out = capsys.readouterr().out
    assert "wait_p90 (s)" in out
    assert "wait_within_2s (share)" in out
