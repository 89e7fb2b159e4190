"""What becomes of a payment: stages, losses, deliveries sent again, a deadline."""

import inspect
import math

import numpy as np
import pytest

from jobsim.scenario import scenario as scenario_module
from jobsim.scenario.distributions import Constant, Exponential, Sum, Uniform
from jobsim.scenario.payment import Payment
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.ticks import TICKS_PER_SECOND, to_ticks
from jobsim.scenario.workload import Workload, draw_payment

JOBS = 100_000


def drawn(jobs=JOBS, seed=3, **fields):
    return draw_payment(Scenario(payment=Payment(**fields), seed=seed), jobs)


def share_of(condition, probability):
    """Hold a share of all jobs against its probability, to five standard deviations."""
    spread = math.sqrt(probability * (1.0 - probability) / JOBS)
    assert condition.mean() == pytest.approx(probability, abs=5.0 * spread)


def test_payment_is_found_where_it_was():
    assert scenario_module.Payment is Payment


def test_every_field_is_in_the_docstring():
    for name in Payment.model_fields:
        assert f"\n{name}\n" in inspect.getdoc(Payment)


def test_each_delivery_is_lost_with_the_same_probability():
    delay, _ = drawn(delay=Constant(value=2.0), lost=0.4, resend=(30.0, 60.0))
    for losses, later in enumerate((2.0, 32.0, 92.0)):
        share_of(delay == later, 0.6 * 0.4**losses)
    share_of(np.isnan(delay), 0.4**3)
    assert set(delay[~np.isnan(delay)]) == {2.0, 32.0, 92.0}


def test_without_a_second_delivery_a_lost_one_is_lost_for_ever():
    delay, _ = drawn(delay=Constant(value=2.0), lost=0.4, resend=())
    share_of(np.isnan(delay), 0.4)
    assert set(delay[~np.isnan(delay)]) == {2.0}


def test_what_is_always_lost_never_arrives():
    delay, lag = drawn(jobs=100, lost=1.0, duplicate=1.0)
    assert np.isnan(delay).all()
    assert np.isnan(lag).all()


def test_a_higher_probability_of_loss_only_delays():
    low, _ = drawn(delay=Exponential(mean=9.0), lost=0.2)
    high, _ = drawn(delay=Exponential(mean=9.0), lost=0.5)
    assert (np.nan_to_num(high, nan=np.inf) >= np.nan_to_num(low, nan=np.inf)).all()
    assert np.isnan(high).sum() > np.isnan(low).sum()


def test_losses_leave_the_other_draws_as_they_are():
    fields = {"delay": Exponential(mean=9.0), "duplicate": 0.5, "lag": Uniform(low=0.0, high=1.0)}
    delay, lag = drawn(**fields)
    lossy, lag_then = drawn(**fields, lost=0.3)
    in_time = lossy == delay
    share_of(in_time, 0.7)
    came = ~np.isnan(lossy)
    np.testing.assert_array_equal(lag_then[came], lag[came])
    assert np.isnan(lag_then[~came]).all()


def test_more_jobs_begin_with_the_same_payments():
    fields = {"delay": Sum(parts=(Exponential(mean=20.0), Uniform(low=0.0, high=10.0)))}
    fields |= {"lost": 0.4, "deadline": 60.0}
    few, many = drawn(jobs=50, **fields)[0], drawn(jobs=50_000, **fields)[0]
    np.testing.assert_array_equal(many[:50], few)


def test_nobody_pays_after_the_deadline():
    before, _ = drawn(delay=Exponential(mean=10.0))
    delay, lag = drawn(delay=Exponential(mean=10.0), deadline=20.0, duplicate=1.0)
    np.testing.assert_array_equal(delay, np.where(before <= 20.0, before, np.nan))
    share_of(np.isnan(delay), math.exp(-2.0))
    np.testing.assert_array_equal(np.isnan(lag), np.isnan(delay))


def test_a_confirmation_that_is_sent_again_may_come_after_the_deadline():
    delay, _ = drawn(delay=Constant(value=5.0), deadline=6.0, lost=0.5, resend=(30.0,))
    assert set(delay[~np.isnan(delay)]) == {5.0, 35.0}


def test_a_delay_that_just_meets_the_deadline_meets_it():
    delay, _ = drawn(jobs=3, delay=Constant(value=0.1), deadline=0.1)
    assert delay.tolist() == to_ticks(np.full(3, 0.1)).tolist()
    assert delay[0] > 0.1  # rounded up, as the deadline is


def test_delays_with_losses_are_whole_ticks():
    workload = Workload.sample(
        Scenario(jobs=500, payment=Payment(delay=Exponential(mean=1.0), lost=0.5, resend=(0.1,)))
    )
    ticks = workload.delay[~np.isnan(workload.delay)] * TICKS_PER_SECOND
    assert (ticks == np.rint(ticks)).all()


def test_deliveries_beyond_exact_ticks_are_refused():
    with pytest.raises(ValueError, match=r"payment.resend gave .* s, beyond 2\*\*33 s"):
        drawn(lost=0.9, resend=(1e11,))


def test_the_closed_forms_are_what_is_drawn():
    payment = Payment(
        delay=Exponential(mean=9.0), abandon=0.1, lost=0.6, resend=(30.0, 60.0, 120.0)
    )
    delay, _ = draw_payment(Scenario(payment=payment), JOBS)
    came = delay[~np.isnan(delay)]
    share_of(~np.isnan(delay), payment.confirmed)
    error = math.sqrt(payment.confirmation_variance / len(came))
    assert came.mean() == pytest.approx(payment.confirmation_mean, abs=5.0 * error)
    assert came.var() == pytest.approx(payment.confirmation_variance, rel=0.02)


def test_without_losses_the_confirmation_is_as_late_as_the_payment():
    payment = Payment(delay=Exponential(mean=9.0))
    assert (payment.confirmed, payment.confirmation_mean) == (1.0, 9.0)
    assert payment.confirmation_variance == 81.0


def test_what_share_a_deadline_cuts_off_is_not_told():
    assert Payment(deadline=5.0).confirmed is None
    assert Scenario(payment=Payment(deadline=5.0)).offered_load is None


def test_the_offered_load_counts_confirmed_jobs_only():
    payment = Payment(abandon=0.5, lost=0.5, resend=(30.0,))
    assert Scenario(payment=payment).offered_load == 0.5 * 0.75


@pytest.mark.parametrize(
    ("payment", "words"),
    [
        (Payment(deadline=600.0), "Nobody pays later than 600 s after asking."),
        (
            Payment(lost=0.2, resend=(30.0, 60.0)),
            (
                "20 % of deliveries of a confirmation are lost; each lost one is sent again, "
                "30, 60 s later, then no more."
            ),
        ),
        (Payment(lost=0.2, resend=()), "20 % of confirmations are lost for ever."),
    ],
    ids=["deadline", "lost and sent again", "lost for ever"],
)
def test_a_payment_is_told_in_words(payment, words):
    assert Scenario(payment=payment).describe().splitlines()[2] == (
        f"Payment is confirmed at once. {words}"
    )


@pytest.mark.parametrize(
    "fields",
    [{"lost": 1.5}, {"lost": -0.1}, {"resend": (0.0,)}, {"deadline": 0.0}, {"resend": 30.0}],
    ids=str,
)
def test_a_payment_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match="validation error"):
        Payment(**fields)
