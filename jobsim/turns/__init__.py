"""Control of turns: one thread of the code under test runs at a time, and a schedule says which.

Time is counted in the ticks of scenarios. `threads` and `testing` run repositories on this package;
it knows neither workloads nor programs. From the inside out:

- `world`: which thread runs; the hand-over, waits, virtual time
- `primitives`, `threads`, `loops`, `chance`: locks, threads, event loops and random bytes that
  respect turns
- `points`, `tracing` (3.11), `monitoring` (3.12 and later): where a thread may be switched
- `replacement`, `swap`: what is replaced in the library and in the user's modules, and restored
- `outside`: threads that block where control does not reach
- `crew`, `schedules`: threads that are kept; schedules that need no plan
- `control`: the class that ties all this together
"""
