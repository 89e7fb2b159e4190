"""A table of which technique is safe at which isolation level, made by racing on a database."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from jobsim.repository.sql_repo import SqlJobRepository
from jobsim.testing.broken_sql import BROKEN_SQL
from jobsim.testing.correct_sql import CORRECT_SQL
from jobsim.testing.racing import ROUNDS, Raced, race
from jobsim.testing.sql_steps import AUTOCOMMIT, SQLITE_BEGINS

LEVELS = {
    "postgresql": ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"),
    "sqlite": (AUTOCOMMIT, *SQLITE_BEGINS),
}
"""The isolation levels of the table; for SQLite, how a transaction begins."""

_AT_ITS_OWN_LEVEL = frozenset(
    {
        "acknowledge_before_commit",
        "begin_immediate",
        "delete_then_insert",
        "for_update_in_autocommit",
        "id_from_timestamp",
        "read_replica",
        "stale_identity_map",
    }
)
"""Techniques that set their isolation level themselves, or that do not depend on it."""

_AT_ITS_OWN_ON_SQLITE = frozenset({"for_update", "unit_of_work", "update_returning"})
"""Techniques that begin as IMMEDIATE on SQLite, or use no transaction."""

_NOT_RACED = frozenset({"blind_retry", "no_retry"})
"""The first is correct unless an answer is lost; the second is the same as `select_then_update`."""


class Cell(NamedTuple):
    """A technique, an isolation level (None: its own) and a number of instances."""

    technique: str
    isolation: str | None
    instances: int

    def race(self, url: str, *, rounds: int = ROUNDS) -> Raced:
        """Race the technique on a database."""
        kind = {**BROKEN_SQL, **CORRECT_SQL}[self.technique]

        def make() -> SqlJobRepository:
            return kind(url, isolation=self.isolation)

        return race(make, instances=self.instances, rounds=rounds)


def cells(url: str) -> list[Cell]:
    """Return the rows of `technique_table` for a database."""
    on_sqlite = url.startswith("sqlite")
    levels = LEVELS["sqlite" if on_sqlite else "postgresql"]
    own = _AT_ITS_OWN_LEVEL | (_AT_ITS_OWN_ON_SQLITE if on_sqlite else frozenset())
    found: list[Cell] = []
    for name in (*BROKEN_SQL, *CORRECT_SQL):
        if name in _NOT_RACED:
            continue
        if name in own:
            found.append(Cell(name, None, 1))
        elif name == "lock_in_the_process":
            # With one instance it is correct; with two, which stand for two processes, it is not.
            found += [Cell(name, levels[0], 1), *(Cell(name, level, 2) for level in levels)]
        else:
            found += [Cell(name, level, 1) for level in levels]
    return found


def technique_table(
    url: str, *, techniques: Collection[str] | None = None, rounds: int = ROUNDS
) -> pd.DataFrame:
    """Race techniques at every isolation level of a database.

    Parameters
    ----------
    url
        Of the database, as in `SqlJobRepository`; its table ``jobs`` grows.
    techniques
        Names out of `BROKEN_SQL` and `CORRECT_SQL`; all of them unless given.
    rounds
        How many jobs are raced for, in each row.

    Returns
    -------
    DataFrame
        One row per technique, isolation level and number of instances: `technique`, `isolation`
        (empty: its own), `instances`, `verdict`, `found` (the violated rules) and `errors`
        (``"none"`` or ``"some"``: whether calls ended in an error of the database).

    Raises
    ------
    ValueError
        If there is no such technique in the table.
    """
    every = cells(url)
    known = {cell.technique for cell in every}
    if unknown := sorted(set(known if techniques is None else techniques) - known):
        raise ValueError(
            f"{unknown[0]!r} is not a technique of the table; they are {', '.join(sorted(known))}"
        )
    rows = []
    for cell in every:
        if techniques is not None and cell.technique not in techniques:
            continue
        raced = cell.race(url, rounds=rounds)
        found = ", ".join(sorted(raced.verdict.counts))
        errors = "some" if raced.errors else "none"
        rows.append((*cell, raced.verdict.outcome.value, found, errors))
    columns = ["technique", "isolation", "instances", "verdict", "found", "errors"]
    return pd.DataFrame(rows, columns=columns).fillna({"isolation": ""})


def technique_grid(table: pd.DataFrame) -> pd.DataFrame:
    """Return `technique_table` with a row per technique and a column per isolation level.

    A verdict says if there were errors of the database. Techniques that set their isolation level
    themselves are in a column of their own.
    """
    several = table["instances"] > 1
    name = table["technique"].where(
        ~several, table["technique"] + ", " + table["instances"].astype("str") + " instances"
    )
    told = table["verdict"].where(table["errors"] == "none", table["verdict"] + ", with errors")
    cells = pd.DataFrame({"technique": name, "level": table["isolation"], "told": told})
    cells["level"] = cells["level"].replace({"": "its own"})
    grid = cells.pivot_table(
        index="technique", columns="level", values="told", aggfunc="first", sort=False
    )
    return grid.fillna("").rename_axis(None, axis="columns")
