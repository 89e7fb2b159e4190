"""What help says about figures and fields. Tests compare it with those that exist."""

from __future__ import annotations

FIGURES = """\
figures, in seconds:
  wait_*        from the payment to the start: mean p50 p95 p99
  sojourn_*     from the creation to the end: mean p50 p95 p99
  response_*    from a request's intended start to its useful result: mean p50 p95 p99
  lateness_*    created late against the schedule, on threads: p50 p99 max
  recovery_*    from the loss of a worker until its job was failed: mean max
  service_mean makespan
other figures:
  *_p90, *_within_20s                                any percentile, share within a time
  utilisation   share of the workers' time on duty
  throughput goodput                                 jobs per second
  jobs created paid unpaid waiting in_progress stuck completed failed rejected
  crashed reaped false_kills
  requests served left amplification                 of clients that ask again
"""

FIELDS = """\
fields, for instance:
  workers clients jobs duration
  arrivals.rate arrivals.users
  payment.abandon payment.duplicate payment.lost payment.delay.mean
  work.service.mean work.service.cv work.fail work.crash
  patience.mean retry.attempts retry.budget reaper.timeout reaper.every
"""
