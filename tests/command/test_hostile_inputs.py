"""Whatever a person or a machine gives the command line, it ends with one code and no traceback.

One table of inputs; each row says what is given, the exit code, and a part of what is said.
"""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from jobsim import Run, Scenario, run_threads, run_virtual
from jobsim.command.main import main
from jobsim.files import reading

QUICK = ["--no-report"]
VIRTUAL = ["--engine", "virtual", "--no-report"]
THREADS = ["--speedup", "inf", "--no-report"]

# name of the file, its content, exit code, part of what is said
FILES = [
    ("empty.toml", b"", 2, "jobs"),
    ("blank.json", b"  \n", 2, "Expecting value"),
    ("nothing.json", b"null", 2, "must be"),
    ("list.json", b"[]", 2, "must be"),
    ("text.json", b'"a"', 2, "must be"),
    ("number.json", b"7", 2, "must be"),
    ("open.json", b'{"jobs": 1', 2, "syntax"),
    ("open.toml", b"jobs = ", 2, "syntax"),
    ("twice.json", b'{"jobs": 1, "jobs": 2}', 2, "given twice"),
    ("twice.toml", b"jobs = 1\njobs = 2\n", 2, "syntax"),
    ("latin.toml", b'name = "\xe9"\njobs = 2\n', 2, "not UTF-8"),
    ("utf16.toml", "jobs = 2\n".encode("utf-16"), 2, "not UTF-8"),
    ("nul.toml", b"jobs = 2\x00", 2, "syntax"),
    ("nul.json", b'{"jobs": 2}\x00', 2, "syntax"),
    ("bom.toml", b"\xef\xbb\xbfjobs = 2\n", 0, ""),
    ("crlf.toml", b"jobs = 2\r\nworkers = 2\r\n", 0, ""),
    ("nan.json", b'{"jobs": NaN}', 2, "jobs"),
    ("infinite.json", b'{"duration": Infinity}', 2, "duration"),
    ("infinite.toml", b"duration = inf\n", 2, "duration"),
    ("true.toml", b"jobs = true\n", 2, "jobs"),
    ("word.toml", b'jobs = "8"\n', 2, "jobs"),
    ("float.toml", b"jobs = 8.5\n", 2, "jobs"),
    ("date.toml", b"jobs = 2026-01-01\n", 2, "jobs"),
    ("minus.toml", b"jobs = -1\n", 2, "jobs"),
    ("zero.toml", b"jobs = 0\n", 2, "jobs"),
    ("huge.toml", b"jobs = 99999999999999999999\n", 2, "jobs"),
    ("digits.toml", b"jobs = " + b"9" * 5000, 2, "syntax"),
    ("digits.json", b'{"jobs": ' + b"9" * 5000 + b"}", 2, "syntax"),
    ("exponent.toml", b"duration = 1e400\n", 2, "duration"),
    ("tiny.toml", b'jobs = 2\n[arrivals]\nkind = "poisson"\nrate = 1e-300\n', 2, ""),
    ("fast.toml", b'jobs = 2\n[arrivals]\nkind = "poisson"\nrate = 1e300\n', None, ""),
    ("long.toml", b"duration = 1e12\n", 2, "GB"),
    ("longest.toml", b"duration = 1e308\n", 2, "GB"),
    ("paced.toml", b'duration = 1e308\n[arrivals]\nkind = "paced"\nrate = 1e3\n', 2, "GB"),
    ("bursts.toml", (b'duration = 9\n[arrivals]\nkind = "bursts"\nsize = 1000000000000\n'
     b"every = 1.0\n"), 2, "GB"),
    ("stampede.toml", b'duration = 9\n[arrivals]\nkind = "stampede"\n', 2, "jobs"),
    ("closed.toml", b'duration = 9\n[arrivals]\nkind = "closed"\nusers = 3\n', 2, "jobs"),
    ("users.toml", b'jobs = 2\n[arrivals]\nkind = "closed"\nusers = 1000000000000\n', 2, "GB"),
    ("late.toml", b'[arrivals]\nkind = "schedule"\ntimes = [1e300]\n', 2, "2**33"),
    ("never.toml", b'[arrivals]\nkind = "schedule"\ntimes = []\n', 2, "times"),
    ("slow.toml", b'jobs = 2\n[work]\nservice = {kind = "constant", value = 1e300}\n', 2, "2**33"),
    ("varying.toml", (b'duration = 1e12\n[arrivals]\nkind = "varying"\n'
     b"points = [[0.0, 9.0], [9.0, 9.0]]\n"), 2, "GB"),
    ("back.toml", b'jobs = 2\n[arrivals]\nkind = "varying"\npoints = [[9.0, 1.0], [0.0, 1.0]]\n', 2,
     "back in time"),
    ("attempts.toml", b"jobs = 2\n[retry]\nattempts = 1000000000\n", 2, "attempts"),
    ("unknown.toml", b"sed = 1\n", 2, "did you mean 'seed'"),
    ("kind.toml", b'jobs = 2\n[arrivals]\nkind = "poison"\n', 2, "did you mean 'poisson'"),
    ("kindless.toml", b"jobs = 2\n[arrivals]\nrate = 1.0\n", 2, "kind"),
    ("kinds.json", b'{"jobs": 2, "arrivals": {"kind": ["a"]}}', 2, "arrivals"),
    ("table.json", b'{"jobs": 2, "arrivals": 7}', 2, "arrivals"),
    ("null.json", b'{"jobs": 2, "arrivals": null}', 2, "arrivals"),
    ("escape.json", json.dumps({"name": "\x1b[2J\x07\u202e", "jobs": 2}).encode(), 0, ""),
    ("surrogate.json", b'{"name": "\\ud83d", "jobs": 2}', None, ""),
    ("path.json", json.dumps({"name": "../../../etc/passwd", "jobs": 2}).encode(), 0, ""),
    ("dots.json", json.dumps({"name": "..", "jobs": 2}).encode(), 0, ""),
    ("slashes.json", json.dumps({"name": "////", "jobs": 2}).encode(), 0, ""),
    ("nameless.json", json.dumps({"name": "", "jobs": 2}).encode(), 0, ""),
    ("longname.json", json.dumps({"name": "n" * 100_000, "jobs": 2}).encode(), 0, ""),
    ("lines.json", json.dumps({"name": "a\nb\rc", "jobs": 2}).encode(), 0, ""),
    ("deep.json", b"[" * 50_000 + b"]" * 50_000, 2, "nested"),
    ("deepobject.json", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 2, "nested"),
    ("deep.toml", b"a = " + b"[" * 50_000 + b"]" * 50_000, 2, "nested"),
    ("deepkey.toml", b"a" + b".a" * 2_000 + b" = 1\n", 2, "nested"),
    ("parts.json", b'{"jobs": 2, "patience": ' + b'{"kind": "sum", "parts": [' * 200
     + b'{"kind": "constant", "value": 1.0}' + b"]}" * 200 + b"}", 2, "nested"),
    ("noending", b"jobs = 2", 2, "no preset"),
    ("case.TOML", b"jobs = 2", 0, ""),
    ("binary.toml", bytes(range(256)) * 10, 2, "not UTF-8"),
    ("gzip.toml", gzip.compress(b"jobs = 2"), 2, "not UTF-8"),
]  # fmt: skip

