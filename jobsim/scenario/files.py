"""Scenarios from and to TOML and JSON; a bad file is one clear error.

The functions take the model that a file is read as, so that nothing here imports `Scenario`,
whose methods call them.
"""

from __future__ import annotations

import difflib
import json
import os
import reprlib
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobsim.domain.exceptions import JobsimError
from jobsim.files.claim import whole_file
from jobsim.files.reading import LIMIT_BYTES, UnreadableFileError, read_limited

_Model = TypeVar("_Model", bound=BaseModel)

_DEEPEST = 50
"""Levels of tables within tables that are accepted; no scenario needs as many."""


class ScenarioFileError(JobsimError):
    """The scenario file cannot be used; fix the named field and run again.

    Parameters
    ----------
    path
        The file, as it was given.
    field
        Dotted path of the field; ``"file"`` if it cannot be read at all, ``"syntax"`` if it is
        not TOML or JSON.
    problem
        What is wrong, and how many more problems there are.

    Examples
    --------
    >>> str(ScenarioFileError("a.toml", "arrivals.rate", "must be greater than 0, not -1.0"))
    'a.toml: arrivals.rate: must be greater than 0, not -1.0'
    """

    def __init__(self, path: str, field: str, problem: str) -> None:
        super().__init__(path, field, problem)
        self.path, self.field, self.problem = path, field, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.field}: {self.problem}"


def load(
    path: str | os.PathLike[str], model: type[_Model], *, limit_bytes: int = LIMIT_BYTES
) -> _Model:
    """Read a scenario from a file whose name ends in ``.toml`` or ``.json``.

    Parameters
    ----------
    path
        The file.
    model
        What the file describes: `Scenario`.
    limit_bytes
        The most that is read of it.

    Raises
    ------
    ScenarioFileError
        Naming the file, the field and the problem.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".toml":
        return from_toml(path, model, limit_bytes=limit_bytes)
    if suffix == ".json":
        return from_json(path, model, limit_bytes=limit_bytes)
    raise ScenarioFileError(
        os.fspath(path), "file", f"ends in {suffix!r}: name it .toml or .json, as its content is"
    )


def from_toml(
    path: str | os.PathLike[str], model: type[_Model], *, limit_bytes: int = LIMIT_BYTES
) -> _Model:
    """Read a scenario from a TOML file; parameters and errors are those of `load`."""
    return _parsed(path, model, tomllib.loads, limit_bytes)


def from_json(
    path: str | os.PathLike[str], model: type[_Model], *, limit_bytes: int = LIMIT_BYTES
) -> _Model:
    """Read a scenario from a JSON file; parameters and errors are those of `load`."""
    parse = partial(json.loads, object_pairs_hook=_without_repeats)
    return _parsed(path, model, parse, limit_bytes)


def to_toml(scenario: BaseModel, path: str | os.PathLike[str]) -> None:
    """Write a scenario to a TOML file; what is None is left out."""
    import tomli_w

    data = scenario.model_dump(exclude_none=True)
    _write(path, tomli_w.dumps(data))


def to_json(scenario: BaseModel, path: str | os.PathLike[str]) -> None:
    """Write a scenario to a JSON file."""
    _write(path, scenario.model_dump_json(indent=2) + "\n")


def validate(data: object, path: str, model: type[_Model]) -> _Model:
    """Return the scenario that a file's content describes.

    Parameters
    ----------
    data
        What the file was parsed to.
    path
        What an error calls the file.
    model
        What the file describes: `Scenario`.

    Raises
    ------
    ScenarioFileError
        Naming the first bad field, and how many more problems there are.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> validate({"sed": 1}, "a.toml", Scenario)
    Traceback (most recent call last):
        ...
    jobsim.scenario.files.ScenarioFileError: a.toml: sed: no such field; did you mean 'seed'?
    """
    # Checked first, because pydantic cannot follow data to any depth.
    if _is_deeper_than(_DEEPEST, data):
        raise ScenarioFileError(path, "syntax", f"is nested more than {_DEEPEST} levels deep")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ScenarioFileError(path, *explain(error, model)) from error


def explain(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return a scenario's first bad field as a dotted path, and what is wrong with it.

    Parameters
    ----------
    error
        What validation raised.
    model
        What was validated: its fields are what a misspelt name may have meant.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> try:
    ...     Scenario(workers=0)
    ... except ValidationError as error:
    ...     explain(error, Scenario)
    ('workers', 'must be greater than or equal to 1, not 0')
    """
    problems = error.errors(include_url=False)
    # A misspelt name comes first: it is often why another one is missing.
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    field, names = _locate(first["loc"], model)
    problem = _problem(first, names)
    if len(problems) > 1:
        problem += f" (and {len(problems) - 1} more)"
    return field, problem


