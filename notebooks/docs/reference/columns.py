"""What the tables, figures, presets, checks and commands say about themselves, and the rest.

The meanings of columns and figures are here; one without an entry is a KeyError, so none stays
undocumented.
"""

from __future__ import annotations

import argparse
from typing import Any

import pandas as pd

from jobsim import testing
from jobsim.command.parser import parser as command_parser
from jobsim.figures.metrics import UNITS
from jobsim.scenario.presets import presets
from jobsim.tables import schema as tables

from .text import block, markdown, notes_below, table

COLUMNS = {
    "jobs": {
        "request": "The request of a client to which it belongs.",
        "attempt": "Which attempt at that request, from 1.",
        "arrival": "When its client meant to ask for it.",
        "created": "When the repository had created it.",
        "paid": "When its confirmation is due: `max(created, arrival + delay)`.",
        "started": "When it became RUNNING.",
        "finished": "When it became COMPLETED or FAILED.",
        "status": "Its status at the end of the run.",
        "worker": "Which worker ran it.",
        "rejected": "How many calls on it were refused.",
        "job_id": "The id that the repository gave it; missing in virtual time.",
        "lateness": "How late it was created: 0 in virtual time, missing without a schedule.",
        "released": "When its worker let go of it, with its result or because it was lost.",
        "crashed": "Whether its worker died or went away in the middle of it.",
        "reaped": "Whether the reaper failed it.",
        "left": "When its client left for good without a result; on its last attempt.",
    },
    "transitions": {
        "time": "When, in seconds since the start of the run.",
        "job": "Row number in `jobs`.",
        "source": "The status before; missing for a creation.",
        "target": "The status after.",
        "actor": "The thread that asked for it.",
    },
    "calls": {
        "actor": "The thread that called.",
        "op": "The method.",
        "job": "Row number in `jobs`, -1 where it is not known.",
        "target": "The status that was asked for.",
        "invoked_ns": "When it was called.",
        "returned_ns": "When it had answered; -1 while pending.",
        "outcome": "How it ended: answered, refused, id unknown, another exception, or not at all.",
        "observed": "The status that the answer revealed.",
        "count": "The answer of a `count`, otherwise -1.",
        "changed": "Whether the answered job's identifiers differed from those before.",
        "backdated": "Whether the answer's `updated_at` went back.",
        "error": "Type and text of any other exception.",
    },
    "final": {
        "job": "Row number in `jobs`.",
        "outcome": "How the `get` ended.",
        "status": "Which status it found.",
        "changed": "Whether the identifiers differed from those before.",
        "input_hash": "As the repository answered.",
        "blockchain_identifier": "As the repository answered.",
        "created_at": "As the repository answered.",
        "updated_at": "As the repository answered.",
        "result": "As the repository answered; missing if there is none.",
        "error": "As the repository answered; missing if there is none.",
    },
    "faults": {
        "kind": "What was done: a cut, a delay, a stall or a kill.",
        "request": "To which request to the database, counted from 0.",
        "begun_ns": "When, on the clock of `calls`.",
        "ended_ns": "When the cut was made, the delay over or the server back; -1 if never.",
    },
}
"""What each column of each table means."""

_STATISTICS = {
    "mean": "mean",
    "p50": "median",
    "p95": "95th percentile",
    "p99": "99th percentile",
    "max": "maximum",
}
_SPREADS = {
    "wait": "From paid to started: {}, over the jobs that were started.",
    "sojourn": "From created to finished: {}, over the jobs that ended.",
    "lateness": "From the schedule to the creation: {}.",
    "response": "From a request's intended start to its useful result, lateness and retries "
    "included, infinite where the client left or waits for ever: {}.",
    "recovery": "From the loss of a job's worker until the reaper failed the job: {}.",
}

FIGURES = {
    "jobs": "Asked for.",
    "created": "Of those, created by the repository.",
    "paid": "Created and with a confirmation.",
    "unpaid": "Created and never paid: they wait for ever.",
    "waiting": "Paid and never started.",
    "in_progress": "RUNNING and being worked on when the run ended.",
    "stuck": "RUNNING for ever: its worker was lost, or its end was never written.",
    "completed": "COMPLETED at the end.",
    "failed": "FAILED at the end.",
    "rejected": "Calls that the repository refused.",
    "service_mean": "Mean time from started to finished.",
    "utilisation": "Time at work, wasted or not, over time on duty, in the window.",
    "throughput": "Jobs that ended per second of the window.",
    "makespan": "From the first creation to the last finish.",
    "requests": "Requests of the clients; each has one job or more.",
    "served": "Of those, with a useful result.",
    "left": "Whose client gave up.",
    "amplification": "Jobs created per request.",
    "goodput": "Requests served per second of the window.",
    "crashed": "Whose worker died or went away.",
    "reaped": "Failed by the reaper.",
    "false_kills": "Reaped while the worker was still at it.",
} | {
    f"{what}_{name}": text.format(label)
    for what, text in _SPREADS.items()
    for name, label in _STATISTICS.items()
}
"""What each figure of `Run.metrics` is; those of a spread are made from its parts."""


def preset_table() -> str:
    """Return the presets with their reasons."""
    rows = [(f"`{name}`", why) for name, why in presets().items()]
    return table(("preset", "a reason to run it"), rows)


def run_tables() -> str:
    """Return the columns of the tables of a run."""
    notes = notes_below(tables)
    own = {
        "jobs": (tables.JOBS, notes["JOBS"]),
        "transitions": (tables.TRANSITIONS, notes["TRANSITIONS"]),
        "calls": (tables.CALLS, notes["CALLS"]),
        "final": (tables.FINAL, notes["FINAL"]),
        "faults": (tables.FAULTS, notes["FAULTS"]),
    }
    sections = []
    for name, (dtypes, note) in own.items():
        meanings = COLUMNS[name]
        rows = [
            (f"`{column}`", _dtype(dtype), meanings[column]) for column, dtype in dtypes.items()
        ]
        sections += [
            f"## `run.{name}`\n\n{markdown(note)}",
            table(("column", "dtype", "what"), rows),
        ]
    return "\n\n".join(sections)


def figures() -> str:
    """Return every figure of `Run.metrics` with its unit."""
    rows = [(f"`{name}`", unit, FIGURES[name]) for name, unit in UNITS.items()]
    return table(("figure", "unit", "what"), rows)


def conformance_checks() -> str:
    """Return the checks of `check_repository`, each with what it requires."""
    rows = [
        (f"`{check.name}`", "one" if check.pressure is None else "many", check.sentence)
        for check in testing.CHECKS
    ]
    return table(("check", "threads", "what holds of a repository that passes"), rows)


def commands() -> str:
    """Return the help of the command line, a section a command."""
    parser = command_parser()
    (group,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    sections = [block("text", _help(parser))]
    for name, command in group.choices.items():
        sections += [f"## `jobsim {name}`", block("text", _help(command))]
    return "\n\n".join(sections)


def _dtype(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        return "category: " + ", ".join(f"`{each}`" for each in dtype.categories)
    return f"`{dtype}`"


def _help(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=88)
    return parser.format_help()