SWF = "1 0 5 2 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"
CSV = "arrival,service\n0,1\n1,1\n"

LOGS = [
    ("good.swf", SWF.encode(), 0, ""),
    ("good.csv", CSV.encode(), 0, ""),
    ("good.csv.gz", gzip.compress(CSV.encode()), 0, ""),
    ("empty.swf", b"", 2, "no rows"),
    ("empty.csv", b"", 2, "no rows"),
    ("header.csv", b"arrival,service\n", 2, "no rows"),
    ("comments.swf", b"; nothing\n; here\n", 2, "no rows"),
    ("binary.swf", bytes(range(256)) * 10, 2, ""),
    ("binary.csv", bytes(range(256)) * 10, 2, ""),
    ("nul.csv", b"\x00" * 1000, 2, ""),
    ("text.swf", b"this is no log at all\n", 2, ""),
    ("text.csv", b"this is no log at all\n", 2, ""),
    ("short.swf", b"1 2\n", 2, ""),
    ("wide.csv", b"a," * 1000 + b"\n", 2, ""),
    ("twice.csv", b"arrival,arrival,service\n1,2,3\n", None, ""),
    ("other.csv", b"a,b\n0,1\n", 2, "no arrival and service"),
    ("quote.csv", b'arrival,service\n"0,1\n', 2, ""),
    ("negative.csv", b"arrival,service\n-1,-1\n", 2, "can be used"),
    ("infinite.csv", b"arrival,service\ninf,inf\n", 2, "can be used"),
    ("words.csv", b"arrival,service\nyesterday,long\n", 2, "can be used"),
    ("years.csv", b"arrival,service\n1e18,1\n", 2, "names no unit"),
    ("gap.csv", b"arrival,service\n0,1\n4000000000,1\n", None, ""),
    ("cut.csv.gz", gzip.compress(CSV.encode() * 100)[:-10], 2, "damaged gzip"),
    ("plain.csv.gz", CSV.encode(), 2, "not a gzip file"),
    ("noise.csv.gz", b"\x1f\x8b" + bytes(range(200)), 2, "damaged gzip"),
    ("latin.csv", "arrival,service,größe\n0,1,2\n".encode("latin-1"), 0, ""),
    ("unequal.csv", b"arrival,service\n0,1,2,3,4\n1\n", None, ""),
]

