"""Draw the README's picture again: one run of a preset, seen three ways."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

import jobsim
from jobsim import plot

TARGET = Path(__file__).parents[2] / "notebooks" / "images" / "run.png"


def main() -> None:
    """Run the preset with threads and save the picture."""
    run = jobsim.run_threads(jobsim.preset("bursty"), schedule=1)
    figure, axes = plt.subplot_mosaic(
        [["lives", "lives"], ["stock", "lanes"]], figsize=(12, 7.6), layout="constrained"
    )
    plot.lifecycle(run, ax=axes["lives"])
    plot.occupancy(run, ax=axes["stock"])
    plot.swimlanes(run, ax=axes["lanes"])
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.15)
    figure.savefig(TARGET, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    main()
