"""Sliders, a chart and numbers for a scenario, in one widget."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from jobsim.display.text import (
    Rows,
    as_html,
    count_of,
    format_duration,
    format_number,
    format_share,
    rows_as_html,
    rows_as_text,
)
from jobsim.explorer.chart import INCHES, Chart, jobs_by_stage, longest_queue
from jobsim.explorer.knobs import Knob, knobs, knobs_of_log
from jobsim.figures.metrics import has_retries_or_losses
from jobsim.run.run import Run
from jobsim.scenario.code import as_code
from jobsim.scenario.files import explain
from jobsim.scenario.log import Log
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.of_log import first_jobs, jobs_of_log, with_changes
from jobsim.virtual.run_virtual import run_virtual

MOST = 20_000
"""The most jobs that are run, so that an answer comes at once."""

NO_WIDGETS = "need ipywidgets: pip install 'jobsim-toolkit[notebook]'"

_COPY = "Copied, if the browser allows it; if not, click in the text, select all and copy."
_CODE_LINES = 30
_UNENDED = {
    "unpaid": "never paid",
    "waiting": "paid and waiting",
    "in_progress": "being worked on",
    "stuck": "stuck in RUNNING",
}


def explore(scenario: Scenario | Workload | Log) -> Explorer:
    """Return sliders for the numbers of a scenario; a chart and figures follow them at once.

    Each move runs the scenario in virtual time. All runs share their random draws (common
    random numbers), so every change is the effect of a slider and not of chance, and small moves
    make small changes. Of more than `MOST` jobs only the first are run, and a row says so.

    Parameters
    ----------
    scenario
        Where to begin. There is a slider for each plain number that shapes the run, such as
        ``arrivals.rate``, ``workers`` or ``payment.delay.mean``. A `Log` or a `Workload` has its
        own jobs: it has sliders for workers and for traffic, see
        `jobsim.studies.of_log.with_traffic`.

    Returns
    -------
    Explorer
        Shows itself in a notebook. Without ipywidgets it shows what is missing, and the figures
        of the given scenario.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the scenario cannot be run as it is, see `jobsim.Workload.sample`.

    Examples
    --------
    >>> from jobsim import preset
    >>> explorer = explore(preset("steady"))
    >>> explorer.scenario == preset("steady")
    True
    """
    jobs = jobs_of_log(scenario)
    load = scenario if jobs is None else jobs
    if not isinstance(load, Scenario | Workload):
        kind = type(scenario).__name__
        raise TypeError(f"explore takes a Scenario, a Log or a Workload, not {kind}")
    try:
        widgets = import_module("ipywidgets")
    except ImportError:
        widgets = None
    return Explorer(load, widgets)


class Explorer:
    """A scenario with sliders; made by `explore`. For one thread.

    Attributes
    ----------
    scenario
        The scenario that the sliders show now, for use in the next cell.
    run
        Its run in virtual time.
    problem
        Why the last move could not be run, in one line; empty if it could. `scenario` and
        `run` are then those from before it.
    sliders
        The slider of each field by its dotted path; empty without ipywidgets.
    widget
        All of it, to be put into a larger one; None without ipywidgets.
    """

    def __init__(self, load: Scenario | Workload, widgets: Any | None) -> None:
        self._jobs = load if isinstance(load, Workload) else None  # a log's own
        scenario = load.scenario if isinstance(load, Workload) else load
        self.scenario = scenario
        self.problem = ""
        self.sliders: dict[str, Any] = {}
        self._resetting = False
        self._first = scenario
        self.run = self._run({})[1]
        self._first_figures = self._figures()
        self.widget: Any = None
        if widgets is not None:
            found = knobs(scenario) if self._jobs is None else knobs_of_log(scenario)
            self._knobs = {knob.path: knob for knob in found}
            self._build(widgets)

    def _build(self, widgets: Any) -> None:
        """Make and connect all widgets; `__init__` works without ipywidgets."""
        before = jobs_by_stage(self.run.jobs)
        self._chart = Chart(before)
        longest = max((len(knob.label) for knob in self._knobs.values()), default=0)
        style = {"description_width": f"{longest * 0.62:.1f}em"}
        for path, knob in self._knobs.items():
            self.sliders[path] = _slider(widgets, knob, style)
            self.sliders[path].observe(self._moved, names="value")
        self._picture = widgets.Image(
            format="png", layout={"width": "100%", "max_width": f"{100 * INCHES[0]:.0f}px"}
        )
        self._message, self._table = widgets.HTML(), widgets.HTML()
        self._code = widgets.Textarea(layout={"width": "auto"})
        self._script = widgets.Output(layout={"display": "none"})
        self._as_code = widgets.VBox(
            [widgets.HTML(_COPY), self._code, self._script], layout={"display": "none"}
        )
        button = widgets.Button(description="copy as code", icon="code")
        button.on_click(self._show_code)
        reset = widgets.Button(description="reset", icon="undo")
        reset.on_click(self._reset)
        buttons = widgets.HBox([reset, button])
        turned = widgets.VBox(
            [*self.sliders.values(), buttons, self._message], layout={"flex": "1 1 320px"}
        )
        seen = widgets.VBox(
            [self._picture, self._table], layout={"flex": "2 1 420px", "overflow": "hidden"}
        )
        top = widgets.HBox([turned, seen], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([top, self._as_code])
        self._show()

    def _moved(self, _change: Any) -> None:
        """Run what the sliders show.

        If it is refused, the message says why and the last run stays.
        """
        if self._resetting:
            return
        # All sliders together: one move may make the value of another slider legal.
        changes: dict[str, Any] = {}
        for path, slider in self.sliders.items():
            # A slider that was not moved keeps the exact value, which its steps may not hit.
            if slider.value != self._knobs[path].value:
                changes |= self._knobs[path].changes(slider.value)
        try:
            scenario, run = self._run(changes)
        except ValidationError as error:
            self.problem = ": ".join(explain(error, Scenario))
        except ValueError as error:
            self.problem = str(error)
        else:
            self.scenario, self.run, self.problem = scenario, run, ""
        self._show()

    def _run(self, changes: Mapping[str, Any]) -> tuple[Scenario, Run]:
        """Run the scenario, or the log's own jobs, with some changes."""
        if self._jobs is None:
            scenario = self._first.replace(changes)
            return scenario, run_virtual(_first_jobs(scenario))
        jobs, _ = with_changes(self._jobs, changes)
        return jobs.scenario, run_virtual(first_jobs(jobs, MOST))

    def _reset(self, _button: Any) -> None:
        """Put all sliders back, and run the scenario once, not once per slider."""
        self._resetting = True
        try:
            for path, slider in self.sliders.items():
                slider.value = self._knobs[path].value
        finally:
            self._resetting = False
        self._chart.forget()
        self._moved(None)

    def _show(self) -> None:
        self._message.value = as_html(f"Not possible: {self.problem}") if self.problem else ""
        if self.problem:
            return
        self._picture.value = self._chart.png(jobs_by_stage(self.run.jobs))
        self._table.value = rows_as_html(None, self._rows())
        self._code.value = f"from jobsim import Scenario\n\nscenario = {as_code(self.scenario)}\n"
        self._code.rows = min(self._code.value.count("\n") + 1, _CODE_LINES)

    def _show_code(self, _button: Any) -> None:
        self._as_code.layout.display = None
        # No markup can end the script: "<" and all but ASCII are written as escapes.
        text = json.dumps(self._code.value).replace("<", "\\u003c")
        script = f"if (navigator.clipboard) navigator.clipboard.writeText({text})"
        self._script.outputs = (
            {"output_type": "display_data", "metadata": {},
             "data": {"application/javascript": script}},
        )  # fmt: skip

    def _figures(self) -> dict[str, str]:
        """Return the figures that people compare while they move a slider."""
        figures = self.run.metrics()
        ended = {"completed": "completed", "failed": "failed"} | _UNENDED
        counts = (f"{figures[name]:,.0f} {label}" for name, label in ended.items() if figures[name])
        p50, p95 = (format_duration(figures[f"wait_{part}"]) for part in ("p50", "p95"))
        return {
            "utilisation": format_share(figures["utilisation"]),
            "wait": f"p50 {p50}, p95 {p95}",
            "longest queue": count_of(longest_queue(self.run.jobs), "job"),
            "throughput": f"{format_number(figures['throughput'])} jobs/s",
            **self._requests(figures),
            "jobs": ", ".join(counts) or "none",
        }

    def _requests(self, figures: Mapping[str, float]) -> dict[str, str]:
        """Return what came of the requests, where they do not end as the jobs do."""
        if not has_retries_or_losses(figures):
            return {}
        served, requests = figures["served"], count_of(int(figures["requests"]), "request")
        return {
            "served": f"{served:,.0f} of {requests}",
            "goodput": f"{format_number(figures['goodput'])} requests/s",
        }

    def _rows(self) -> Rows:
        rows = []
        for name, now in self._figures().items():
            # A figure that the first run did not have: requests are shown once they differ.
            before = self._first_figures.get(name, now)
            rows.append((name, now if now == before else f"{now} (before: {before})"))
        cut = self._jobs is None and _first_jobs(self.scenario) is not self.scenario
        if cut or len(self.run.jobs) == MOST:
            rows.append(("cut", f"only the first {MOST:,} jobs are run here, to be quick"))
        return rows

    def _display(self) -> tuple[str, Rows]:
        rows = self._rows()
        if self.widget is None:
            rows.append(("sliders", NO_WIDGETS))
        return f"Explorer of {self.scenario.name!r}", rows

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        # Besides the widget a table, which a page without a kernel can still show.
        bundle = {} if self.widget is None else dict(self.widget._repr_mimebundle_())
        return bundle | {"text/plain": repr(self), "text/html": rows_as_html(*self._display())}


def _slider(widgets: Any, knob: Knob, style: dict[str, str]) -> Any:
    """Make the widget of a knob: whole numbers have a slider of whole numbers."""
    whole = isinstance(knob.value, int)
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    return kind(
        value=knob.value,
        min=knob.low,
        max=knob.high,
        step=knob.step,
        description=knob.label,
        tooltip=knob.description,
        readout_format="d" if whole else f".{knob.digits}f",
        style=style,
        layout={"width": "auto"},
    )


def _first_jobs(scenario: Scenario) -> Scenario:
    """Return the scenario itself, or one of its first `MOST` jobs if it has more."""
    jobs, rate = scenario.jobs, scenario.arrivals.mean_rate
    if jobs is None and scenario.duration is not None and rate is not None:
        jobs = int(scenario.duration * rate)
    return scenario if jobs is None or jobs <= MOST else scenario.replace({"jobs": MOST})