def _parsed(
    path: str | os.PathLike[str],
    model: type[_Model],
    parse: Callable[[str], object],
    limit_bytes: int,
) -> _Model:
    """Read, parse and validate a file; the problems of every step are one kind of error."""
    shown = os.fspath(path)
    try:
        # "-sig", because editors on Windows write a byte-order mark first, which TOML refuses.
        data = parse(read_limited(path, limit_bytes).decode("utf-8-sig"))
    except UnreadableFileError as error:
        raise ScenarioFileError(shown, "file", f"cannot be read: {error.problem}") from error
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (byte {error.start})"
        raise ScenarioFileError(shown, "file", problem) from error
    except ValueError as error:  # also of numbers with too many digits
        raise ScenarioFileError(shown, "syntax", str(error)) from error
    except RecursionError as error:
        problem = f"is nested more than {_DEEPEST} levels deep"
        raise ScenarioFileError(shown, "syntax", problem) from error
    return validate(data, shown, model)


def _write(path: str | os.PathLike[str], text: str) -> None:
    """Write a file whole or not at all: an older one stays if the text cannot be written."""
    with whole_file(path, replace=True) as unfinished:
        unfinished.write_bytes(text.encode())


def _is_deeper_than(levels: int, data: object) -> bool:
    """Tell whether data are nested deeper, without recursion, whose own depth is limited."""
    inside = [data]
    for _ in range(levels):
        inside = [
            each
            for held in inside
            for each in (
                held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
            )
            if isinstance(each, dict | list)
        ]
        if not inside:
            return False
    return True


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # In JSON the last of two equal keys wins silently; whoever wrote both meant one of them.
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return fields


def _locate(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, list[str]]:
    """Return pydantic's location as a dotted path, and the names to choose from at its end.

    Those are the fields beside the last step, or the kinds if the last step chooses one.
    Pydantic's location also names the kind that was chosen, which no file has as a step.
    """
    field = ""
    kinds: dict[object, type[BaseModel]] = {}
    names = list(model.model_fields)
    for step in loc:
        if step in kinds:
            model, kinds = kinds[step], {}
            continue
        if isinstance(step, int):
            field += f"[{step}]"  # the type of an entry is that which the list names
            continue
        field += f".{step}"
        names = list(model.model_fields)
        held = _models_in(model.model_fields[step].annotation) if step in names else []
        # A union of parts is told apart by `kind`, whose default is the name of the part.
        kinds = {
            part.model_fields["kind"].default: part for part in held if "kind" in part.model_fields
        }
        if held and not kinds:
            (model,) = held
    return field.removeprefix(".") or "file", [str(kind) for kind in kinds] or names


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models that a field of this type can hold, by itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _problem(error: ErrorDetails, names: list[str]) -> str:
    """Return what is wrong in words that fit a file."""
    given = reprlib.repr(error["input"])
    match error["type"]:
        case "extra_forbidden":
            return f"no such field; {_hint(str(error['loc'][-1]), names)}"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return f"say its kind: {', '.join(names)}"
        case "union_tag_invalid":
            kind = str(error["input"]["kind"])
            return f"no such kind {kind!r}; {_hint(kind, names)}"
        case "model_type" | "model_attributes_type":
            return f"must be a table of fields, not {given}"
        case "tuple_type":
            return f"must be a list, not {given}"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"{error['msg'].replace('Input should', 'must')}, not {given}"


def _hint(wrong: str, names: list[str]) -> str:
    close = difflib.get_close_matches(wrong, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(names)}"
