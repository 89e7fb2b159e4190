"""Run every `bench_*.py` of this folder in turn; exit with 1 if one misses its promise.

Each has a ``main()`` that prints its ratios and returns whether all of them held.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks and return the exit code."""
    held = True
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"-- {path.stem}")
        held &= importlib.import_module(path.stem).main()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
