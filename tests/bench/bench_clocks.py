"""What the uncertainty of clocks costs: how many stale reads are proved as it grows.

Prints the table of the guide. Promises that none is found that is not later than the uncertainty,
and each that is.
"""

from __future__ import annotations

from host_histories import MS, late_reads, stale_reads_found

READS = 400
UNCERTAINTIES_MS = (0, 0.01, 0.03, 0.1, 0.3, 1, 3)


def main() -> bool:
    """Print the table; return whether the promise held."""
    late = late_reads(READS)
    found = [stale_reads_found(round(u * MS), late) for u in UNCERTAINTIES_MS]
    print(f"| uncertainty | {' | '.join(f'{u:g} ms' for u in UNCERTAINTIES_MS)} |")
    print(f"|---{'|---' * len(found)}|")
    print(f"| stale reads found of {READS} | {' | '.join(map(str, found))} |")
    return found == [int((late > u * MS).sum()) for u in UNCERTAINTIES_MS]


if __name__ == "__main__":
    main()
