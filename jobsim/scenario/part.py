"""What every part of a scenario has in common: how it validates, and its kinds of number."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Unit(NamedTuple):
    """The unit of a kind of number, as charts and tables write it; an annotation of its type."""

    name: str


# Strict, so that `true` and "8" are refused as numbers; whole numbers still pass as floats.
Seconds = Annotated[float, Field(strict=True, ge=0), Unit("s")]
PositiveSeconds = Annotated[float, Field(strict=True, gt=0), Unit("s")]
SignedSeconds = Annotated[float, Field(strict=True), Unit("s")]
Rate = Annotated[float, Field(strict=True, gt=0), Unit("jobs/s")]
Probability = Annotated[float, Field(strict=True, ge=0, le=1), Unit("share")]
Count = Annotated[int, Field(strict=True, ge=1)]


class Part(BaseModel):
    """A frozen model that refuses unknown fields; the base of `Scenario` and of its parts.

    Numpy scalars and arrays and pandas columns count as the Python values they hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: v.tolist() if hasattr(v, "tolist") else v for key, v in data.items()}


def unit_of(field: FieldInfo) -> str:
    """Return the unit that the type of a field names; empty if it names none.

    Examples
    --------
    >>> class Look(Part):
    ...     every: PositiveSeconds | None = None
    >>> unit_of(Look.model_fields["every"])
    's'
    """
    # An optional field has the marks of its number one level down.
    marks = [*field.metadata]
    for choice in get_args(field.annotation):
        marks += getattr(choice, "__metadata__", ())
    return next((mark.name for mark in marks if isinstance(mark, Unit)), "")
