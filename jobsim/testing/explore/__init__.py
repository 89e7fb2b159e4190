"""Small programs under every schedule: enumerated, run, judged, explained, run again.

- `programs`: what threads call; `play`: one program on a fresh repository
- `search`, `pct`: every schedule with at most k preemptions, and random ones beyond
- `judge`: whether a correct repository can give these answers; `tables`: a history as the tables
  of a run
- `runner`: one program under one schedule after another; `stages`, `explorer`, `explore`: all
  programs, the most promising first, within a budget
- `token`, `explain`, `scheduled`, `replay`, `html`: one schedule as text, explained line by line,
  run again, displayed
- `exploration`: the result
"""