ARGUMENTS = [
    ([], 0),
    (["--help"], 0),
    (["-h"], 0),
    (["--version"], 0),
    (["run", "--help"], 0),
    (["sweep", "--help"], 0),
    (["fly"], 2),
    ([""], 2),
    (["--fly"], 2),
    (["\ud83d"], 2),
    (["test", "json:dumps", "--preemptions", "-1"], 2),
    (["test", "json:dumps", "--scale", "nan"], 2),
    (["test", "json:dumps", "--scale", "0"], 2),
    (["run"], 2),
    (["run", ""], 2),
    (["run", "stedy"], 2),
    (["run", "a\0b.toml"], 2),
    (["run", "."], 2),
    (["run", "x" * 5000 + ".toml"], 2),
    (["run", "none.toml"], 2),
    (["run", "steady", "extra"], 2),
    (["run", "steady", "--jobs", "0"], 2),
    (["run", "steady", "--jobs", "-1"], 2),
    (["run", "steady", "--jobs", "nan"], 2),
    (["run", "steady", "--jobs", "inf"], 2),
    (["run", "steady", "--jobs", "1e400"], 2),
    (["run", "steady", "--jobs", "9" * 5000], 2),
    (["run", "steady", "--jobs", "1000000000"], 2),
    (["run", "steady", "--jobs", "1e9", *VIRTUAL], 2),
    (["run", "steady", "--jobs", "1e20", *VIRTUAL], 2),
    (["run", "steady", "--jobs", "2.5"], 2),
    (["run", "steady", "--jobs", "\uff11", *VIRTUAL], 0),
    (["run", "steady", "--jobs", "1_0", *VIRTUAL], 0),
    (["run", "steady", "--jobs", "1e1", *VIRTUAL], 0),
    (["run", "steady", "--workers", "0"], 2),
    (["run", "steady", "--workers", "1e9"], 2),
    (["run", "steady", "--workers", "1e12", *VIRTUAL], 2),
    (["run", "steady", "--workers", "1e400", *VIRTUAL], 2),
    (["run", "steady", "--clients", "1e9"], 2),
    (["run", "steady", "--seed", "-1"], 2),
    (["run", "steady", "--seed", str(2**63)], 2),
    (["run", "steady", "--memory", "0.000001", *VIRTUAL], 2),
    (["run", "steady", "--memory", "-1"], 2),
    (["run", "steady", "--memory", "inf"], 2),
    (["run", "steady", "--memory", "nan"], 2),
    (["run", "steady", "--read-limit", "x"], 2),
    (["run", "steady", "--speedup", "0"], 2),
    (["run", "steady", "--speedup", "nan"], 2),
    (["run", "steady", "--speedup", "-inf"], 2),
    (["run", "steady", "--wall-limit", "0"], 2),
    (["run", "steady", "--wall-limit", "nan"], 2),
    (["run", "steady", "--engine", ""], 2),
    (["run", "retry-storm", "--speedup", "inf"], 2),
    (["run", "steady", "--schedule", "random"], 2),
    (["run", "steady", "--schedule", "-1"], 2),
    (["run", "steady", "--schedule", "7", "--speedup", "2"], 2),
    (["run", "steady", "--schedule", "7", "--engine", "virtual"], 2),
    (["run", "steady", "--require", ""], 2),
    (["run", "steady", "--require", "wait_p95"], 2),
    (["run", "steady", "--require", "wait_p95<"], 2),
    (["run", "steady", "--require", "wait_p95<x"], 2),
    (["run", "steady", "--require", "wait_p95<<3"], 2),
    (["run", "steady", "--require", "x" * 5000], 2),
    (["run", "steady", "--require", "wait_p95<nan", "--jobs", "9", *VIRTUAL], (1, 2)),
    (["run", "steady", "--out", ""], 2),
    (["run", "steady", "--out", "."], 2),
    (["run", "steady", "--out", ".."], 2),
    (["run", "steady", "--out", "/"], 2),
    (["run", "steady", "--out", "a\0b"], 2),
    (["run", "steady", "--out", "x" * 300], 2),
    (["run", "steady", "--out", "file/run"], 2),
    (["run", "steady", "--out", "file"], 2),
    (["run", "steady", "--out", "/proc/run"], 2),
    (["run", "steady", "--out", "/dev/null/run"], 2),
    (["run", "steady", "--columns", "arrival=a"], 2),
    (["run", "--trace", "good.swf", "--columns", "arrival=a,service=b"], 2),
    (["run", "--trace", "good.csv", "--columns", "arrival=a,service=b"], 2),
    (["run", "--trace", "good.csv", "--columns", "x=a"], 2),
    (["run", "--trace", "good.csv", "--columns", "="], 2),
    (["run", "--trace", "good.csv", "--columns", ""], 2),
    (["run", "--trace", "good.csv", "--read-limit", "1e-9"], 2),
    (["run", "--trace", "good.csv", "--memory", "1e-6"], 2),
    (["run", "--trace", "none.csv"], 2),
    (["run", "--trace", "."], 2),
    (["run", "--trace", ""], 2),
    (["run", "--trace", "/dev/zero"], 2),
    (["run", "--trace", "/dev/urandom"], 2),
    (["run", "--trace", "/dev/null"], 2),
    (["run", "--trace", "pipe"], 2),
    (["run", "--trace", "bomb.csv.gz", "--read-limit", "0.001"], 2),
    (["run", "stuck-jobs", "--trace", "good.csv"], 2),
    (["sweep"], 2),
    (["sweep", "steady"], 2),
    (["sweep", "steady", "--over", ""], 2),
    (["sweep", "steady", "--over", "workers="], 2),
    (["sweep", "steady", "--over", "=1"], 2),
    (["sweep", "steady", "--over", "workers=1:"], 2),
    (["sweep", "steady", "--over", "workers=9:1"], 2),
    (["sweep", "steady", "--over", "workers=1:1000000000000"], 2),
    (["sweep", "steady", "--over", "workers=1:100001"], 2),
    (["sweep", "steady", "--over", "workers=1,1"], 2),
    (["sweep", "steady", "--over", "workers=0"], 2),
    (["sweep", "steady", "--over", "workers=nan"], 2),
    (["sweep", "steady", "--over", "workers=inf"], 2),
    (["sweep", "steady", "--over", "workers=1.5"], 2),
    (["sweep", "steady", "--over", "workers=1,"], 2),
    (["sweep", "steady", "--over", "seed=1,2"], 2),
    (["sweep", "steady", "--over", "name=1,2"], 2),
    (["sweep", "steady", "--over", "arrivals=1,2"], 2),
    (["sweep", "steady", "--over", "arrivals..rate=1"], 2),
    (["sweep", "steady", "--over", "arrivals.rate.x=1"], 2),
    (["sweep", "steady", "--over", "reaper.timeout=1"], 2),
    (["sweep", "steady", "--over", "arrivals.rate=1e300"], (0, 1, 2)),
    (["sweep", "steady", "--over", "jobs=1000000000"], (1, 2)),
    (["sweep", "steady", "--over", "workers=1:9", "--replications", "1e12"], 2),
    (["sweep", "steady", "--over", "workers=1", "--replications", "0"], 2),
    (["sweep", "steady", "--over", "workers=1", "--replications", "-5"], 2),
    (["sweep", "steady", "--over", "workers=1", "--metric", "speed"], 2),
    (["sweep", "steady", "--over", "workers=1", "--out", "file"], 2),
    (["sweep", "steady", "--over", "workers=1", "--out", "file/all.csv"], 2),
    (["sweep", "steady", "--over", "workers=1", "--out", ""], 2),
    (["workers-needed", "steady"], 2),
    (["workers-needed", "steady", "wait_p95"], 2),
    (["workers-needed", "steady", "wait_p95="], 2),
    (["workers-needed", "steady", "wait_p95=nan"], 2),
    (["workers-needed", "steady", "wait_p95=-1"], (1, 2)),
    (["workers-needed", "steady", "speed=1"], 2),
    (["workers-needed", "steady", "=1"], 2),
    (["workers-needed", "steady", "wait_p95=5", "--replications", "0"], 2),
    (["show"], 2),
    (["show", "nowhere"], 2),
    (["show", ""], 2),
    (["show", "/dev/null"], 2),
    (["show", "file"], 2),
    (["show", "a\0b"], 2),
    (["check", "nowhere"], 2),
    (["check", "/"], 2),
    (["check", "virtual"], 2),
    (["check", "good", "--strict"], 0),
    (["show", "good", "--require", "crashed<1"], (0, 1)),
    (["report", "nowhere"], 2),
    (["report", "good", "--out", "file"], 2),
    (["report", "good", "--out", "none/a.html"], 2),
    (["presets", "extra"], 2),
    (["presets"], 0),
]  # fmt: skip


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def index(change):
    def edit(folder):
        path = folder / "run.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return edit


