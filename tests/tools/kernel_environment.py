"""The environment in which notebooks run, the same for pytest and for `make notebooks`."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
SANITIZE = TESTS / "nbval_sanitize.cfg"


def set_kernel_environment(empty_folder: str) -> None:
    """Set what kernels inherit, so that their output depends on nothing of this machine.

    Parameters
    ----------
    empty_folder
        Stands in for the person's IPython profile, start-up scripts and all.
    """
    os.environ.pop("MPLBACKEND", None)
    os.environ.update(
        COLUMNS="80",
        # The name by which control knows the code of a cell for the user's own.
        IPYKERNEL_CELL_NAME="<ipython-input>",
        IPYTHONDIR=empty_folder,
        LC_ALL="C.UTF-8",
        MATPLOTLIBRC=str(TESTS / "matplotlibrc"),
        PYTHONHASHSEED="0",
        TZ="UTC",
    )
