"""The format of a log: recognised by its content, read into columns by name."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from jobsim.domain.text import without_password
from jobsim.files.reading import LIMIT_BYTES
from jobsim.logs.delimited import Delimited, read_columns, sniff
from jobsim.logs.json_rows import records
from jobsim.logs.opening import open_log
from jobsim.logs.source import Kind, TraceError

_SWF_FIELDS = {
    "job number": 0, "submit time": 1, "wait": 2, "run time": 3, "status": 10, "queue": 14,
    "partition": 15,
}  # fmt: skip
_SWF_ROLES = {"arrival": "submit time", "wait": "wait", "service": "run time", "status": "status"}
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Raw:
    """A log before anything is known about its columns.

    Attributes
    ----------
    path, name, kind, sha256
        Where it came from; `name` is without its folder.
    headers
        The names of its columns, in order; a name may occur twice.
    take
        Reads some columns, by their places, into a frame with one column per place.
    roles
        Roles that the format itself fixes.
    line
        The line of the header, counted from 1, where that makes sense.
    notes
        What a user should know about how it was read.
    unix_start
        Unix time of the clock's zero, where the format tells it.
    """

    path: str
    name: str
    kind: Kind
    sha256: str | None
    headers: tuple[Hashable, ...]
    take: Callable[[Sequence[int]], pd.DataFrame]
    roles: Mapping[str, Hashable] = field(default_factory=dict)
    line: int | None = None
    notes: tuple[str, ...] = ()
    unix_start: float | None = None


def open_raw(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    table: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
    kind: Kind | None = None,
) -> Raw:
    """Recognise the format of a log and make its columns readable.

    Raises
    ------
    TraceError
        If it cannot be read, or its format is not known.
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, "DataFrame", "DataFrame", "frame", None)
    if isinstance(source, str) and re.match(r"[\w+]+://", source):
        return _from_database(source, table)
    path = os.fspath(source)
    opened = open_log(path, limit_bytes=limit_bytes)
    found = kind or _kind(path, opened.text)
    name, data = Path(path).name, opened.text
    if found == "swf":
        return _from_swf(path, name, data, opened.sha256, opened.notes)
    if found == "json":
        frame = pd.DataFrame(records(path, data, table), dtype=object)
        return _from_frame(frame, path, name, "json", opened.sha256, opened.notes)
    if found == "parquet":
        return _from_parquet(path, name, data, opened.sha256)
    if data.startswith(_SQLITE):
        raise TraceError(path, "is an SQLite database: give sqlite:///PATH and the table's name")
    layout = sniff(path, data)
    return Raw(
        path=path,
        name=name,
        kind="csv",
        sha256=opened.sha256,
        headers=layout.headers,
        take=lambda places: read_columns(path, data, layout, places),
        line=layout.line,
        notes=(*opened.notes, *_layout_notes(layout)),
    )


def _layout_notes(layout: Delimited) -> tuple[str, ...]:
    names = {"\t": "tabs", "|": "'|'", ";": "';'", ",": "commas", r"\s+": "blanks"}
    notes = () if layout.separator == "," else (f"separated by {names[layout.separator]}",)
    return notes if layout.has_header else (*notes, "no header: columns are named by their places")


def _kind(path: str, data: bytes) -> Kind:
    if data.startswith(b"PAR1"):
        return "parquet"
    head = data[:65_536].lstrip()
    if head[:1] in {b"{", b"["}:
        return "json"
    if ".swf" in Path(path).suffixes or _looks_like_swf(head):
        return "swf"
    return "csv"


def _looks_like_swf(head: bytes) -> bool:
    for line in head.split(b"\n")[:-1] or [head]:
        text = line.strip()
        if not text or text.startswith(b";"):
            continue
        fields = text.split()
        return len(fields) >= 11 and all(re.fullmatch(rb"-?\d+(\.\d+)?", f) for f in fields)
    return False


def _from_frame(
    frame: pd.DataFrame,
    path: str,
    name: str,
    kind: Kind,
    sha256: str | None,
    notes: tuple[str, ...] = (),
) -> Raw:
    """Wrap a frame as a log; columns go by place, because names may repeat."""

    def take(places: Sequence[int]) -> pd.DataFrame:
        chosen = frame.iloc[:, list(places)]
        chosen.columns = list(places)
        return chosen

    return Raw(path, name, kind, sha256, tuple(frame.columns), take, notes=notes)


def _from_parquet(path: str, name: str, data: bytes, sha256: str) -> Raw:
    """Open a Parquet file; only the columns that have a role are ever decoded."""
    try:
        # From the bytes that were hashed, so that digest and table belong to the same content.
        file = pq.ParquetFile(io.BytesIO(data))
        headers = tuple(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise TraceError(path, f"damaged Parquet file: {_first_line(error)}") from error

    def take(places: Sequence[int]) -> pd.DataFrame:
        try:
            whole = file.read(columns=[headers[place] for place in places])
        except (pa.ArrowException, OSError) as error:
            raise TraceError(path, f"damaged Parquet file: {_first_line(error)}") from error
        # Metadata of pandas could turn a column into an index, and places would shift.
        frame: pd.DataFrame = whole.to_pandas(ignore_metadata=True)
        frame.columns = list(places)
        return frame

    return Raw(path, name, "parquet", sha256, headers, take)


def _from_database(url: str, table: str | None) -> Raw:
    """Read a whole table through SQLAlchemy; the password is kept out of every message."""
    shown = without_password(url)
    if table is None:
        raise TraceError(shown, "say which table: table='jobs'")
    try:
        import sqlalchemy as sa
    except ImportError as error:
        raise TraceError(
            shown, "a database needs the extra `sql`: pip install 'jobsim-toolkit[sql]'"
        ) from error
    try:
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                frame = pd.read_sql_table(table, connection)
        finally:
            engine.dispose()
    except (sa.exc.SQLAlchemyError, ValueError, ImportError) as error:
        raise TraceError(shown, f"table {table!r}: {_first_line(error)}") from error
    return _from_frame(frame, shown, table, "sql", None)


def _from_swf(path: str, name: str, data: bytes, sha256: str, notes: tuple[str, ...]) -> Raw:
    """Open a log in SWF, whose 18 fields are known by their place and need no header."""
    # To the parser a comment begins at the start of a line, so indented ones are moved there.
    body = re.sub(rb"(?m)^[ \t]+;", b";", data)

    def take(places: Sequence[int]) -> pd.DataFrame:
        wanted = [list(_SWF_FIELDS.values())[place] for place in places]
        layout = Delimited(r"\s+", (), skip=0, line=1, has_header=False, width=18, comment=";")
        frame = read_columns(path, body, layout, wanted)
        frame.columns = list(places)
        return frame

    start, more = _swf_start(body)
    return Raw(
        path, name, "swf", sha256, tuple(_SWF_FIELDS), take, roles=_SWF_ROLES,
        notes=(*notes, *more), unix_start=start,
    )  # fmt: skip


def _swf_start(body: bytes) -> tuple[float | None, tuple[str, ...]]:
    """Return the Unix time of a log's zero; some logs have a date instead of a number."""
    given = re.search(rb"(?mi)^;[ \t]*UnixStartTime:[ \t]*(.+?)[ \t\r]*$", body)
    if given is None:
        return None, ()
    text = given[1].decode(errors="replace")
    try:
        return float(text), ()
    except ValueError:
        date = pd.to_datetime(text, errors="coerce", utc=True)
        if pd.isna(date):
            return None, (f"UnixStartTime {text!r} is not a time: dates are not known",)
        return date.timestamp(), (f"UnixStartTime is the date {text}",)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
