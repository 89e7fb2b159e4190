"""The oracle itself, on histories whose answer is plain."""

from __future__ import annotations

import pytest
from wgl_oracle import Op, linearizable

# The units have tests of their own; to trace these would cost as much as they do.
pytestmark = pytest.mark.no_cover

CREATE = Op("create", 0, 1, "ok", None, "awaiting_payment")
RUN = Op("update_status", 2, 8, "ok", "running", "running")


@pytest.mark.parametrize(
    ("ops", "answer"),
    [
        ([], True),
        ([CREATE, RUN], True),
        ([RUN], False),
        ([CREATE, RUN, RUN], False),
        ([CREATE, RUN, Op("get", 8, 9, "ok", None, "awaiting_payment")], True),  # a tie
        ([CREATE, RUN, Op("get", 9, 9, "ok", None, "awaiting_payment")], False),
        ([CREATE, Op("get", 1, 1, "not_found")], True),
        ([CREATE, Op("get", 2, 2, "not_found")], False),
        ([CREATE, Op("update_status", 5, None, "pending", "running")], True),
        (
            [
                CREATE,
                Op("update_status", 5, 6, "error", "running"),
                Op("get", 9, 9, "ok", None, "running"),
            ],
            True,
        ),
        (
            [
                CREATE,
                Op("update_status", 5, 6, "error", "running"),
                Op("get", 4, 4, "ok", None, "running"),
            ],
            False,
        ),
        (
            [
                CREATE,
                Op("update_status", 5, 6, "no_effect", "running"),
                Op("get", 9, 9, "ok", None, "running"),
            ],
            False,
        ),
        ([CREATE, Op("update_status", 5, 6, "no_effect", "running"), RUN], True),
        ([CREATE, Op("update_status", 2, 3, "illegal", "completed")], True),
        ([CREATE, Op("update_status", 2, 3, "illegal", "running")], False),
        ([CREATE, Op("count", 2, 2, "ok", count=1, job=-1)], True),
        ([CREATE, Op("count", 2, 2, "ok", count=0, job=-1)], False),
        ([CREATE, Op("count", 1, 2, "ok", count=0, job=-1)], True),
    ],
)
def test_the_oracle_knows_the_answer(ops: list[Op], answer: bool) -> None:
    assert linearizable(ops) is answer
