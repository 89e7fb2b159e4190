"""What is printed fits the terminal, and is made of characters that it has."""

import io
import sys

import pytest

from jobsim.command import terminal
from jobsim.command.main import main
from jobsim.command.sweep import with_error


@pytest.fixture
def columns(monkeypatch):
    return lambda number: monkeypatch.setenv("COLUMNS", str(number))


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_long_lines_are_wrapped_under_their_text(columns, capsys):
    columns(40)
    terminal.say("one two three four five six seven eight nine ten", first="✓ label  ")
    shown = lines(capsys)
    assert shown[0].startswith("✓ label  one")
    assert all(line.startswith(" " * 9) for line in shown[1:])
    assert max(map(len, shown)) <= 40


def test_a_path_is_not_torn(columns, capsys):
    columns(30)
    path = "/a/folder/with-a-name/" + "x" * 50
    terminal.say(f"the tables are in {path}")
    assert path in lines(capsys)


def test_rows_are_aligned_and_stand_below_each_other_where_it_is_narrow(columns, capsys):
    rows = [("a-rather-long-label", "its text"), ("short", "another")]
    columns(80)
    terminal.say_rows(rows)
    assert lines(capsys) == ["  a-rather-long-label  its text", "  short                another"]
    columns(50)
    terminal.say_rows(rows)
    assert lines(capsys)[:2] == ["  a-rather-long-label", "    its text"]


def test_a_table_has_aligned_columns(capsys):
    terminal.say_table(["", "mean", "p95"], [["wait", "1.5 s", "12 s"], ["sojourn", "2 s", "9 s"]])
    assert lines(capsys) == [
        "            mean   p95",
        "  wait     1.5 s  12 s",
        "  sojourn    2 s   9 s",
    ]


def test_text_from_outside_is_inert(capsys):
    terminal.say_rows([("\x1b[31m", "a\nb\x07")])
    assert lines(capsys) == [r"  \x1b[31m  a\nb\x07"]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "+ x +- u ... ?"),
        ("cp932", "+ x ± u … ?"),
        ("gbk", "+ x ± u … ?"),
        ("utf-8", "✓ ✗ ± µ … ж"),
    ],
)
def test_what_the_encoding_lacks_is_replaced(monkeypatch, encoding, expected):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.prepare()
    stream.write("✓ ✗ ± µ … ж\n")
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)
    assert shown.replace("ж", "?") == expected.replace("ж", "?") + "\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "gbk", "latin-1", "utf-16"])
def test_every_command_ends_well_in_every_encoding(tmp_path, monkeypatch, encoding):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('name = "Größe ✓ 中文 \\U0001F600"\njobs = 9\n', "utf-8")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(
            sys, stream, io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
        )
    run = ["run", "mine.toml", "--speedup", "inf", "--no-report", "--out", "r"]
    assert main([*run, "--require", "wait_p95<1e9"]) == 0
    assert main(["show", "r"]) == 0
    assert main(["check", "r"]) == 0
    assert main(["presets"]) == 0
    assert main(["sweep", "mine.toml", "--over", "workers=2:3", "--replications", "2"]) == 0
    assert main(["run", "größe ✓.toml"]) == 2


@pytest.mark.parametrize("columns_", [50, 80, 120])
def test_every_command_fits_the_terminal(tmp_path, monkeypatch, capsys, columns, columns_):
    monkeypatch.chdir(tmp_path)
    columns(columns_)
    (tmp_path / "log.csv").write_text("arrival,service\n0,1\n1,1\n")
    run = ["run", "retry-storm", "--engine", "virtual", "--jobs", "300", "--no-report"]
    main([*run, "--out", "r", "--require", "wait_p95<30"])
    main(["run", "steady", "--jobs", "9", "--speedup", "inf", "--no-report", "--out", "t"])
    main(["show", "t"])
    main(["check", "t"])
    main(["presets"])
    main(["log", "log.csv"])
    main(["sweep", "steady", "--jobs", "300", "--over", "workers=7:8", "--replications", "3"])
    main(["workers-needed", "steady", "wait_p95=5", "--jobs", "300", "--replications", "3"])
    too_long = [line for line in lines(capsys) if len(line) > columns_]
    assert too_long == []


@pytest.mark.parametrize(
    ("mean", "half_width", "expected"),
    [
        (49.9812, 4.0431, "49.98 ± 4.04"),
        (0.07642, 0.04513, "0.0764 ± 0.0451"),
        (12345.6, 678.9, "12,346 ± 679"),
        (3.0, 0.0, "3.00 ± 0.00"),
        (0.0, 0.0, "0.00 ± 0.00"),
        (1.5, float("nan"), "1.5"),
        (float("nan"), float("nan"), "none"),
    ],
)
def test_a_mean_is_written_to_the_digits_that_are_known(mean, half_width, expected):
    assert with_error(mean, half_width) == expected
