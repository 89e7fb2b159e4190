import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsim.domain.exceptions import JobsimError
from jobsim.scenario.arrivals import Bursts, Paced, Poisson, Schedule, Stampede
from jobsim.scenario.closed import Closed
from jobsim.scenario.distributions import (
    Constant,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Sum,
    Uniform,
    Weibull,
)
from jobsim.scenario.files import ScenarioFileError, validate
from jobsim.scenario.outage import Outage
from jobsim.scenario.reaper import Reaper
from jobsim.scenario.retry import Retry
from jobsim.scenario.scenario import Payment, Scenario, Work

FULL = Scenario(
    name="näme",
    why='With "quotes",\nlines and \\.',
    duration=0.1 + 0.2,
    arrivals=Schedule(times=(1e-7, 3.0, 1e17)),
    payment=Payment(
        delay=LogNormal(median=1.0, p95=4.0), abandon=0.1, lag=Empirical(values=(2, 1))
    ),
    work=Work(service=Gamma(mean=2.0, cv=0.5), fail=0.05),
    pollers=3,
    poll_interval=0.0,
    seed=2**63 - 1,
)

EVERYTHING = Scenario(
    name="everything",
    why="To be read back.",
    jobs=10,
    duration=60.0,
    arrivals=Closed(users=3, think=LogNormal(mean=1.0, cv=2.0), paced=True),
    payment=Payment(
        delay=Sum(parts=(Exponential(mean=2.0), Uniform(low=0.0, high=1.0))),
        abandon=0.1,
        duplicate=0.2,
        lag=Exponential(mean=1.0),
        lost=0.3,
        resend=(5.0, 10.0),
        deadline=30.0,
    ),
    work=Work(service=Weibull(mean=1.0, cv=0.5), fail=0.1, crash=0.2, restart=Constant(value=3.0)),
    workers=2,
    clients=3,
    pollers=1,
    poll_interval=0.5,
    patience=Gamma(mean=4.0, cv=0.5),
    retry=Retry(attempts=4, base=0.5, factor=3.0, cap=9.0, jitter=1.0, budget=0.1, burst=7),
    reaper=Reaper(timeout=3.0, every=0.5, skew=-0.1),
    outages=(Outage(at=1.0, duration=2.0, workers=1), Outage(at=9.0, duration=1.0, workers=2)),
    call_time=Exponential(mean=0.01),
    seed=5,
)

positive = st.floats(1e-6, 1e6)
distributions = st.one_of(
    st.builds(Constant, value=positive),
    st.builds(lambda low, more: Uniform(low=low, high=low + more), positive, positive),
    st.builds(Exponential, mean=positive),
    st.builds(Weibull, mean=positive, cv=st.floats(0.01, 10.0)),
    st.builds(lambda m, ratio: LogNormal(median=m, p95=m * ratio), positive, st.floats(1.5, 99.0)),
)
arrivals = st.one_of(
    st.builds(Poisson, rate=positive),
    st.builds(Paced, rate=positive),
    st.builds(Bursts, size=st.integers(1, 10**6), every=positive),
    st.builds(Stampede, at=positive),
    st.builds(Closed, users=st.integers(1, 99), think=distributions, paced=st.booleans()),
)
probabilities = st.floats(0.0, 1.0)
retries = st.builds(
    Retry,
    attempts=st.integers(1, 100),
    base=positive,
    jitter=probabilities,
    budget=st.none() | probabilities,
)
reapers = st.builds(lambda t, skew: Reaper(timeout=t, skew=-skew), positive, positive)
outages = st.builds(Outage, at=positive, duration=positive, workers=st.integers(1, 99))
scenarios = st.builds(
    Scenario,
    name=st.text(),
    jobs=st.none() | st.integers(1, 10**6),
    duration=st.none() | positive,
    arrivals=arrivals,
    payment=st.builds(Payment, delay=distributions, abandon=probabilities, lag=distributions),
    work=st.builds(Work, service=distributions, fail=probabilities),
    workers=st.integers(1, 10**4),
    patience=st.none() | distributions,
    retry=st.none() | retries,
    reaper=st.none() | reapers,
    outages=st.lists(outages, max_size=3),
    seed=st.integers(0, 2**63 - 1),
)


