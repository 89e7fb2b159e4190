"""Small programs under every schedule: enumerated, run, judged, explained, run again.

- `programs`: what threads call; `play`: one program on a fresh repository
- `search`, `pct`: every schedule with at most k preemptions, and random ones beyond
- `judge`: whether answers can be those of a correct repository; `tables`: a
  history as a run's tables
- `runner`: one program under schedule after schedule; `explore`: all programs, within a budget
- `token`, `explain`, `scheduled`, `html`: one schedule as text, told line by line, shown
- `exploration`: the result
"""
