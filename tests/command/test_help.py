"""Help comes at once, fits the terminal, and names what there is."""

import re
import subprocess
import sys

import pytest

from jobsim.command import explained
from jobsim.command.main import main
from jobsim.command.parser import COMMANDS
from jobsim.figures.names import UNITS
from jobsim.scenario.presets import preset, presets

HELP = [[], ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]


def test_help_and_version_import_nothing_heavy():
    code = (
        "import contextlib, io, sys\n"
        "from jobsim.command.main import main\n"
        f"for arguments in {HELP!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        assert main(arguments) == 0\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "tqdm"}
    assert heavy & set(done.stdout.split()) == set()


def test_jobsim_alone_prints_help(capsys):
    assert main([]) == 0
    alone = capsys.readouterr().out
    main(["--help"])
    assert alone == capsys.readouterr().out


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_fits_the_terminal(monkeypatch, capsys, columns, arguments):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(arguments) == 0
    too_long = [line for line in capsys.readouterr().out.splitlines() if len(line) > columns]
    assert too_long == []


def test_help_names_every_command(capsys):
    main(["--help"])
    out = capsys.readouterr().out
    assert all(re.search(rf"^    {name}\b", out, re.MULTILINE) for name in COMMANDS)


def test_help_names_every_figure():
    words = set(re.findall(r"[a-z]\w+\*?", explained.FIGURES))
    families = [word.removesuffix("*") for word in words if word.endswith("*")]
    missing = [
        name for name in UNITS if name not in words and not any(map(name.startswith, families))
    ]
    assert missing == []


def test_every_field_that_help_names_can_be_changed():
    fields = re.findall(r"[a-z_.]+", explained.FIELDS.split("\n", 1)[1])
    scenarios = [preset(name) for name in presets()]
    for field in fields:
        assert any(has(scenario, field) for scenario in scenarios), field


def has(scenario, field):
    value = scenario
    for name in field.split("."):
        if not hasattr(value, name):
            return False
        value = getattr(value, name)
    return True
