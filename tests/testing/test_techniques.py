"""What each technique over a database comes to: the same verdict in every run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from jobsim.proof.verdict_value import Outcome
from jobsim.testing.broken_sql import BROKEN_SQL
from jobsim.testing.correct_sql import CORRECT_SQL
from jobsim.testing.techniques import Cell, cells, technique_grid, technique_table

RUNS = int(os.environ.get("JOBSIM_TECHNIQUE_RUNS", "1"))
"""How often each cell is run; `make faults` sets it to 20."""

RC, RR, SER = "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"
AUTO, DEFERRED, IMMEDIATE = "AUTOCOMMIT", "DEFERRED", "IMMEDIATE"

ALWAYS = {
    ("for_update_in_autocommit", None, 1),
    ("stale_identity_map", None, 1),
    ("read_replica", None, 1),
    ("id_from_timestamp", None, 1),
    ("acknowledge_before_commit", None, 1),
    ("delete_then_insert", None, 1),
}
# All other cells are OK.
VIOLATED = {
    "sqlite": ALWAYS
    | {
        ("select_then_update", AUTO, 1),
        ("missing_rowcount", AUTO, 1),
        ("lock_in_the_process", AUTO, 2),
        ("refusal_from_old_snapshot", AUTO, 1),
        *(("swallowed_error", level, 1) for level in (AUTO, DEFERRED)),
        ("serializable_with_retry", AUTO, 1),
    },
    "postgresql": ALWAYS
    | {
        ("select_then_update", RC, 1),
        ("missing_rowcount", RC, 1),
        ("lock_in_the_process", RC, 2),
        ("refusal_from_old_snapshot", RC, 1),
        *(("swallowed_error", level, 1) for level in (RC, RR, SER)),
        ("serializable_with_retry", RC, 1),
    },
}
# What saves them is an error that somebody has to handle.
FAILING = {
    (name, level)
    for name in (
        "select_then_update",
        "missing_rowcount",
        "lock_in_the_process",
        "refusal_from_old_snapshot",
    )
    for level in (DEFERRED, RR, SER)
}


@pytest.mark.parametrize("cell", cells("sqlite://"), ids=str)
def test_on_sqlite(cell, tmp_path):
    assert_verdict(cell, f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF", "sqlite")


@pytest.mark.parametrize("cell", cells("postgresql://"), ids=str)
def test_on_postgres(cell, postgres_module_url):
    assert_verdict(cell, postgres_module_url, "postgresql")


def assert_verdict(cell, url, dialect):
    expected = Outcome.VIOLATED if tuple(cell) in VIOLATED[dialect] else Outcome.OK
    for _ in range(RUNS):
        raced = cell.race(url, rounds=3)
        assert raced.verdict.outcome is expected, raced.verdict
        if (cell.technique, cell.isolation) in FAILING:
            assert raced.errors
        if cell.technique in CORRECT_SQL:
            assert not raced.errors


GUIDE = Path(__file__).parents[2] / "notebooks" / "docs" / "guide" / "databases.md"


def told(cell, dialect):
    if tuple(cell) in VIOLATED[dialect]:
        return "violated"
    return "errors" if (cell.technique, cell.isolation) in FAILING else "right"


def comes_to(dialect, technique, level):
    """Return what is expected of a technique at a level; with two instances where one is right."""
    chosen = {
        cell.isolation: cell for cell in cells(f"{dialect}://") if cell.technique == technique
    }
    return told(chosen.get(level) or chosen[None], dialect)


def test_the_table_of_the_guide_is_what_is_expected_here():
    rows = re.findall(
        r"^\| .*: `(\w+)` \| (.*) \| (.*) \| (.*) \|$", GUIDE.read_text(), re.MULTILINE
    )
    assert {name for name, *_ in rows} == {cell.technique for cell in cells("postgresql://")}
    for name, *shown in rows:
        for level, text in zip((RC, RR, SER), shown, strict=True):
            outcome = "violated" if text.startswith("**") else text
            assert outcome == comes_to("postgresql", name, level), (name, level)


def test_sqlite_comes_to_the_same_as_the_guide_says():
    for technique in {cell.technique for cell in cells("sqlite://")}:
        for here, there in ((AUTO, RC), (DEFERRED, RR)):
            found = comes_to("sqlite", technique, here)
            assert found == comes_to("postgresql", technique, there), technique
    found = [told(cell, "sqlite") for cell in cells("sqlite://") if cell.isolation == IMMEDIATE]
    assert set(found) == {"right"}


def test_every_expectation_is_a_cell():
    for dialect, expected in VIOLATED.items():
        assert expected <= {tuple(cell) for cell in cells(f"{dialect}://")}


def test_at_least_ten_mistakes_and_six_right_ways_are_in_the_gallery():
    assert len(BROKEN_SQL) >= 10
    assert len(CORRECT_SQL) >= 6
    caught = {name for expected in VIOLATED.values() for name, _, _ in expected}
    # Without a fault the first is right, and the second fails instead of being wrong.
    assert set(BROKEN_SQL) - caught == {"blind_retry", "no_retry"}


def test_the_table_has_a_row_for_each_cell(tmp_path, monkeypatch):
    chosen = [Cell("select_then_update", AUTO, 1), Cell("update_returning", None, 1)]
    monkeypatch.setattr("jobsim.testing.techniques.cells", lambda _url: chosen)
    table = technique_table(f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF", rounds=2)
    assert table["technique"].tolist() == ["select_then_update", "update_returning"]
    assert table["isolation"].tolist() == [AUTO, ""]
    assert table["verdict"].tolist() == ["VIOLATED", "OK"]
    assert table["found"].tolist()[0] != table["found"].tolist()[1] == ""
    assert table["errors"].tolist() == ["none", "none"]


def test_a_table_of_chosen_techniques_has_their_rows_and_refuses_others(tmp_path):
    url = f"sqlite:///{tmp_path}/jobs.db?synchronous=OFF"
    table = technique_table(url, techniques=["begin_immediate", "id_from_timestamp"], rounds=1)
    assert table["technique"].tolist() == ["id_from_timestamp", "begin_immediate"]
    with pytest.raises(ValueError, match="'blind_retry' is not a technique of the table"):
        technique_table(url, techniques=["blind_retry"])


def test_the_grid_has_a_row_per_technique_and_a_column_per_level():
    rows = [
        ("a", "LOW", 1, "VIOLATED", "real_time", "none"),
        ("a", "HIGH", 1, "OK", "", "some"),
        ("b", "", 1, "OK", "", "none"),
        ("c", "LOW", 2, "OK", "", "none"),
    ]
    columns = ["technique", "isolation", "instances", "verdict", "found", "errors"]
    grid = technique_grid(pd.DataFrame(rows, columns=columns))
    assert grid.index.tolist() == ["a", "b", "c, 2 instances"]
    assert grid.columns.tolist() == ["LOW", "HIGH", "its own"]
    assert grid.loc["a"].tolist() == ["VIOLATED", "OK, with errors", ""]
    assert grid.loc["b", "its own"] == "OK"
