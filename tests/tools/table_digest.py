"""A digest of a table's names, dtypes and bytes, the same on every machine."""

from __future__ import annotations

import hashlib


def digest(table):
    """Return the SHA-256 hex digest; categories count by their names."""
    whole = hashlib.sha256()
    for name, column in table.items():
        values = column.astype("str").fillna("") if column.dtype in ("category", "str") else column
        whole.update(f"{name} {column.dtype} ".encode())
        whole.update(
            ",".join(values).encode()
            if values.dtype == "str"
            else values.to_numpy().astype(values.dtype.newbyteorder("<")).tobytes()
        )
    return whole.hexdigest()