@pytest.mark.parametrize("suffix", ["toml", "json"])
@settings(deadline=None, max_examples=30)
@given(scenario=scenarios | st.just(FULL) | st.just(EVERYTHING))
def test_a_file_reads_back_as_an_equal_scenario(suffix, scenario, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"round_trip.{suffix}"
    getattr(scenario, f"to_{suffix}")(path)
    assert getattr(Scenario, f"from_{suffix}")(path) == scenario
    assert Scenario.load(str(path)) == scenario


def test_everything_is_said_in_the_round_trip_of_everything():
    defaults = Scenario().model_dump()
    for name, value in EVERYTHING.model_dump().items():
        assert value != defaults[name]
    for part in (EVERYTHING.retry, EVERYTHING.work, EVERYTHING.payment):
        assert part.model_fields_set == set(type(part).model_fields)


@pytest.mark.parametrize("suffix", ["toml", "json"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"retry": None}, {"retry.budget": None, "reaper": None}, {"outages": []}],
    ids=str,
)
def test_what_is_there_and_what_is_not_is_read_back(changes, suffix, tmp_path):
    scenario = EVERYTHING.replace(changes)
    path = tmp_path / f"scenario.{suffix}"
    getattr(scenario, f"to_{suffix}")(path)
    assert Scenario.load(path) == scenario


def test_outages_are_tables_as_a_person_writes_them(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "jobs = 5\n[retry]\nattempts = 2\n"
        "[[outages]]\nat = 1\nduration = 2\nworkers = 1\n"
        "[[outages]]\nat = 5\nduration = 2\nworkers = 3\n"
    )
    assert Scenario.load(path) == Scenario(
        jobs=5,
        retry=Retry(attempts=2),
        outages=(Outage(at=1.0, duration=2.0, workers=1), Outage(at=5.0, duration=2.0, workers=3)),
    )


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_file_keeps_the_pair_that_was_given(suffix, tmp_path):
    path = tmp_path / f"full.{suffix}"
    getattr(FULL, f"to_{suffix}")(path)
    assert Scenario.load(path).payment.delay.model_fields_set == {"kind", "median", "p95"}
    assert "cv" not in path.read_text("utf-8").split("[work")[0].split('"work"')[0]


def test_a_file_as_a_person_writes_it(tmp_path):
    path = tmp_path / "mine.TOML"
    path.write_bytes(
        b"\xef\xbb\xbfjobs = 2000\r\nworkers = 8 # threads\r\n"
        b"[arrivals]\r\nkind = 'poisson'\r\nrate = 6\r\n"
        b"[payment]\r\ndelay = {kind = 'exponential', mean = 2}\r\n"
    )
    assert Scenario.load(path) == Scenario(
        jobs=2000,
        workers=8,
        arrivals=Poisson(rate=6.0),
        payment=Payment(delay=Exponential(mean=2.0)),
    )