def table(name, change):
    """Change a table and renew its digest, so that only its content can tell."""

    def edit(folder):
        import hashlib

        import pandas as pd

        path = folder / f"{name}.parquet"
        change(pd.read_parquet(path)).to_parquet(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        index(lambda found: found["sha256"].update({name: digest}))(folder)

    return edit


def other_workload(folder):
    table("workload", lambda frame: frame.assign(service=frame["service"] * 2))(folder)


def link_out(folder):
    (folder / "jobs.parquet").rename(folder.parent / "elsewhere.parquet")
    (folder / "jobs.parquet").symlink_to(folder.parent / "elsewhere.parquet")


def circle(folder):
    (folder / "jobs.parquet").unlink()
    (folder / "jobs.parquet").symlink_to("jobs.parquet")


def folder_instead(folder):
    (folder / "jobs.parquet").unlink()
    (folder / "jobs.parquet").mkdir()


DAMAGED = {
    "no index": lambda folder: (folder / "run.json").unlink(),
    "an empty index": lambda folder: (folder / "run.json").write_text(""),
    "half an index": lambda folder: truncate(folder / "run.json"),
    "an index that is a list": lambda folder: (folder / "run.json").write_text("[]"),
    "an index that is not text": lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe\x00"),
    "a deep index": lambda folder: (folder / "run.json").write_text("[" * 50_000),
    "an index that is a folder": lambda folder: (
        (folder / "run.json").unlink(),
        (folder / "run.json").mkdir(),
    ),
    "another format": index(lambda found: found.update(format=99)),
    "a format that is a text": index(lambda found: found.update(format="x" * 1000)),
    "no digests": index(lambda found: found.pop("sha256")),
    "digests that are a list": index(lambda found: found.update(sha256=[])),
    "a digest that is a number": index(lambda found: found["sha256"].update(jobs=7)),
    "no digest of the jobs": index(lambda found: found["sha256"].pop("jobs")),
    "a table outside": index(lambda found: found["sha256"].update({"../other/jobs": "0"})),
    "a table of another name": index(lambda found: found["sha256"].update({"secrets": "0"})),
    "no scenario": index(lambda found: found.pop("scenario")),
    "a bad scenario": index(lambda found: found["scenario"].update(workers=0)),
    "a scenario that is a text": index(lambda found: found.update(scenario="steady")),
    "no info": index(lambda found: found.pop("info")),
    "a bad info": index(lambda found: found["info"].update(engine="steam")),
    "a bad source": index(lambda found: found.update(source={"kind": "csv"})),
    "no source": index(lambda found: found.pop("source")),
    "no digest of the workload": index(lambda found: found.pop("workload_digest")),
    "another digest of the workload": index(lambda found: found.update(workload_digest="0")),
    "half a table": lambda folder: truncate(folder / "calls.parquet"),
    "an empty table": lambda folder: (folder / "jobs.parquet").write_bytes(b""),
    "no table": lambda folder: (folder / "transitions.parquet").unlink(),
    "a folder for a table": folder_instead,
    "a link that leads out": link_out,
    "a circle of links": circle,
    "another run's workload": other_workload,
    "a table without a column": table("jobs", lambda frame: frame.drop(columns="created")),
    "calls without a column": table("calls", lambda frame: frame.drop(columns="op")),
    "a column of another kind": table("jobs", lambda frame: frame.assign(created="late")),
    "no arrivals": table("workload", lambda frame: frame.drop(columns="arrival")),
    "work that is text": table("workload", lambda frame: frame.assign(service="long")),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run_threads(Scenario(jobs=5), speedup=float("inf")).save(folder / "good")
    run_virtual(Scenario(jobs=5)).save(folder / "virtual")
    return folder


@pytest.fixture
def in_an_empty_folder():
    """Take the place of a folder for each test, see `one_folder`."""


@pytest.fixture
def reports():
    """Let reports be made."""


@pytest.fixture(scope="module", autouse=True)
def one_folder(runs):
    """Stand in one folder for all: to make one for each would take most of the time."""
    (runs / "file").write_text("")
    (runs / "good.swf").write_text(SWF)
    (runs / "good.csv").write_text(CSV)
    (runs / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * 3_000_000))
    os.mkfifo(runs / "pipe")
    before = Path.cwd()
    os.chdir(runs)
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE_S", 0.01)


def ends(arguments, capsys):
    """Run a command, and return its code and what it said, which is never a traceback."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert re.sub(r"\n", "", out + err).isprintable()
    if code == 2:
        assert len(err.splitlines()) == 1
        assert err.startswith("jobsim")
    return code, out + err


@pytest.mark.parametrize(("name", "content", "code", "said"), FILES, ids=[row[0] for row in FILES])
def test_a_scenario_file(capsys, name, content, code, said):
    Path(name).write_bytes(content)
    found, text = ends(["run", name, *VIRTUAL], capsys)
    assert found == code or (code is None and found in {0, 2})
    assert said in text


@pytest.mark.parametrize(("name", "content", "code", "said"), LOGS, ids=[row[0] for row in LOGS])
def test_a_log(capsys, name, content, code, said):
    Path(f"log-{name}").write_bytes(content)
    found, text = ends(["run", "--trace", f"log-{name}", *VIRTUAL], capsys)
    assert found == code or (code is None and found in {0, 2})
    assert said in text


@pytest.mark.parametrize(
    ("arguments", "code"), ARGUMENTS, ids=[" ".join(row[0])[:60] or "none" for row in ARGUMENTS]
)
def test_arguments(capsys, arguments, code):
    found, _ = ends(arguments, capsys)
    assert found in (code if isinstance(code, tuple) else (code,))


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_saved_run(runs, tmp_path, capsys, damage):
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(runs / "good", folder)
    damage(folder)
    for command in ("show", "check"):
        code, said = ends([command, folder], capsys)
        assert code == 2
        assert str(folder) in said


def test_there_are_many():
    assert len(FILES) + len(LOGS) + len(ARGUMENTS) + len(DAMAGED) >= 200


def test_a_good_run_is_still_good(runs):
    assert len(Run.load(runs / "good").jobs) == 5
