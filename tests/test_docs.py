"""The guide says what happens, and the reference leaves nothing out. `make docs` builds both."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib.util
import io
import re
import shlex
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from matplotlib import pyplot as plt

import jobsim
from jobsim import plot, testing
from jobsim.command.parser import parsed
from jobsim.figures.metrics import UNITS
from jobsim.scenario.scenario import Scenario
from jobsim.tables import schema as tables
from jobsim.testing.conformance import every_schedule

# The units have tests of their own; to trace these would cost as much as they do.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "notebooks" / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*"))
    if path.suffix in {".md", ".rst"}
}


def load_reference():
    folder = DOCS / "reference"
    spec = importlib.util.spec_from_file_location(
        "reference", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = sys.modules["reference"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = load_reference()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def with_blocks(language):
    return [name for name, page in PAGES.items() if blocks(page, language)]


# The first page shows what the README shows, and test_readme.py runs that.
@pytest.mark.parametrize("name", [name for name in with_blocks("python") if name != "index.md"])
def test_python_blocks_print_what_stands_below_them(name, monkeypatch):
    # No output shows how many schedules the kit runs.
    monkeypatch.setattr(every_schedule, "BUDGET", 100)
    names = {}
    pairs = re.findall(
        r"^```python\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?",
        PAGES[name],
        flags=re.MULTILINE | re.DOTALL,
    )
    for code, expected in pairs:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, names)  # noqa: S102 - our own pages
        assert out.getvalue() == expected


def test_code_of_the_charts_draws_one_each():
    names = {}
    found = re.findall(r"^\.\. plot::\n((?:   .*\n|\n)+)", PAGES["guide/charts.rst"], re.MULTILINE)
    assert len(found) > 10
    for block in found:
        options, code = textwrap.dedent(block).strip().split("\n\n", 1)
        exec(code, names)  # noqa: S102 - our own page
        assert len(plt.get_fignums()) == (0 if ":nofigs:" in options else 1)
        assert (":alt:" in options) != (":nofigs:" in options)
        plt.close("all")


def test_every_chart_is_explained():
    drawn = set(re.findall(r"plot\.(\w+)\(", PAGES["guide/charts.rst"]))
    assert drawn == set(plot.__all__)


@pytest.mark.parametrize("name", with_blocks("toml"))
def test_scenario_files_are_valid(name, tmp_path):
    for text in blocks(PAGES[name], "toml"):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        assert Scenario.from_toml(path)


@pytest.mark.parametrize("name", with_blocks("console"))
def test_every_command_exists(name):
    for block in blocks(PAGES[name], "console"):
        for line in block.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "), comments=True)
            assert program == "jobsim"
            assert parsed(arguments).execute


def test_every_public_name_is_in_the_reference():
    pages = "\n".join(reference.filled(page) for name, page in PAGES.items() if "api/" in name)
    documented = set()
    for block in re.split(r"^\.\. currentmodule:: ", pages, flags=re.MULTILINE)[1:]:
        module, body = block.split("\n", 1)
        names = re.findall(r"^\.\. (?:auto\w+|data):: (\w+)$", body, re.MULTILINE)
        documented |= {f"{module}.{name}" for name in names}
    for module in (jobsim, plot, testing):
        assert {f"{module.__name__}.{name}" for name in module.__all__} <= documented


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("jobs", tables.JOBS),
        ("transitions", tables.TRANSITIONS),
        ("calls", tables.CALLS),
        ("final", tables.FINAL),
        ("faults", tables.FAULTS),
    ],
)
def test_every_column_is_explained_and_no_other(name, columns):
    assert set(reference.columns.COLUMNS[name]) == set(columns)


def test_every_figure_is_explained():
    assert set(UNITS) <= set(reference.columns.FIGURES)


def test_every_field_of_a_scenario_is_explained():
    for model in reference.fields.scenario_parts():
        for name, field in model.model_fields.items():
            assert name == "kind" or field.description, f"{model.__name__}.{name}"


def test_every_placeholder_is_filled_and_every_generator_used():
    used = set()
    for page in PAGES.values():
        used |= set(re.findall(r"^\[\[(\w+)", page, re.MULTILINE))
        assert "[[" not in reference.filled(page)
    assert used == set(reference.GENERATORS)


def test_every_notebook_is_a_page():
    (pattern,) = re.findall(r"^\.\./(.*\*)$", PAGES["index.md"], re.MULTILINE)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert fnmatch.fnmatch(path.stem, pattern)


def test_guide_begins_with_what_the_readme_shows():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for language in ("python", "text"):
        assert blocks(PAGES["index.md"], language) == blocks(readme, language)[:1]


def test_only_the_deployment_may_write():
    workflow = yaml.safe_load((ROOT / ".github/workflows/docs.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["build"]
    assert workflow["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    used = [
        step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step
    ]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)
