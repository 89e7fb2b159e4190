"""The oldest versions that work of the libraries that results depend on."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from jobsim.domain.exceptions import JobsimError

NEEDED: Mapping[str, tuple[int, int]] = {"numpy": (2, 1), "pandas": (3, 0)}
"""The lowest versions. An installer checks them too; a path that was set by hand does not."""


class VersionError(JobsimError, ImportError):
    """A library is too old; the text says which version was loaded, and how to get a newer one.

    Parameters
    ----------
    name
        The library.
    found
        The version that was loaded.
    where
        The file that it was loaded from.

    Examples
    --------
    >>> print(VersionError("pandas", "2.2.3", "/opt/pandas/__init__.py"))
    jobsim needs pandas 3.0 or newer; pandas 2.2.3 was loaded from /opt/pandas/__init__.py. \
Install a newer one (pip install 'pandas>=3.0'), or use an environment of its own for jobsim
    """

    def __init__(self, name: str, found: str, where: str) -> None:
        super().__init__(name, found, where)
        self.library, self.found, self.where = name, found, where

    def __str__(self) -> str:
        name, needed = self.library, ".".join(map(str, NEEDED[self.library]))
        return (
            f"jobsim needs {name} {needed} or newer; {name} {self.found} was loaded from "
            f"{self.where}. Install a newer one (pip install '{name}>={needed}'), or use an "
            "environment of its own for jobsim"
        )


def require_versions() -> None:
    """Raise `VersionError` if a loaded library is too old; imports nothing itself."""
    for name, needed in NEEDED.items():
        module = sys.modules.get(name)
        found = str(getattr(module, "__version__", ""))
        digits = re.match(r"(\d+)\.(\d+)", found)
        if digits and (int(digits[1]), int(digits[2])) < needed:
            raise VersionError(name, found, str(getattr(module, "__file__", "an unknown place")))
