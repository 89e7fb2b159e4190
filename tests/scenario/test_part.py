"""The units of fields: what their type names agrees with what they say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from jobsim import Scenario
from jobsim.scenario.part import Part, unit_of

assert Scenario  # with it, all of its parts are defined


def kinds(of: type[Part] = Part) -> Iterator[type[Part]]:
    for kind in of.__subclasses__():
        if kind.__module__.startswith("jobsim."):
            yield kind
            yield from kinds(kind)


NUMBERS = sorted(
    (kind.__name__, name)
    for kind in kinds()
    for name, field in kind.model_fields.items()
    if "float" in str(field.annotation) and "tuple" not in str(field.annotation)
)


def described(description: str) -> str:
    """Return the unit that the words of a field say."""
    if "per second" in description:
        return "jobs/s"
    if re.search(r"\bseconds\b", description, re.IGNORECASE):
        return "s"
    share = re.match(r"(Probability|Largest share|Retries per request)", description)
    return "share" if share else ""


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_the_unit_of_a_number_is_the_one_that_its_description_says(kind, name):
    (part,) = [found for found in kinds() if found.__name__ == kind]
    field = part.model_fields[name]
    assert unit_of(field) == described(field.description)


def test_numbers_of_every_unit_were_tried():
    parts = {kind.__name__: kind for kind in kinds()}
    assert {unit_of(parts[kind].model_fields[name]) for kind, name in NUMBERS} == {
        "s", "jobs/s", "share", "",
    }  # fmt: skip
