"""The digest under which a client's request is known."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def hash_inputs(payload: dict[str, Any]) -> str:
    """Return the SHA-256 hex digest of a payload's canonical JSON.

    Canonical means sorted keys, no white space, UTF-8: the order of the fields does not
    change the hash.

    Parameters
    ----------
    payload
        Anything that the standard `json` module can write.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    TypeError
        If the payload holds something that JSON has no form for.
    ValueError
        If it holds NaN or an infinity, which JSON has no form for either.

    Examples
    --------
    >>> hash_inputs({"b": 1, "a": "x"}) == hash_inputs({"a": "x", "b": 1})
    True
    """
    text = json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
