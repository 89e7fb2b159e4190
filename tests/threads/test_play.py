"""Which calls a run has to make, and when: the rules, played without a thread or a clock."""

import pytest
from feedback_by_hand import workload

from jobsim.domain.codes import ERROR, ILLEGAL, OK
from jobsim.scenario.ticks import TICKS_PER_SECOND as S
from jobsim.threads.play import POLL, SERVED, Play
from jobsim.virtual.state import CREATE, END, FAIL, FAR, START


def played(requests, given, /, *, restless=False, **scenario):
    return Play(workload(requests, given, **scenario), restless=restless)


def take(play, what, until=FAR - 1):
    """Take the next call, which is of this kind, and return it."""
    _, call = play.next(until)
    assert call.what == what
    return call


def test_calls_go_to_clients_workers_reaper_and_pollers_in_this_order():
    play = played(2, {"service": 9.0}, clients=2, workers=1, pollers=1, poll_interval=1.0,
                  reaper={"timeout": 3.0})  # fmt: skip
    who = []
    for _ in range(5):
        actor, call = play.next(FAR - 1)
        play.answer(call, OK, 0 if call.what == CREATE else play.sim.state[0])
        who.append((actor, call.what))
    assert who == [(0, CREATE), (1, CREATE), (2, START), (4, POLL), (4, POLL)]


def test_nothing_is_due_before_its_time():
    play = played(1, {"arrival": [2.0]})
    assert play.next(2 * S - 1) is None
    assert play.next(2 * S) is not None


def test_a_job_is_paid_once_it_is_there_however_long_its_create_takes():
    play = played(1, {"delay": 1.0})
    play.answer(take(play, CREATE), OK, 5 * S)
    start = take(play, START)
    assert play.sim.state[0] == 5 * S
    assert play.sim.jobs[start.number].paid == 5 * S


def test_a_worker_that_goes_while_it_asks_loses_the_job_it_was_given():
    play = played(1, {"service": 9.0}, workers=1,
                  outages=[{"at": 1.0, "duration": 4.0, "workers": 1}])  # fmt: skip
    play.answer(take(play, CREATE), OK, 0)
    start = take(play, START)
    assert play.next(2 * S) is None  # the outage begins
    play.answer(start, OK, 2 * S)
    job = play.sim.jobs[0]
    assert (job.crashed, job.started, job.released) == (1, 2 * S, 2 * S)
    assert play.next(FAR - 1) is None
    assert play.over


def test_a_worker_that_goes_while_it_hands_in_has_handed_in():
    play = played(2, {"arrival": [0.0, 2.0]}, workers=1,
                  outages=[{"at": 1.5, "duration": 4.0, "workers": 1}])  # fmt: skip
    play.answer(take(play, CREATE), OK, 0)
    play.answer(take(play, START), OK, 0)
    end = take(play, END)
    create = take(play, CREATE)
    play.answer(create, OK, 2 * S)
    play.answer(end, OK, 3 * S)
    assert play.sim.jobs[0].finished == 3 * S
    assert play.sim.jobs[0].crashed == -1
    # It takes the next job when it is back, and not before.
    take(play, START)
    assert play.sim.state[0] == int(5.5 * S)


def test_an_outage_that_is_over_before_the_answer_is_not_noticed():
    play = played(1, {"service": 1.0}, workers=1,
                  outages=[{"at": 1.0, "duration": 1.0, "workers": 1}])  # fmt: skip
    play.answer(take(play, CREATE), OK, 0)
    start = take(play, START)
    assert play.next(3 * S) is None
    play.answer(start, OK, 3 * S)
    assert take(play, END).worker == 0
    assert play.sim.state[0] == 4 * S


def test_a_refused_confirmation_leaves_its_workers_turn_as_it_was():
    play = played(2, {"arrival": [0.0, 4.0], "lag": [2.0, 2.0], "service": 9.0}, workers=2)
    play.answer(take(play, CREATE), OK, 0)
    assert take(play, START).worker == 0
    duplicate = take(play, START)
    assert (duplicate.number, duplicate.worker) == (0, 1)
    play.answer(duplicate, ILLEGAL, 2 * S)
    assert play.sim.workers[1].free_since == 0


@pytest.mark.parametrize(("outcome", "looks"), [(ILLEGAL, False), (ERROR, True)])
def test_a_start_without_an_answer_may_have_been_one(outcome, looks):
    play = played(1, {}, workers=1, reaper={"timeout": 3.0})
    play.answer(take(play, CREATE), OK, 0)
    play.answer(take(play, START), outcome, 0)
    assert (play.next(FAR - 1) is not None) is looks


def test_a_client_whose_earlier_attempt_has_come_through_asks_for_nothing():
    play = played(1, {"fails": [[1, 0]], "pause": 1.0}, retry={"attempts": 2})
    play.answer(take(play, CREATE), OK, 0)
    play.answer(take(play, START), OK, 0)
    play.answer(take(play, END), OK, S)
    again = take(play, CREATE)
    assert list(play.asked) == [0, 1]
    play.answer(again, SERVED, 2 * S)
    assert list(play.asked) == [0]
    assert play.settled == 1
    assert play.over


def test_a_create_that_fails_is_the_end_of_its_request():
    play = played(1, {"pause": 1.0}, retry={"attempts": 2})
    play.answer(take(play, CREATE), ERROR, S)
    assert play.sim.jobs[0].left == S
    assert play.over


def test_the_reaper_looks_only_at_what_runs():
    play = played(1, {"service": 9.0}, workers=1, reaper={"timeout": 3.0})
    play.answer(take(play, CREATE), OK, 0)
    play.answer(take(play, START), OK, 0)
    look = take(play, FAIL)
    assert play.sim.state[0] == 3 * S
    play.answer(look, OK, 3 * S)
    play.answer(take(play, END), ILLEGAL, 9 * S)
    assert (play.sim.jobs[0].reaped, play.sim.jobs[0].rejected) == (1, 1)


@pytest.mark.parametrize(("restless", "polls"), [(True, 3), (False, 1)])
def test_a_poller_without_an_interval_looks_at_once_only_where_time_goes_by_itself(restless, polls):
    play = played(1, {"delay": 1.0}, restless=restless, pollers=1, poll_interval=0.0)
    create = take(play, CREATE)
    play.answer(create, OK, 0)
    looks = 0
    while looks < 3 and (due := play.next(0)) is not None:
        assert due[1].what == POLL
        play.answer(due[1], OK, 0)
        looks += 1
    assert looks == polls


def test_what_is_over_is_never_due_again():
    play = played(1, {}, pollers=1, poll_interval=1.0)
    play.answer(take(play, CREATE), OK, 0)
    play.answer(take(play, START), OK, 0)
    play.answer(take(play, END), OK, S)
    assert play.over
    assert play.next_due() == FAR
    assert play.next(FAR - 1) is None
