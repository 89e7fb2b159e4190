"""Every field of a scenario, read off its models."""

from __future__ import annotations

import importlib
import inspect
import math
import types
import typing
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from jobsim.scenario.arrivals import Arrivals
from jobsim.scenario.distributions import Distribution
from jobsim.scenario.scenario import Scenario

from .text import markdown, notes_below, prose, sentence, table

GROUPS = {"Arrivals": Arrivals, "Distributions": Distribution}
"""Fields of these types may be any one of several kinds."""


def scenario_fields() -> str:
    """Return a section for each part of a scenario, and for each kind that a field may have."""
    parts = [_section(part) for part in scenario_parts() if "kind" not in part.model_fields]
    for name, union in GROUPS.items():
        parts += [f"## {name}\n\n{sentence(_docstring_of(union))}"]
        parts += [_section(kind) for kind in models_in(union)]
    return "\n\n".join(parts)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation names, in its order."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [model for inner in typing.get_args(annotation) for model in models_in(inner)]
    return list(dict.fromkeys(found))


def scenario_parts() -> list[type[BaseModel]]:
    """Return every model that a scenario can hold, itself first, in order of their fields."""
    found = dict.fromkeys([Scenario])
    waiting = [Scenario]
    while waiting:
        for field in waiting.pop(0).model_fields.values():
            new = [model for model in models_in(field.annotation) if model not in found]
            found |= dict.fromkeys(new)
            waiting += new
    return list(found)


def _section(model: type[BaseModel]) -> str:
    kind = kind_of(model)
    title = f"## {model.__name__}" if kind is None else f"### `{kind}`"
    rows = [
        (f"`{name}`", _type(field.annotation, field.metadata), _default(field), field.description)
        for name, field in model.model_fields.items()
        if name != "kind"
    ]
    anchor = f"({_anchor(model)})="
    text = [anchor, title, "", markdown(prose(model))]
    return "\n".join([*text, "", table(("field", "type", "default", "what"), rows)])


def kind_of(model: type[BaseModel]) -> str | None:
    """Return what a model's `kind` says, None if it has none."""
    field = model.model_fields.get("kind")
    return None if field is None else str(typing.get_args(field.annotation)[0])


def _anchor(model: type[BaseModel]) -> str:
    return f"field-{model.__name__.lower()}"


def _type(annotation: Any, metadata: list[Any]) -> str:
    """Return a field's type in words, with links to the models that it may hold."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *inner = typing.get_args(annotation)
        metadata = [*metadata, *(m for i in inner for m in getattr(i, "metadata", [i]))]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if group := _group(annotation):
            return group
        return " or ".join(dict.fromkeys(_type(each, metadata) for each in arguments))
    if origin is tuple:
        inner = [_type(each, []) for each in arguments if each is not Ellipsis]
        return f"list of {inner[0]}" if Ellipsis in arguments else f"[{', '.join(inner)}]"
    if origin in (dict, types.MappingProxyType):
        return "table"
    if origin is typing.Literal:
        return " or ".join(f"`{value!r}`" for value in arguments)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{kind_of(annotation) or annotation.__name__}](#{_anchor(annotation)})"
    words = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    if annotation is type(None):
        return "none"
    return words.get(annotation, str(annotation)) + _bounds(metadata)


def _group(annotation: Any) -> str | None:
    """Return the group whose kinds these are, all of them or most."""
    models = models_in(annotation)
    none = " or none" * (type(None) in typing.get_args(annotation))
    for name, union in GROUPS.items():
        missing = [kind_of(model) for model in models_in(union) if model not in models]
        if len(missing) < len(models) <= len(models_in(union)) - len(missing):
            but = f" but {', '.join(f'`{kind}`' for kind in missing)}" if missing else ""
            return f"any of [{name.lower()}](#{name.lower()}){but}{none}"
    return None


def _bounds(metadata: list[Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {_number(getattr(bound, name))}"
        for bound in metadata
        for name, sign in signs.items()
        if getattr(bound, name, None) is not None
    ]
    return f" ({', '.join(found)})" if found else ""


def _number(value: float) -> str:
    powers = {2**31 - 1: "2³¹ - 1", 2**63: "2⁶³"}
    return powers.get(int(value), f"{value:g}")


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value == ():
        return "none"
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, BaseModel) and kind_of(type(value)) is None:
        return "all defaults"
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, BaseModel):
        inner = ", ".join(f"{key} = {_toml(v)}" for key, v in value.model_dump().items())
        return f"{{{inner}}}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _docstring_of(union: Any) -> str:
    """Return the string below the union's assignment."""
    for module in ("scenario.arrivals", "scenario.distributions"):
        loaded = importlib.import_module(f"jobsim.{module}")
        for name, note in notes_below(loaded).items():
            if getattr(loaded, name) is union:
                return note
    raise KeyError(union)
