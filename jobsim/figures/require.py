"""Requirements on the figures of a run, written as ``wait_p95<30``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobsim.domain.exceptions import JobsimError
from jobsim.figures.names import UnknownFigureError, parse_figure

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_FORM = re.compile(r"\s*([\w.]+)\s*(<=|>=|==|<|>)\s*(\S+)\s*")


class RequirementError(JobsimError, ValueError):
    """The text is not a requirement; write a figure, a comparison and a number."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        return f"{self.text!r} is not a requirement: {self.problem}"


@dataclass(frozen=True)
class Requirement:
    """A bound on one figure of `jobsim.figures.metrics.metrics`.

    Attributes
    ----------
    figure
        The figure's name.
    comparison
        One of ``< <= > >= ==``.
    bound
        The number it is compared with, in the figure's unit.

    Examples
    --------
    >>> requirement = Requirement.parse("wait_p95 < 30")
    >>> requirement.is_met({"wait_p95": 12.5})
    True
    """

    figure: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read a requirement such as ``wait_p95<30``.

        Raises
        ------
        RequirementError
            If the text has another form, or names a figure that does not exist.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise RequirementError(text, "write it like 'wait_p95<30'")
        figure, comparison, number = match.groups()
        try:
            figure = parse_figure(figure).name
        except UnknownFigureError as exc:
            raise RequirementError(text, str(exc)) from None
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        # "nan" is refused too: every comparison with it is False, so no run could ever meet it.
        if math.isnan(bound):
            raise RequirementError(text, f"{number!r} is not a number")
        return cls(figure, comparison, bound)

    def is_met(self, figures: Mapping[str, float]) -> bool:
        """Return whether it holds; a figure without data (NaN or missing) does not meet it."""
        return _COMPARE[self.comparison](figures.get(self.figure, math.nan), self.bound)

    def __str__(self) -> str:
        return f"{self.figure}{self.comparison}{self.bound:g}"
