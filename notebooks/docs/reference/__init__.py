"""The parts of the documentation that are read off the code, so that they cannot go stale.

A page says ``[[scenario_fields]]`` or ``[[package plot]]`` on a line of its own, and `filled` puts
the text there while Sphinx reads the page.
"""

from __future__ import annotations

import re

from .columns import commands, conformance_checks, figures, preset_table, run_tables
from .fields import scenario_fields
from .names import other_packages, package

GENERATORS = {
    function.__name__: function
    for function in (
        commands,
        conformance_checks,
        figures,
        other_packages,
        preset_table,
        package,
        run_tables,
        scenario_fields,
    )
}
"""What a page may ask for: `package` and `other_packages` are reStructuredText, others Markdown."""


def filled(page: str) -> str:
    """Return the page with the generated parts in their places."""

    def generated(match: re.Match[str]) -> str:
        name, *arguments = match[1].split()
        return str(GENERATORS[name](*arguments))

    return re.sub(r"^\[\[([\w ]+)\]\]$", generated, page, flags=re.MULTILINE)
