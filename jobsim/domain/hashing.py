"""The digest that identifies what a client asked for."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def hash_inputs(payload: dict[str, Any]) -> str:
    """Return the SHA-256 hex digest of a payload's canonical JSON.

    Canonical means sorted keys, no white space and UTF-8, so the order of the fields does not
    matter.

    Parameters
    ----------
    payload
        Anything that the standard `json` module can serialise.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    TypeError
        If the payload holds something that JSON cannot represent.
    ValueError
        If it holds NaN or an infinity, or text that UTF-8 cannot hold.

    Examples
    --------
    >>> hash_inputs({"b": 1, "a": "x"}) == hash_inputs({"a": "x", "b": 1})
    True
    """
    text = json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
