import inspect
import pickle

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from jobsim.domain.exceptions import JobsimError
from jobsim.scenario.arrivals import Bursts, Poisson, Schedule, Stampede
from jobsim.scenario.distributions import Constant, Exponential, LogNormal
from jobsim.scenario.outage import Outage
from jobsim.scenario.reaper import Reaper
from jobsim.scenario.retry import Retry
from jobsim.scenario.scenario import Payment, Scenario, UnknownFieldError, Work


def parts(model):
    """Yield a model class and every model class that its fields can hold."""
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from parts(part)


@pytest.mark.parametrize("part", sorted(set(parts(Scenario)), key=lambda part: part.__name__))
def test_every_field_is_documented(part):
    undocumented = [
        name
        for name, field in part.model_fields.items()
        if name != "kind" and not field.description
    ]
    assert undocumented == []


@pytest.mark.parametrize("part", [Scenario, Payment, Work])
def test_every_field_is_in_the_docstring(part):
    for name in part.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(part)


def test_a_scenario_cannot_be_changed_and_can_be_a_key():
    scenario = Scenario(jobs=3)
    with pytest.raises(ValidationError, match="frozen"):
        scenario.jobs = 4
    assert {scenario: 1}[Scenario(jobs=3)] == 1


def test_a_scenario_survives_pickling():
    scenario = Scenario(jobs=3, work=Work(service=LogNormal(median=1.0, p95=2.0)))
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    "fields",
    [
        {"jobs": 0},
        {"jobs": 2**31},
        {"jobs": 1.5},
        {"duration": 0.0},
        {"workers": 0},
        {"workers": True},
        {"workers": "8"},
        {"clients": 0},
        {"pollers": -1},
        {"poll_interval": -0.1},
        {"seed": -1},
        {"seed": 2**63},
        {"payment": {"abandon": 1.1}},
        {"payment": {"duplicate": -0.1}},
        {"work": {"fail": 2.0}},
        {"arrivals": {"kind": "posson", "rate": 1.0}},
        {"job": 3},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(fields):
    with pytest.raises(ValidationError):
        Scenario(**fields)


def test_numpy_scalars_are_taken_for_the_numbers_they_hold():
    scenario = Scenario(jobs=np.int64(5), duration=np.float32(2.0), seed=np.uint32(3))
    assert scenario == Scenario(jobs=5, duration=2.0, seed=3)
    assert type(scenario.jobs) is int


def test_replace_changes_what_it_names_and_nothing_else():
    scenario = Scenario(jobs=10, work=Work(service=Exponential(mean=3.0)))
    changed = scenario.replace({"arrivals.rate": 2.0, "workers": np.int64(8), "jobs": None})
    assert changed == Scenario(
        arrivals=Poisson(rate=2.0), workers=8, work=Work(service=Exponential(mean=3.0))
    )
    assert scenario.workers == 4


def test_replace_without_changes_is_the_same_scenario():
    assert Scenario(jobs=2).replace({}) == Scenario(jobs=2)


@pytest.mark.parametrize("part", [Stampede(at=1.0), {"kind": "stampede", "at": 1.0}], ids=repr)
def test_replace_takes_a_whole_part_and_paths_into_it(part):
    changed = Scenario(jobs=2).replace({"arrivals.at": 5.0, "arrivals": part})
    assert changed.arrivals == Stampede(at=5.0)


def test_replace_keeps_the_pair_that_was_given():
    scenario = Scenario(work=Work(service=LogNormal(median=1.0, p95=3.0)))
    service = scenario.replace({"work.service.median": 2.0}).work.service
    assert (service.median, service.p95) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("arrivals.rte", "no field 'arrivals.rte'; did you mean 'arrivals.rate'?"),
        ("wrkers", "no field 'wrkers'; did you mean 'workers'?"),
        ("arrivals.rate.x", "no field 'arrivals.rate.x'; did you mean 'arrivals.rate'?"),
        (
            "work.service.xyz",
            "'work.service.xyz'; choose from work.service.kind, work.service.mean",
        ),
        ("", "no field ''; choose from name, why, jobs, duration, arrivals,"),
        ("paymnt.delay", "no field 'paymnt.delay'; did you mean 'payment'?"),
    ],
)
def test_replace_refuses_a_path_that_is_not_there_and_suggests_one(path, text):
    with pytest.raises(UnknownFieldError) as caught:
        Scenario().replace({path: 1})
    assert text in str(caught.value)
    assert isinstance(caught.value, JobsimError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.path == path
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


@pytest.mark.parametrize(
    "changes", [{"workers": 0}, {"arrivals.rate": -1.0}, {"arrivals.kind": "stampede"}], ids=str
)
def test_replace_validates_values(changes):
    with pytest.raises(ValueError, match="validation error"):
        Scenario().replace(changes)


def test_the_offered_load_counts_paid_jobs_only():
    scenario = Scenario(
        arrivals=Bursts(size=6, every=2.0),
        payment=Payment(abandon=0.5),
        work=Work(service=Constant(value=4.0)),
    )
    assert scenario.offered_load == 6.0


def test_without_a_rate_there_is_no_offered_load():
    assert Scenario(arrivals=Schedule(times=(1.0,))).offered_load is None


def test_a_json_schema_can_be_made():
    assert Scenario.model_json_schema()["properties"]["workers"]["description"]


def test_a_path_reaches_into_a_part_that_is_there():
    scenario = Scenario(retry=Retry(attempts=5), reaper=Reaper(timeout=3.0))
    changed = scenario.replace({"retry.jitter": 1.0, "reaper.timeout": 4.0})
    assert changed.retry == Retry(attempts=5, jitter=1.0)
    assert changed.reaper == Reaper(timeout=4.0)
    assert changed.replace({"retry": None}).retry is None


@pytest.mark.parametrize(
    "fields",
    [
        {"retry": Retry()},
        {"reaper": Reaper(timeout=1.0)},
        {"outages": (Outage(at=0.0, duration=1.0, workers=1),)},
        {"patience": {"kind": "constant", "value": 1.0}},
        {"work": {"crash": 0.1}},
        {"arrivals": {"kind": "closed", "users": 1}},
    ],
    ids=str,
)
def test_each_part_alone_is_feedback(fields):
    assert Scenario(**fields).has_feedback is True
    assert Scenario(work={"restart": {"kind": "constant", "value": 1.0}}).has_feedback is False


def test_a_scenario_with_all_parts_can_be_a_key():
    scenario = Scenario(retry=Retry(), reaper=Reaper(timeout=1.0), outages=())
    assert {scenario: 1}[scenario.replace({})] == 1
