"""Values on the command line are read strictly, as people write them."""

import argparse
import math

import pytest

from jobsim.command.arguments import count, finite, gigabytes, number, over, pairs, positive, target


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (positive, "2.5", 2.5),
        (positive, "inf", math.inf),
        (gigabytes, "0.5", 5e8),
        (count, "12", 12),
        (count, "1e6", 1_000_000),
        (count, "1_000", 1000),
        (count, "-3", -3),
        (number, "3", 3),
        (number, "3.5", 3.5),
        (pairs, "arrival=a,service = b", {"arrival": "a", "service": "b"}),
        (over, "workers=4:6", ("workers", [4, 5, 6])),
        (over, "workers=4:4", ("workers", [4])),
        (over, "arrivals.rate=1,2.5", ("arrivals.rate", [1, 2.5])),
        (target, "wait_p95=30", ("wait_p95", 30.0)),
    ],
)
def test_a_value_is_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((positive, text) for text in ("0", "-1", "nan", "", "x", "1,5")),
        *((gigabytes, text) for text in ("inf", "0", "nan", "1GB")),
        *((count, text) for text in ("1.5", "inf", "nan", "", "x", "1e400", "9" * 5000)),
        *((finite, text) for text in ("inf", "0", "nan")),
        *((pairs, text) for text in ("", "a", "a=b,c", "gpu=a,gpu=b")),
        *((over, text) for text in ("", "a", "=1", "a=", "a=1:", "a=2:1", "a=1:1e9", "a=x")),
        (over, "a=1:1000000000"),
        *((target, text) for text in ("", "wait", "wait=", "wait=x", "wait=nan")),
    ],
)
def test_a_value_that_is_none_is_refused(read, text):
    with pytest.raises(argparse.ArgumentTypeError):
        read(text)
