"""A scenario as the Python that makes it."""

from __future__ import annotations

import pprint
import textwrap
from typing import Any

from pydantic import BaseModel

from jobsim.display.text import MAX_TEXT

_WIDTH = 92
_SHOWN = 20


def as_code(scenario: BaseModel, *, cut: bool = False) -> str:
    """Return the call that makes a scenario, with only the fields that differ from their defaults.

    Parameters
    ----------
    scenario
        A scenario, or any model whose fields are plain values, other models, or tuples of them.
    cut
        Whether long texts and long lists are cut for display. A list that was cut cannot be
        evaluated; otherwise the code gives an equal scenario.

    Examples
    --------
    >>> from jobsim.scenario.scenario import Scenario
    >>> print(as_code(Scenario(jobs=100, work={"fail": 0.5})))
    Scenario(jobs=100, work={'fail': 0.5})
    >>> eval(as_code(Scenario(workers=2))) == Scenario(workers=2)
    True
    """
    name = type(scenario).__name__
    fields = {field: _plain(value, cut=cut) for field, value in _changed(scenario).items()}
    line = f"{name}({', '.join(f'{field}={value!r}' for field, value in fields.items())})"
    if len(line) <= _WIDTH:
        return line
    lines = [f"    {_assigned(field, value)},\n" for field, value in fields.items()]
    return f"{name}(\n{''.join(lines)})"


def _assigned(field: str, value: Any) -> str:
    indent = len(field) + 5
    text = pprint.pformat(value, width=_WIDTH - indent, compact=True, sort_dicts=False)
    return f"{field}={textwrap.indent(text, ' ' * indent).lstrip()}"


def _changed(part: BaseModel) -> dict[str, Any]:
    """Return the fields to write: the kind of a part, and what differs from its default."""
    given = part.model_dump()  # leaves out the figures that follow from the given ones
    fields = sorted(type(part).model_fields.items(), key=lambda item: item[0] != "kind")
    return {
        name: value
        for name, field in fields
        if name in given and ((value := getattr(part, name)) != field.default or name == "kind")
    }


def _plain(value: Any, *, cut: bool) -> Any:
    """Return a value without models, so that the code needs no further imports."""
    if isinstance(value, BaseModel):
        return {name: _plain(inner, cut=cut) for name, inner in _changed(value).items()}
    if isinstance(value, tuple):
        if cut and len(value) > _SHOWN:
            # Both ends are shown: the last time of a schedule says how long it is.
            value = (*value[: _SHOWN // 2], _Gap(), *value[-_SHOWN // 2 :])
        return tuple(_plain(inner, cut=cut) for inner in value)
    if isinstance(value, str) and cut:
        return _cut(value)
    return value


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


class _Gap:
    def __repr__(self) -> str:
        return "..."
