"""What the README shows is what happens."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from jobsim import run_virtual
from jobsim.command.parser import parsed
from jobsim.scenario.scenario import Scenario
from jobsim.testing.conformance import every_schedule

# The units have tests of their own; to trace these would cost as much as they do.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_python_blocks_print_what_stands_below_them(monkeypatch):
    # No output shows how many schedules the kit runs.
    monkeypatch.setattr(every_schedule, "BUDGET", 100)
    names = {}
    for code, expected in zip(blocks("python"), blocks("text"), strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, names)  # noqa: S102 - our own README
        assert out.getvalue() == expected


@pytest.mark.parametrize("toml", blocks("toml"))
def test_every_scenario_file_is_valid_and_runs(toml, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(toml)
    assert run_virtual(Scenario.from_toml(path)).metrics()["completed"] > 0


@pytest.mark.parametrize(
    "command",
    [line.split("#")[0][2:].strip() for block in blocks("console") for line in block.splitlines()],
)
def test_every_command_exists(command):
    program, *arguments = command.replace("'", "").split()
    if program == "make":
        assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text()
    else:
        assert program == "jobsim"
        assert parsed(arguments).execute


@pytest.mark.parametrize("path", re.findall(r"`((?:notebooks|jobsim)/[\w./]+)`", README))
def test_every_file_that_is_named_is_there(path):
    assert (ROOT / path).exists()


def test_the_picture_has_alternative_text_and_is_there():
    ((text, path),) = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    assert len(text) > 20
    assert (ROOT / path).is_file()
