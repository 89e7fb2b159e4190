"""The arguments of all commands; only the module of the command that was asked for is loaded."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from jobsim import __version__
from jobsim.command import terminal
from jobsim.command.codes import BAD_INPUT, OK

COMMANDS = {
    "log": "read a log of past jobs and say what was understood",
    "run": "run a preset, a scenario file or a log",
    "show": "show a saved run",
    "check": "prove or refute that a saved run held",
    "test": "test a repository of your own",
    "report": "write a saved run's report, an HTML file",
    "sweep": "run every setting in virtual time and compare them",
    "workers-needed": "find the smallest number of workers that will do",
    "presets": "list the presets, each with why one would run it",
}
"""What each command does. Its module has its name, with underscores for hyphens."""

_DESCRIPTION = "Simulate the life of a job: real threads on a real repository, proved."
_EXAMPLES = """\
examples:
  jobsim log jobs.csv                           what a log of past jobs says
  jobsim run steady                             a preset, on threads
  jobsim run mine.toml --workers 6              a file, with one thing changed
  jobsim run steady --engine virtual            the same in virtual time
  jobsim sweep steady --over workers=4:12       what each setting gives
  jobsim workers-needed steady wait_p95=5       the smallest number that will do
  jobsim show runs/log --require 'wait_p95<30'  exit code 1 if it is not so

'jobsim COMMAND --help' explains a command and lists its figures and fields.
Exit codes: 0 fine, 1 a check failed, 2 bad input, 3 a fault of jobsim, 130 interrupted."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments, and wraps its help at the width."""

    def __init__(self, **options: object) -> None:
        options["formatter_class"] = _formatter
        super().__init__(**options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        name = self.prog.removeprefix("jobsim").strip()
        problem = f"{name}: {message}" if name else message
        terminal.complain(f"{problem}; see '{self.prog} --help'")
        self.exit(BAD_INPUT)


class _CommandParser(Parser):
    """The parser of one command: options may stand between its positional arguments.

    argparse assigns positional arguments as soon as it sees the first one: in ``steady --jobs 5
    wait_p95=5``, ``steady`` would be taken for the last of them. Its own way around that collects
    them all first.
    """

    _inside = False  # `parse_known_intermixed_args` calls `parse_known_args` again

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the options and the words, in any order."""
        if self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False


def parser(*names: str) -> Parser:
    """Return the parser of the command line.

    Parameters
    ----------
    names
        The commands whose options are wanted; by default all. Their modules are imported.
    """
    top = Parser(prog="jobsim", description=_DESCRIPTION, epilog=_EXAMPLES)
    top.add_argument("--version", action="version", version=f"jobsim {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", title="commands", parser_class=_CommandParser)
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=f"{what.capitalize()}.")
        if name in (names or COMMANDS):
            module = importlib.import_module(f"jobsim.command.{name.replace('-', '_')}")
            module.add_options(command)
            command.set_defaults(execute=module.execute, parser=command)
            command.usage = _usage(command)
    return top


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, with `execute`, the command's function, and `parser`, its parser.

    Raises
    ------
    SystemExit
        With 2 if the arguments are wrong, after a message; with 0 after help.
    """
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    top = parser(named if named in COMMANDS else "run")
    if not arguments:
        top.print_help()
        sys.exit(OK)
    options = top.parse_args(arguments)
    if "execute" not in options:
        top.error("name a command")
    return options


def _usage(command: argparse.ArgumentParser) -> str:
    """Return the required arguments on one line; the help explains all options below it."""
    parts = [command.prog]
    for action in command._actions:
        name = str(action.metavar or action.dest)
        if not action.option_strings:
            parts.append(f"[{name}]" if action.nargs == "?" else name)
        elif action.required:
            parts.append(f"{action.option_strings[0]} {name}")
    return " ".join([*parts, "[options]"]).replace("%", "%%")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of examples and lists, and indents what it has to wrap."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(self._filled(indent + line, width) for line in text.splitlines())

    def _format_usage(self, *parts: Any) -> str:
        usage = super()._format_usage(*parts).rstrip("\n")
        return self._filled(usage, self._width) + "\n\n"

    @staticmethod
    def _filled(line: str, width: int) -> str:
        """Wrap one line under its own text; argparse either joins lines or never wraps them."""
        if len(line) <= width:
            return line
        # Under the last column; a line with only one is indented by four more.
        columns = re.match(r" *(?:.*\S {2,})?", line)
        under = columns.end() if columns else 0
        under = under if under <= width - 30 else len(line) - len(line.lstrip()) + 4
        return textwrap.fill(
            line,
            width,
            subsequent_indent=" " * under,
            break_on_hyphens=False,
            break_long_words=False,
            drop_whitespace=True,
        )


def _formatter(prog: str) -> argparse.HelpFormatter:
    return _Formatter(prog, width=terminal.width())