@pytest.mark.parametrize(
    ("content", "field", "problem"),
    [
        ({"workers": 0}, "workers", "must be greater than or equal to 1, not 0"),
        ({"workers": True}, "workers", "must be a valid integer, not True"),
        ({"sed": 1}, "sed", "no such field; did you mean 'seed'?"),
        (
            {"arrivals": {"kind": "poisson", "rate": -1}},
            "arrivals.rate",
            "must be greater than 0, not -1",
        ),
        ({"arrivals": {"kind": "poisson"}}, "arrivals.rate", "is missing"),
        (
            {"arrivals": {"kind": "poisson", "rte": 1}},
            "arrivals.rte",
            "no such field; did you mean 'rate'? (and 1 more)",
        ),
        (
            {"arrivals": {"kind": "poisson", "rate": 1, "poisson": 1}},
            "arrivals.poisson",
            "no such field; choose from kind, rate",
        ),
        (
            {"arrivals": {"kind": "posson"}},
            "arrivals",
            "no such kind 'posson'; did you mean 'poisson'?",
        ),
        (
            {"arrivals": {"rate": 1}},
            "arrivals",
            "say its kind: poisson, renewal, paced, bursts, stampede, schedule",
        ),
        ({"arrivals": 3}, "arrivals", "must be a table of fields, not 3"),
        ({"payment": 3}, "payment", "must be a table of fields, not 3"),
        ({"payment": {"abandn": 0}}, "payment.abandn", "no such field; did you mean 'abandon'?"),
        (
            {"arrivals": {"kind": "schedule", "times": [1, -2]}},
            "arrivals.times[1]",
            "must be greater than or equal to 0, not -2",
        ),
        (
            {"arrivals": {"kind": "varying", "points": [[0, 1], [9, True]]}},
            "arrivals.points[1][1]",
            "must be a valid number, not True",
        ),
        (
            {"payment": {"delay": {"kind": "sum", "parts": [{"kind": "constant", "vale": 1}]}}},
            "payment.delay.parts[0].vale",
            "no such field; did you mean 'value'?",
        ),
        (
            {"payment": {"delay": {"kind": "sum", "parts": [{"kind": "sum", "parts": []}]}}},
            "payment.delay.parts[0]",
            "no such kind 'sum'; choose from constant, uniform, exponential, lognormal",
        ),
        (
            {"arrivals": {"kind": "schedule", "times": 3}},
            "arrivals.times",
            "must be a list, not 3",
        ),
        (
            {"work": {"service": {"kind": "gamma", "mean": 3}}},
            "work.service",
            "give either mean and cv, or median and p95 (got mean)",
        ),
        (
            {"payment": {"delay": {"kind": "constant", "value": float("nan")}}},
            "payment.delay.value",
            "must be a finite number, not nan",
        ),
        ({"retry": {"atempts": 2}}, "retry.atempts", "no such field; did you mean 'attempts'?"),
        ({"retry": 3}, "retry", "must be a table of fields, not 3"),
        ({"reaper": {}}, "reaper.timeout", "is missing"),
        (
            {"reaper": {"timeout": 1, "skew": 2}},
            "reaper",
            "skew = 2.0 is not below timeout = 1.0: the reaper would fail every job at once",
        ),
        ({"patience": {"kind": "constnt"}}, "patience", "no such kind 'constnt'; did you mean"),
        ({"patience": {"kind": "constant"}}, "patience.value", "is missing"),
        ({"outages": {"at": 1}}, "outages", "must be a list, not {'at': 1}"),
        ({"outages": [{"at": 1, "duration": 1}]}, "outages[0].workers", "is missing"),
        (
            {"outages": [{"at": 1, "duration": 1, "workers": 1, "until": 3}]},
            "outages[0].until",
            "no such field; ",
        ),
        (
            {"arrivals": {"kind": "closed", "user": 3}},
            "arrivals.user",
            "no such field; did you mean 'users'? (and 1 more)",
        ),
        ({"jobs": 0, "seed": -1, "workers": 0}, "jobs", "to 1, not 0 (and 2 more)"),
        ([3], "file", "must be a table of fields, not [3]"),
    ],
    ids=str,
)
def test_a_bad_file_is_one_error_that_names_file_field_and_problem(
    content, field, problem, tmp_path
):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ScenarioFileError) as caught:
        Scenario.from_json(path)
    assert caught.value.path == str(path)
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert str(caught.value) == f"{path}: {field}: {caught.value.problem}"
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, JobsimError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_a_long_value_is_cut_short_in_the_error():
    with pytest.raises(ScenarioFileError) as caught:
        validate({"payment": list(range(10_000))}, "a.toml", Scenario)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("name", "content", "field", "problem"),
    [
        ("a.toml", b"jobs = 3\nworkers 4\n", "syntax", "line 2"),
        ("a.json", b'{"jobs": 3,\n "workers" 4}', "syntax", "line 2"),
        ("a.json", b'{"jobs": 3, "jobs": 4}', "syntax", "'jobs' is given twice"),
        ("a.toml", b"jobs = 3\njobs = 4\n", "syntax", "line 2"),
        ("a.toml", b"name = '\xff'", "file", "is not UTF-8 text (byte 8)"),
        ("a.yaml", b"jobs: 3", "file", "ends in '.yaml': name it .toml or .json"),
    ],
)
def test_a_file_that_cannot_be_parsed_says_where(name, content, field, problem, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ScenarioFileError) as caught:
        Scenario.load(path)
    assert (caught.value.path, caught.value.field) == (str(path), field)
    assert problem in caught.value.problem


@pytest.mark.parametrize("name", ["missing.toml", "missing.json"])
def test_a_missing_file_is_said_to_be_missing(name, tmp_path):
    with pytest.raises(ScenarioFileError, match="file: cannot be read: No such file"):
        Scenario.load(tmp_path / name)


def test_a_folder_is_no_scenario(tmp_path):
    with pytest.raises(ScenarioFileError, match="file: cannot be read"):
        Scenario.from_toml(tmp_path)
