"""Control of turns: one thread of the code under test runs at a time, and a schedule says which.

It stands after `virtual`, in whose ticks its time is counted, and before `threads` and `testing`,
which run a repository on it; it knows neither workloads nor programs. From the inside out:

- `world`: who goes on; the hand-over, waits, virtual time
- `primitives`, `threads`, `loops`, `chance`: locks, threads, event loops, random bytes that
  answer to the turn
- `points`, `tracing` (3.11), `monitoring` (3.12 and later): where a turn is offered
- `replacement`, `swap`: what is replaced in the library and in the user's modules, and put back
- `outside`: threads that block where control does not reach
- `crew`, `schedules`: threads that are kept; first come first served, or random
- `control`: the one class that ties all this together
"""
