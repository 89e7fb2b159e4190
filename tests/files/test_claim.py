"""Files and folders appear whole or not at all, under a name that only one process has."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jobsim.files.claim import Claim, ClaimError, NameTakenError, whole_file

HOLDER = """
import sys, time
from jobsim.files.claim import Claim
claim = Claim(sys.argv[1])
(claim.work / "table").write_text("half")
print("claimed", flush=True)
time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_kept(tmp_path):
    with Claim(tmp_path / "new") as claim:
        (claim.work / "a").write_text("1")
        assert names(tmp_path) == [".new.unfinished"]
        assert claim.keep_folder() == tmp_path / "new"
    assert names(tmp_path) == ["new"]
    assert names(tmp_path / "new") == ["a"]


def test_what_is_not_kept_leaves_nothing(tmp_path):
    def fail():
        with Claim(tmp_path / "new") as claim:
            (claim.work / "a").write_text("1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []


def test_a_name_can_be_claimed_once(tmp_path):
    with Claim(tmp_path / "new"):
        with pytest.raises(NameTakenError, match="is being written by another process"):
            Claim(tmp_path / "new")
        assert names(tmp_path) == [".new.unfinished"]
    Claim(tmp_path / "new").release()


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_a_name_that_is_there_is_refused(tmp_path, make):
    getattr(tmp_path / "new", make)()
    with pytest.raises(NameTakenError, match="already exists"):
        Claim(tmp_path / "new")
    assert names(tmp_path) == ["new"]


def test_a_link_to_nowhere_is_there_too(tmp_path):
    (tmp_path / "new").symlink_to("nowhere")
    with pytest.raises(NameTakenError, match="already exists"):
        Claim(tmp_path / "new")


@pytest.mark.parametrize("name", ["file/new", "x" * 300, "a\0b"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClaimError, match="cannot be written"):
        Claim(tmp_path / name)


def test_what_a_killed_process_left_is_removed_and_a_living_one_is_left_alone(tmp_path):
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, tmp_path / name], stdout=subprocess.PIPE, text=True
        )
        for name in ("killed", "alive")
    ]
    try:
        for holder in holders:
            assert holder.stdout.readline() == "claimed\n"
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait(10)
        assert names(tmp_path) == [".alive.unfinished", ".killed.unfinished"]
        Claim(tmp_path / "next").release()
        assert names(tmp_path) == [".alive.unfinished"]
        with pytest.raises(NameTakenError):
            Claim(tmp_path / "alive")
    finally:
        for holder in holders:
            holder.kill()
            holder.wait(10)
            holder.stdout.close()


def test_one_that_has_no_lock_yet_is_left_alone_while_it_is_young(tmp_path):
    young, old = tmp_path / ".young.unfinished", tmp_path / ".old.unfinished"
    for work in (young, old):
        work.mkdir()
    long_ago = time.time() - 200_000
    os.utime(old, (long_ago, long_ago))
    Claim(tmp_path / "next").release()
    assert names(tmp_path) == [".young.unfinished"]


def test_a_file_is_replaced_whole_or_stays(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with whole_file(path, replace=True) as unfinished:
            unfinished.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    with whole_file(path, replace=True) as unfinished:
        unfinished.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_new_file_replaces_nothing_that_came_meanwhile(tmp_path):
    path = tmp_path / "a.txt"

    def write():
        with whole_file(path) as unfinished:
            unfinished.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(NameTakenError, match="already exists"):
        write()
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]
