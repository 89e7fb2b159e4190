"""What can go wrong with a report; the run itself is never changed."""

from __future__ import annotations

from jobsim.domain.exceptions import JobsimError


class ReportError(JobsimError):
    """The report could not be made; the run is unchanged.

    Parameters
    ----------
    problem
        What went wrong, and what to do where that is known.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the report could not be made: {self.problem}"


class ReportExtraMissing(JobsimError, ImportError):  # noqa: N818 - says what is missing
    """The packages that make reports are not installed.

    Parameters
    ----------
    package
        The first one that is missing.
    """

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package

    def __str__(self) -> str:
        return (
            f"the report needs {self.package}, which is not installed: "
            "pip install 'jobsim-toolkit[report]'"
        )
