"""The parts of the documentation that are read off the code, so that they cannot go stale.

A page says ``[[scenario_fields]]`` or ``[[room plot]]`` on a line of its own, and `filled` puts
the text there while Sphinx reads the page.
"""

from __future__ import annotations

import re

from .columns import commands, conformance_checks, figures, preset_table, run_tables
from .fields import scenario_fields
from .names import other_rooms, room

GENERATORS = {
    function.__name__: function
    for function in (
        commands,
        conformance_checks,
        figures,
        other_rooms,
        preset_table,
        room,
        run_tables,
        scenario_fields,
    )
}
"""What a page may ask for; `room` and `other_rooms` are reStructuredText, the others Markdown."""


def filled(page: str) -> str:
    """Return the page with the generated parts in their places."""

    def generated(match: re.Match[str]) -> str:
        name, *arguments = match[1].split()
        return str(GENERATORS[name](*arguments))

    return re.sub(r"^\[\[([\w ]+)\]\]$", generated, page, flags=re.MULTILINE)
