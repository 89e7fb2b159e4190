"""Simulate the life of a job: real threads on a real repository, and virtual time.

How it fits together: a `Scenario` is sampled to a `Workload`; `run_threads` or
`run_virtual` turns it into a `Run`; tables, checks and charts are functions of that. Names are
loaded when first used.
"""

from __future__ import annotations

# Nothing is imported here, not even `typing`: it is the first that a command does.
TYPE_CHECKING = False

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from jobsim.domain.exceptions import (
        InvalidStateTransitionError,
        JobNotFoundError,
        JobsimError,
    )
    from jobsim.domain.hashing import hash_inputs
    from jobsim.domain.models import LEGAL_TRANSITIONS, Job, JobStatus, validate_transition
    from jobsim.explorer.panel import explore
    from jobsim.report.build import build_report
    from jobsim.repository.adapt import adapt
    from jobsim.repository.job_repo import InMemoryJobRepository
    from jobsim.repository.protocol import JobRepository
    from jobsim.repository.recorded import RecordedRepository
    from jobsim.run.run import Run, RunFailed
    from jobsim.scenario.log import Log, read_log
    from jobsim.scenario.presets import preset, presets
    from jobsim.scenario.scenario import Scenario
    from jobsim.scenario.workload import Workload
    from jobsim.services.job_service import advance_job_state, create_job
    from jobsim.studies.backtest import Backtest, backtest
    from jobsim.studies.calibrate import Calibration, calibrate
    from jobsim.studies.compare import compare
    from jobsim.studies.forecast import Forecast, forecast
    from jobsim.studies.replay import replay
    from jobsim.studies.replicate import replicate
    from jobsim.studies.sizing import workers_needed
    from jobsim.studies.sweep import sweep
    from jobsim.studies.theory import theory
    from jobsim.threads.run_threads import run_threads
    from jobsim.virtual.run_virtual import run_virtual

_HOME = {
    "Backtest": "studies.backtest",
    "Calibration": "studies.calibrate",
    "Forecast": "studies.forecast",
    "InMemoryJobRepository": "repository.job_repo",
    "InvalidStateTransitionError": "domain.exceptions",
    "Job": "domain.models",
    "JobNotFoundError": "domain.exceptions",
    "JobRepository": "repository.protocol",
    "JobStatus": "domain.models",
    "JobsimError": "domain.exceptions",
    "LEGAL_TRANSITIONS": "domain.models",
    "Log": "scenario.log",
    "RecordedRepository": "repository.recorded",
    "Run": "run.run",
    "RunFailed": "run.run",
    "Scenario": "scenario.scenario",
    "Workload": "scenario.workload",
    "adapt": "repository.adapt",
    "advance_job_state": "services.job_service",
    "backtest": "studies.backtest",
    "build_report": "report.build",
    "calibrate": "studies.calibrate",
    "compare": "studies.compare",
    "create_job": "services.job_service",
    "explore": "explorer.panel",
    "forecast": "studies.forecast",
    "hash_inputs": "domain.hashing",
    "preset": "scenario.presets",
    "presets": "scenario.presets",
    "read_log": "scenario.log",
    "replay": "studies.replay",
    "replicate": "studies.replicate",
    "run_threads": "threads.run_threads",
    "run_virtual": "virtual.run_virtual",
    "sweep": "studies.sweep",
    "theory": "studies.theory",
    "validate_transition": "domain.models",
    "workers_needed": "studies.sizing",
}

__all__ = [
    "LEGAL_TRANSITIONS",
    "Backtest",
    "Calibration",
    "Forecast",
    "InMemoryJobRepository",
    "InvalidStateTransitionError",
    "Job",
    "JobNotFoundError",
    "JobRepository",
    "JobStatus",
    "JobsimError",
    "Log",
    "RecordedRepository",
    "Run",
    "RunFailed",
    "Scenario",
    "Workload",
    "adapt",
    "advance_job_state",
    "backtest",
    "build_report",
    "calibrate",
    "compare",
    "create_job",
    "explore",
    "forecast",
    "hash_inputs",
    "preset",
    "presets",
    "read_log",
    "replay",
    "replicate",
    "run_threads",
    "run_virtual",
    "sweep",
    "theory",
    "validate_transition",
    "workers_needed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'jobsim' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"jobsim.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
