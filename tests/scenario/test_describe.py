import pytest

from jobsim.scenario.arrivals import Poisson, Stampede
from jobsim.scenario.distributions import Constant, Exponential
from jobsim.scenario.scenario import Payment, Scenario, Work


def lines(**fields):
    return Scenario(**fields).describe().splitlines()


def test_a_scenario_with_everything_in_it():
    scenario = Scenario(
        name="all",
        why="To see it all.",
        jobs=2000,
        duration=600.0,
        arrivals=Poisson(rate=6.4),
        payment=Payment(
            delay=Exponential(mean=2.0), abandon=0.05, duplicate=0.02, lag=Constant(value=3.0)
        ),
        work=Work(service=Constant(value=1.0), fail=0.03),
        workers=8,
        clients=4,
        pollers=2,
        poll_interval=0.5,
        seed=7,
    )
    about = scenario.describe().splitlines()
    assert about[0] == "all: To see it all."
    assert about[1] == (
        "2,000 jobs arrive at random (Poisson), 6.4 per second on average, "
        "until 600 s at the latest."
    )
    assert about[2] == (
        "Payment is confirmed after 2 s on average, exponentially distributed. "
        "5 % of jobs are never paid and wait for ever. "
        "2 % of confirmations come twice, the second one later by 3 s."
    )
    assert about[3] == "Work takes 1 s. 3 % of jobs fail."
    assert about[4] == "8 workers, 4 clients, 2 pollers reading every 0.5 s; seed 7."
    assert about[5:] == ["Offered load 6.08 erlangs on 8 workers: utilisation 76 % per worker."]


def test_the_number_of_jobs_may_be_left_to_the_duration_or_to_nobody():
    assert lines(duration=60.0)[1].startswith("Jobs arrive at random")
    assert lines(duration=60.0)[1].endswith(", until 60 s.")
    assert lines()[1] == "Jobs arrive at random (Poisson), 1 per second on average."


def test_one_of_each_is_in_the_singular():
    about = lines(jobs=1, workers=1, clients=1, pollers=1, poll_interval=0.0)
    assert about[1].startswith("1 job arrives at random")
    assert about[4] == "1 worker, 1 client, 1 poller reading as fast as possible; seed 0."


@pytest.mark.parametrize("workers", [1, 2])
def test_too_few_workers_are_said_to_be_too_few(workers):
    about = lines(arrivals=Poisson(rate=2.0), workers=workers)
    assert "more than they can keep up with, so the backlog grows" in about[-1]


def test_what_answers_back_is_told_between_the_work_and_the_threads():
    about = lines(
        jobs=10,
        work={"fail": 0.1, "crash": 0.02, "restart": Exponential(mean=5.0)},
        patience=Constant(value=4.0),
        retry={"attempts": 2},
        reaper={"timeout": 9.0},
        outages=[{"at": 1.0, "duration": 2.0, "workers": 1}],
    )
    assert about[3] == (
        "Work takes 1 s on average, exponentially distributed. 10 % of jobs fail. In 2 % of jobs "
        "the worker dies in the middle; it is back after 5 s on average, exponentially "
        "distributed."
    )
    assert about[4] == (
        "A client's patience with a job lasts 4 s; then it asks again or leaves, and the job is "
        "served all the same."
    )
    assert about[5:-2] == [
        "A failed job is asked for again once, after 1 s.",
        "A reaper looks every 1 s and fails what has been running for 9 s.",
        "1 worker is gone from 1 s to 3 s.",
    ]
    assert about[-1] == (
        "Offered load 1 erlangs before retries and crashes and outages on 4 workers: utilisation "
        "25 % per worker."
    )


def test_a_client_without_retries_leaves_and_a_job_without_a_reaper_is_stuck():
    about = lines(patience=Constant(value=4.0), work={"crash": 1.0}, arrivals=Poisson(rate=9.0))
    assert "In 100 % of jobs the worker dies in the middle; it is back at once." in about[3]
    assert about[4].endswith("then it leaves, and the job is served all the same.")
    assert about[5] == "Nobody fails a job whose worker is gone: it is RUNNING for ever."
    # A crash cuts work short, so it is not sure that the backlog grows.
    assert about[-1].endswith("before crashes on 4 workers: utilisation 225 % per worker.")


def test_a_closed_loop_tells_of_its_users_and_of_no_load():
    about = lines(jobs=9, arrivals={"kind": "closed", "users": 3, "paced": True})
    assert about[1].startswith("9 jobs arrive from 3 users, who each think for 1 s on average")
    assert "erlangs" not in "".join(about)


def test_a_load_without_a_rate_is_not_told():
    assert "erlangs" not in Scenario(jobs=5, arrivals=Stampede()).describe()


def test_a_scenario_is_shown_as_these_sentences():
    scenario = Scenario(name="<shop>", why="to learn", jobs=5)
    assert str(scenario) == scenario.describe()
    page = scenario._repr_html_()
    assert "&lt;shop&gt;: to learn" in page
    sentences = scenario.describe().splitlines()[1:]
    assert sentences
    assert all(sentence in page for sentence in sentences)
