"""No file is read beyond its limit, and nothing is waited for without end."""

import gzip
import os
import threading

import pytest

from jobsim.files import reading
from jobsim.files.reading import UnreadableFileError, gunzip_limited, read_limited


def test_a_file_up_to_the_limit_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    assert read_limited(tmp_path / "a", 1000) == b"x" * 1000
    with pytest.raises(UnreadableFileError, match="holds more than 999 bytes, the limit"):
        read_limited(tmp_path / "a", 999)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/dev/zero", "is a device"),
        ("/dev/null", "is a device"),
        ("/no/such", "No such file"),
        (".", "is a folder"),
        ("a\0b", "null"),
    ],
)
def test_what_is_no_file_is_refused(path, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        read_limited(path)


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"x" * 200_000))
    writer.start()
    assert len(read_limited(tmp_path / "pipe")) == 200_000
    writer.join(10)


def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE_S", 0.01)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFileError, match="nobody wrote to this pipe"):
        read_limited(tmp_path / "pipe")


def test_packed_data_are_unpacked_up_to_the_limit():
    packed = gzip.compress(b"a" * 5_000_000)
    assert gunzip_limited(packed, "a.gz") == b"a" * 5_000_000
    assert gunzip_limited(packed + packed, "a.gz") == b"a" * 10_000_000
    assert gunzip_limited(packed + b"\0" * 100, "a.gz") == b"a" * 5_000_000
    with pytest.raises(UnreadableFileError, match=r"unpacked holds more than 4,999,999 bytes"):
        gunzip_limited(packed, "a.gz", 4_999_999)


@pytest.mark.parametrize("cut", [1, 5, 15, -1])
def test_damaged_packed_data_are_an_error(cut):
    packed = gzip.compress(b"some data that is packed")
    with pytest.raises(UnreadableFileError, match="damaged gzip file"):
        gunzip_limited(packed[:cut], "a.gz")
