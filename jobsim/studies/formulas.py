"""Steady-state formulas for queues without abandonment, served first come first served.

Rates are per second, times in seconds, loads in erlangs. Pure functions of numbers.

References
----------
Erlang (1917), Solution of some problems in the theory of probabilities of significance in
automatic telephone exchanges, Elektroteknikeren 13.
Kleinrock (1975), Queueing Systems, volume 1: Theory.
Pollaczek (1930), Mathematische Zeitschrift 32; Khinchine (1932), Matematicheskii Sbornik 39.
Allen (1990), Probability, Statistics and Queueing Theory, 2nd ed.; the approximation is that
of Allen and Cunneen (1978).
Sevcik and Mitrani (1981), The distribution of queuing network states at input and output
instants, Journal of the ACM 28 (2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jobsim.display.text import count_of


def workers_for(offered_load: float) -> int:
    """Return the smallest number of workers that keeps the queue from growing for ever.

    Examples
    --------
    >>> workers_for(8.4), workers_for(8.0)
    (9, 9)
    """
    return math.floor(offered_load) + 1


def needs(offered_load: float) -> str:
    """Return what a load needs to be stable, in words.

    Examples
    --------
    >>> needs(8.4)
    'needs at least 9 workers; offered load is 8.4'
    """
    least = workers_for(offered_load)
    return f"needs at least {count_of(least, 'worker')}; offered load is {offered_load:.6g}"


def erlang_b(workers: int, offered_load: float) -> float:
    """Return the probability that an arriving job finds all workers busy and is lost (M/G/c/c).

    By the recursion B(k) = a B(k-1) / (k + a B(k-1)), which neither overflows nor cancels
    (Erlang 1917; Kleinrock 1975, section 3.5).

    Parameters
    ----------
    workers
        Number of servers c, at least 1.
    offered_load
        Arrival rate times mean service time, in erlangs; any load is fine.

    Raises
    ------
    ValueError
        If `workers` is less than 1, or the load is negative or not finite.

    Examples
    --------
    >>> round(erlang_b(10, 5.0), 6)
    0.018385
    """
    _check(workers, offered_load)
    blocked = 1.0
    for servers in range(1, workers + 1):
        blocked = offered_load * blocked / (servers + offered_load * blocked)
    return blocked


def erlang_c(workers: int, offered_load: float) -> float:
    """Return the probability that an arriving job has to wait in an M/M/c queue.

    Erlang 1917, from Erlang B (Kleinrock 1975, section 3.4).

    Parameters
    ----------
    workers
        Number of servers c, at least 1.
    offered_load
        Arrival rate times mean service time, in erlangs; below `workers`.

    Raises
    ------
    ValueError
        If the queue is unstable (``offered_load >= workers``), or as for `erlang_b`.

    Examples
    --------
    >>> round(erlang_c(8, 6.4), 6)
    0.457645
    >>> erlang_c(8, 8.4)
    Traceback (most recent call last):
        ...
    ValueError: 8 workers are too few: needs at least 9 workers; offered load is 8.4
    """
    _check_stable(workers, offered_load)
    blocked = erlang_b(workers, offered_load)
    return workers * blocked / (workers - offered_load * (1.0 - blocked))


def mmc_wait_mean(workers: int, rate: float, service_mean: float) -> float:
    """Return the mean wait in an M/M/c queue (Kleinrock 1975, section 3.4).

    With one worker it is the M/M/1 queue.

    Raises
    ------
    ValueError
        If the queue is unstable.

    Examples
    --------
    >>> round(mmc_wait_mean(1, 0.8, 1.0), 9)
    4.0
    """
    offered_load = rate * service_mean
    return erlang_c(workers, offered_load) * service_mean / (workers - offered_load)


def mmc_wait_exceeds(workers: int, rate: float, service_mean: float, time: float) -> float:
    """Return the probability that a job waits longer than `time` in an M/M/c queue.

    The wait is zero with probability 1 - C, otherwise exponential (Kleinrock 1975).

    Raises
    ------
    ValueError
        If the queue is unstable, or `time` is negative.

    Examples
    --------
    >>> mmc_wait_exceeds(8, 6.4, 1.0, 0.0) == erlang_c(8, 6.4)
    True
    """
    if not time >= 0:
        raise ValueError(f"time is {time}; a wait is compared with a time of at least 0 s")
    offered_load = rate * service_mean
    waits = erlang_c(workers, offered_load)
    return waits * math.exp(-(workers - offered_load) * time / service_mean) if waits else 0.0


def mmc_wait_percentile(workers: int, rate: float, service_mean: float, q: float) -> float:
    """Return the wait that `q` percent of the jobs do not exceed in an M/M/c queue.

    Parameters
    ----------
    workers
        Number of servers c.
    rate, service_mean
        Arrivals per second and seconds of work.
    q
        Percent, from 0 up to but not including 100.

    Raises
    ------
    ValueError
        If the queue is unstable, or `q` is out of range.

    Examples
    --------
    >>> round(mmc_wait_percentile(8, 6.4, 1.0, 95), 4), mmc_wait_percentile(8, 6.4, 1.0, 50)
    (1.3838, 0.0)
    """
    if not 0 <= q < 100:
        raise ValueError(f"q is {q}; it is a percentage, from 0 to below 100")
    offered_load = rate * service_mean
    waits = erlang_c(workers, offered_load)
    beyond = 1.0 - q / 100.0
    if waits <= beyond:
        return 0.0
    return service_mean / (workers - offered_load) * math.log(waits / beyond)


def mg1_wait_mean(rate: float, service_mean: float, service_variance: float) -> float:
    """Return the mean wait in an M/G/1 queue (Pollaczek 1930, Khinchine 1932).

    Raises
    ------
    ValueError
        If the queue is unstable.

    Examples
    --------
    Constant service halves the wait of exponential service:

    >>> round(mg1_wait_mean(0.8, 1.0, 0.0), 9), round(mg1_wait_mean(0.8, 1.0, 1.0), 9)
    (2.0, 4.0)
    """
    utilisation = rate * service_mean
    _check_stable(1, utilisation)
    return rate * (service_variance + service_mean**2) / (2.0 * (1.0 - utilisation))


def ggc_wait_mean(
    workers: int, rate: float, service_mean: float, *, arrival_cv2: float, service_cv2: float
) -> float:
    """Return the mean wait in a G/G/c queue, approximately (Allen and Cunneen 1978).

    It is the wait of M/M/c times the mean of the two squared coefficients of variation: exact for
    M/M/c and M/G/1, best at high load, and too high with very regular arrivals. See
    `ggc_wait_range` for its error.

    Parameters
    ----------
    workers
        Number of servers c.
    rate, service_mean
        Arrivals per second and seconds of work.
    arrival_cv2, service_cv2
        Variance over squared mean of inter-arrival times and of service times.

    Raises
    ------
    ValueError
        If the queue is unstable.

    Examples
    --------
    >>> ggc_wait_mean(8, 6.4, 1.0, arrival_cv2=1.0, service_cv2=1.0) == mmc_wait_mean(8, 6.4, 1.0)
    True
    """
    return mmc_wait_mean(workers, rate, service_mean) * (arrival_cv2 + service_cv2) / 2.0


def ggc_wait_range(
    workers: int, offered_load: float, *, arrival_cv2: float, service_cv2: float
) -> tuple[float, float]:
    """Return the range of the true mean wait, as factors of `ggc_wait_mean`.

    The range is measured, not proved, and rounded outwards: from simulations of 2, 8 and 32 workers
    at loads of 0.5, 0.8 and 0.95 with lognormal, gamma and hyperexponential work of cv 0 to 5, and
    of 1 and 8 workers with evenly spaced arrivals scattered by payments. The approximation is right
    where nearly all jobs wait; the fewer wait, the further off it can be, mostly too high. So the
    range follows from Erlang's probability of a wait.

    Parameters
    ----------
    workers, offered_load
        As for `erlang_c`.
    arrival_cv2, service_cv2
        As for `ggc_wait_mean`.

    Examples
    --------
    >>> [round(end, 2) for end in ggc_wait_range(8, 6.4, arrival_cv2=1.0, service_cv2=4.0)]
    [0.31, 1.54]
    """
    waits = erlang_c(workers, offered_load)
    if arrival_cv2 == 1.0:
        return waits**1.5, 2.0 - waits
    if service_cv2 < 0.3:
        return 0.0, 2.0  # both regular: hardly any job waits, and the approximation means little
    return 0.4 * waits**2, 1.1 * (2.0 - waits)


class FiniteSource(NamedTuple):
    """The steady state of a closed queue.

    Attributes
    ----------
    throughput
        Jobs per second.
    wait_mean
        Mean seconds that a job waits for a worker.
    wait_probability
        Probability that an arriving job has to wait.
    """

    throughput: float
    wait_mean: float
    wait_probability: float


def finite_source(workers: int, users: int, think_mean: float, service_mean: float) -> FiniteSource:
    """Return the steady state of M/M/c//N: users who think, ask, and wait for the end.

    The machine repairman model (Kleinrock 1975, chapter 3, finite customer population): with
    n of N users in the queue, jobs arrive at rate (N - n) / think and end at rate
    min(n, c) / service. The mean wait follows by Little's law. An arriving job sees the queue
    as the other N - 1 users alone would leave it (Sevcik and Mitrani 1981).

    Parameters
    ----------
    workers, users
        Numbers c and N, at least 1 each.
    think_mean, service_mean
        Mean seconds of thought and of work, both exponential; work takes time.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    One user never waits; twenty keep two workers busy:

    >>> finite_source(1, 1, 4.0, 1.0)
    FiniteSource(throughput=0.2, wait_mean=0.0, wait_probability=0.0)
    >>> round(finite_source(2, 20, 4.0, 1.0).throughput, 2)
    2.0
    """
    if min(workers, users) < 1:
        raise ValueError(f"there are {workers} workers and {users} users; it takes 1 of each")
    if not (0 <= think_mean < math.inf and 0 < service_mean < math.inf):
        raise ValueError(
            f"think_mean is {think_mean} and service_mean {service_mean}; both are finite, and "
            "work takes time"
        )
    shares = _finite_source_shares(workers, users, think_mean, service_mean)
    busy = math.fsum(share * min(n, workers) for n, share in enumerate(shares))
    throughput = busy / service_mean
    queue = math.fsum(share * (n - workers) for n, share in enumerate(shares) if n > workers)
    seen = _finite_source_shares(workers, users - 1, think_mean, service_mean)
    return FiniteSource(throughput, queue / throughput, math.fsum(seen[workers:]))


def _finite_source_shares(
    workers: int, users: int, think_mean: float, service_mean: float
) -> list[float]:
    """Return the share of the time with 0, 1, ..., all users in the queue."""

    def step(n: int) -> tuple[float, float]:
        """Return the ratio of the share of n - 1 to that of n, as two numbers."""
        return think_mean * min(n, workers), service_mean * (users - n + 1)

    # The shares rise up to the likeliest number, then fall; starting there, nothing overflows.
    likeliest = 0
    while likeliest < users and step(likeliest + 1)[0] <= step(likeliest + 1)[1]:
        likeliest += 1
    weights = [0.0] * (users + 1)
    weights[likeliest] = 1.0
    for n in range(likeliest, 0, -1):
        fewer, as_many = step(n)
        weights[n - 1] = weights[n] * fewer / as_many
    for n in range(likeliest + 1, users + 1):
        fewer, as_many = step(n)
        weights[n] = weights[n - 1] * as_many / fewer
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def mginf_occupancy_mean(rate: float, time_mean: float) -> float:
    """Return the mean number of jobs in an M/G/infinity system, where nobody waits.

    The jobs whose payment is under way are such a system. The number is Poisson distributed for
    any distribution of the times (Kleinrock 1975, section 3.11).

    Examples
    --------
    >>> mginf_occupancy_mean(6.0, 20.0)
    120.0
    """
    return rate * time_mean


def unpaid_stock_mean(rate: float, abandon: float, time: float) -> float:
    """Return the mean number of never-paid jobs by `time`: they never leave.

    Examples
    --------
    >>> unpaid_stock_mean(2.0, 0.05, 3600.0)
    360.0
    """
    return rate * abandon * time


def _check(workers: int, offered_load: float) -> None:
    if workers < 1:
        raise ValueError(f"workers is {workers}; a queue needs at least 1")
    if not 0 <= offered_load < math.inf:
        raise ValueError(f"offered load is {offered_load}; it is a finite number of at least 0")


def _check_stable(workers: int, offered_load: float) -> None:
    _check(workers, offered_load)
    if offered_load >= workers:
        are = "worker is" if workers == 1 else "workers are"
        raise ValueError(f"{workers:,} {are} too few: {needs(offered_load)}")
