"""Small programs under every schedule: enumerated, run, judged, explained, run again.

- `programs`: what threads call; `play`: one program on a fresh repository
- `search`, `pct`: every schedule with at most k preemptions, and random ones beyond
- `judge`: whether answers can be those of a correct repository; `tables`: a
  history as a run's tables
- `runner`: one program under schedule after schedule; `stages`, `explorer`, `explore`: all
  programs in the order of their promise, within a budget
- `token`, `explain`, `scheduled`, `replay`, `html`: one schedule as text, told line by line, run
  again, shown
- `exploration`: the result
"""
