"""How Sphinx builds the reference and the guide; `make docs` runs it."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import jobsim

project = "jobsim"
author = "The jobsim authors"
project_copyright = "The jobsim authors, MIT licence"
version = release = jobsim.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "matplotlib.sphinxext.figmpl_directive",
    "matplotlib.sphinxext.plot_directive",
]

# The sources are the folder `notebooks`, so that the notebooks are pages as they stand; all other
# pages are in `docs` below it, and the site's first page leads there.
root_doc = "docs/index"
html_additional_pages = {"index": "first.html"}
exclude_patterns = ["**.ipynb_checkpoints", "images", "docs/_*"]
templates_path = ["_templates"]

# Notebooks show the outputs that they are stored with; the tests execute them.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A name in single backticks is a link if it is one of ours, and code if not.
default_role = "py:obj"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "model_config, model_post_init"}
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = True
napoleon_use_ivar = True
add_module_names = False
python_display_short_literal_types = True
python_maximum_signature_line_length = 80

plot_formats = [("png", 110)]
plot_srcset = ["2x"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

pygments_dark_style = "github-dark"
html_theme = "furo"
html_title = "jobsim"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#2B6CB0",
        "color-brand-content": "#2B6CB0",
        "color-brand-visited": "#5A4A8A",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7FB2E5",
        "color-brand-content": "#7FB2E5",
        "color-brand-visited": "#B3A4E0",
    },
}


def setup(app: Any) -> None:
    """Fill in what is generated, and let every name find its page."""
    from sphinx.domains.python import PyObject

    sys.path.insert(0, str(Path(app.confdir)))
    reference = importlib.import_module("reference")

    def fill(_app: Any, _docname: str, source: list[str]) -> None:
        source[0] = reference.filled(source[0])

    app.connect("source-read", fill)
    app.connect("missing-reference", _by_last_name)
    app.connect("autodoc-process-signature", _fields)
    # Napoleon, at 500, would take the first of two attributes for the type of the second.
    app.connect("autodoc-process-docstring", _one_by_one, priority=400)
    app.connect("autodoc-process-docstring", _tidy, priority=600)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"


def _fields(
    _app: Any, what: str, _name: str, documented: Any, _options: Any, signature: Any, _returns: Any
) -> tuple[str, str] | None:
    """Return a model's fields without the defaults that are models: they fill half a page."""
    if what != "class" or not (inspect.isclass(documented) and issubclass(documented, BaseModel)):
        return None
    if signature is None:
        return None
    fields = []
    for name, field in documented.model_fields.items():
        default = repr(field.get_default())
        if len(default) > 20 or default == "nan":
            default = "..."
        fields.append(name if field.is_required() else f"{name}={default}")
    return f"(*, {', '.join(fields)})", ""


def _one_by_one(
    _app: Any, _what: str, _name: str, _documented: Any, _options: Any, lines: list[str]
) -> None:
    """Give each of several names that share an explanation its own: ``op, outcome``."""
    text = re.sub(
        r"^(\w+(?:, \w+)+)\n((?:    .*\n?)+)",
        lambda found: "".join(f"{name}\n{found[2]}" for name in found[1].split(", ")),
        "\n".join(lines) + "\n",
        flags=re.MULTILINE,
    )
    lines[:] = text.splitlines()


def _tidy(
    _app: Any, _what: str, _name: str, _documented: Any, _options: Any, lines: list[str]
) -> None:
    """Name the types of attributes as a person would import them; leave `.toml` its dot."""
    for number, line in enumerate(lines):
        lines[number] = re.sub(r"(?<!`)(`\.\w[^`\s]*`)(?!`)", r"`\1`", line)
        if line.startswith(":vartype"):
            lines[number] = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z]\w)", "", line)


def _by_last_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolve a name by its last part, since each object is documented in one place only."""
    if node.get("refdomain") != "py":
        return None
    domain = env.domains.python_domain
    last = node["reftarget"].rpartition(".")[2]
    homes = [
        name
        for name, entry in domain.objects.items()
        if name.rpartition(".")[2] == last and entry.objtype in {"class", "function", "exception"}
    ]
    # `jobsim.plot.occupancy` and `jobsim.figures.flow.occupancy` are two things: the bare name of
    # either means neither.
    if len(homes) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", homes[0], node, contnode)
