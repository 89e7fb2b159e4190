"""``jobsim test``: the checks of `jobsim.testing`, on the user's own repository."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobsim.command import terminal
from jobsim.command.arguments import count, finite
from jobsim.command.codes import NOT_MET, OK
from jobsim.command.results import add_strict

if TYPE_CHECKING:
    from jobsim.testing.conformance.run_check import CheckResult

_EXAMPLES = """\
examples:
  jobsim test mypackage.store:JobStore
  jobsim test mypackage.store:make --illegal mypackage.errors:Conflict --out kit.html
  jobsim test sqlite:///jobs.db --scale 0.3
  jobsim test postgresql+psycopg://user@host/database --faults
  jobsim test mypackage.store:connect --faults postgresql+psycopg://user@host/database
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "factory", metavar="FACTORY", help="package.module:name of a class or function, or a URL"
    )
    parser.add_argument(
        "--preemptions",
        type=count,
        default=2,
        metavar="N",
        help="most preemptions of a schedule (default 2)",
    )
    parser.add_argument(
        "--scale", type=finite, default=1.0, metavar="X", help="how much is tried (default 1)"
    )
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="seed of what is drawn")
    for name, what in (("illegal", "an illegal transition"), ("not-found", "an unknown id")):
        parser.add_argument(
            f"--{name}", metavar="MODULE:NAME", help=f"the repository's exception for {what}"
        )
    parser.add_argument(
        "--faults",
        nargs="?",
        const="",
        metavar="URL",
        help="cut connections to PostgreSQL, too; a factory of yours is called with the address "
        "that leads through the faults to this one",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result as HTML")
    add_strict(parser)


def execute(options: argparse.Namespace) -> int:
    """Run the checks, one after the other, and say how each ended."""
    from jobsim.domain.text import without_password
    from jobsim.files.claim import whole_file
    from jobsim.repository.named import made_by, repository_factory
    from jobsim.testing.conformance.checks import CHECKS
    from jobsim.testing.conformance.run_check import run_check

    if options.preemptions < 0:
        options.parser.error(f"--preemptions {options.preemptions}: give 0 or more")
    factory = None if options.faults is not None else repository_factory(options.factory)
    illegal: Any = () if options.illegal is None else named(options.illegal)
    not_found: Any = () if options.not_found is None else named(options.not_found)
    results = []
    # The name is claimed first, so that no result is lost because a file is in the way.
    with contextlib.ExitStack() as stack:
        file = None if options.out is None else stack.enter_context(whole_file(options.out))
        faults = _faults(options, stack)
        if factory is None:
            factory = _through(faults.url, options.factory)
        if "://" in options.factory:
            # A database that cannot be reached is reported once, not by every check.
            made_by(options.factory, factory).close()
        with options.signals.heard():
            for check in CHECKS:
                result = run_check(
                    check,
                    factory,
                    scale=options.scale,
                    seed=options.seed,
                    preemptions=options.preemptions,
                    illegal=illegal,
                    not_found=not_found,
                )
                results.append(result)
                _say(result)
            explored = results[-1].exploration
            interrupted = results[-1].interrupted
            if faults is not None and not interrupted:
                results.append(_faulted(factory, faults, options, illegal, not_found))
                _say(results[-1])
        if file is not None:
            name = without_password(options.factory)
            file.write_text(_page(name, results), encoding="utf-8")
    if interrupted:
        terminal.complain("interrupted; the last line says how far it got")
        return int(options.signals.code)
    failed = [result for result in results if result.result == "failed"]
    short = explored is None or not explored.complete
    return NOT_MET if failed or (options.strict and short) else OK


def _faults(options: argparse.Namespace, stack: contextlib.ExitStack) -> Any:
    """Return the faults that were asked for, not yet active; None if none were."""
    if options.faults is None:
        return None
    url = options.faults or options.factory
    if "://" not in url:
        raise ValueError(
            f"--faults needs the server's address: jobsim test {options.factory} --faults URL"
        )
    from jobsim.repository.named import made_by
    from jobsim.testing.faults import Faults

    faults = stack.enter_context(Faults(url, seed=options.seed))
    made_by(url, faults.require_server)
    return faults


def _through(url: str, name: str) -> Callable[[], Any]:
    """Return a factory of repositories that connect through the faults."""
    from jobsim.repository.named import repository_factory

    if "://" in name:
        return repository_factory(url)
    connect = repository_factory(name)
    return lambda: connect(url)  # type: ignore[call-arg] # as --faults says


def _faulted(
    factory: Callable[[], Any],
    faults: Any,
    options: argparse.Namespace,
    illegal: Any,
    not_found: Any,
) -> CheckResult:
    """Test under faults; imported late, because it needs the database drivers of an extra."""
    from jobsim.testing.conformance.trial import Options
    from jobsim.testing.conformance.under_faults import under_faults

    asked = Options(illegal, not_found, scale=options.scale, seed=options.seed)
    return under_faults(factory, faults, asked)


def _say(result: CheckResult) -> None:
    """Print one check at once, because the next one may take minutes."""
    held = {"passed": True, "failed": False, "skipped": None}[result.result]
    told = result.problem or result.note
    terminal.say(f"{terminal.mark(held)} {result.check.name}{': ' if told else ''}{told}")
    if result.exploration is not None and result.exploration.violation is not None:
        found = result.exploration.violation
        terminal.say_rows(found.display_rows())
        # One lane per thread, as wide as the terminal allows.
        lane = (terminal.width() - 7) // len(found.threads) - 2
        for line in [*found.lines(max(lane, 20)), *found.details.splitlines()]:
            print(line)


def _page(name: str, results: list[CheckResult]) -> str:
    """Return all results as an HTML page, with the picture of the schedule that fails."""
    from jobsim.display.text import rows_as_html
    from jobsim.testing.explore.html import page

    rows = [(r.check.name, f"{r.result} {r.problem or r.note}".strip()) for r in results]
    head = rows_as_html(f"Checks of {name}", rows)
    found = next((r.exploration for r in results if r.exploration is not None), None)
    if found is not None and found.violation is not None:
        return page(found.violation).replace("<h1>", f"{head}<h1>", 1)
    claim = "" if found is None else found._repr_html_()
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>jobsim test</title>'
        f"</head><body>{head}{claim}</body></html>\n"
    )


def named(text: str) -> Any:
    """Return what ``package.module:name`` names.

    Raises
    ------
    ValueError
        If there is no such name, or the module cannot be imported.
    """
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise ValueError(f"{text!r} is not of the form package.module:name")
    sys.path.insert(0, str(Path.cwd()))
    try:
        value: Any = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except Exception as error:  # whatever the module raises while it is imported
        raise ValueError(f"{text!r} cannot be imported: {error}") from error
    finally:
        sys.path.pop(0)
    return value
