"""The instructions of the repository's own code before which the turn is offered.

Only instructions that may read or write shared state: attributes, items, globals and free variables
that code assigns to, iteration, calls. Between two such instructions only local variables change,
so a switch there has the same effect as a switch before the next of them.
"""

from __future__ import annotations

import dis
import functools
import inspect
import os
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType

from jobsim.repository.adapt import AdaptedRepository
from jobsim.repository.recorded import RecordedRepository

SHARED = frozenset(
    dis.opmap[name]
    for name in (
        "BEFORE_WITH", "BINARY_OP", "BINARY_SLICE", "BINARY_SUBSCR", "CALL", "CALL_FUNCTION_EX",
        "CALL_KW", "CONTAINS_OP", "DELETE_ATTR", "DELETE_DEREF", "DELETE_GLOBAL", "DELETE_SUBSCR",
        "DICT_MERGE", "DICT_UPDATE", "FOR_ITER", "GET_ITER", "LIST_EXTEND", "LOAD_ATTR",
        "LOAD_METHOD", "LOAD_SUPER_ATTR", "MATCH_CLASS", "MATCH_KEYS", "SET_UPDATE", "STORE_ATTR",
        "STORE_GLOBAL", "STORE_SLICE", "STORE_SUBSCR", "UNPACK_EX", "UNPACK_SEQUENCE",
    )
    if name in dis.opmap
)  # fmt: skip
"""Instructions that can touch state of other threads, whatever their argument."""

_ENTER = frozenset(
    dis.opmap[name]
    for name in ("BEFORE_WITH", "CALL", "CALL_FUNCTION_EX", "CALL_KW")
    if name in dis.opmap
)
_FREE = frozenset(dis.opmap[name] for name in ("LOAD_DEREF", "STORE_DEREF") if name in dis.opmap)
_ATTRIBUTE = frozenset(dis.opmap[n] for n in ("LOAD_ATTR", "LOAD_METHOD") if n in dis.opmap)
_GLOBAL = frozenset(dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_NAME") if name in dis.opmap)

_PACKAGE = f"{Path(__file__).resolve().parents[1]}{os.sep}"
_LIBRARY = tuple(
    f"{Path(sysconfig.get_path(name)).resolve()}{os.sep}"
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


class Points:
    """The points of every code object that control has seen.

    Attributes
    ----------
    own
        File names of the code under test, as in its code objects.
    codes
        Every code object seen so far, by its id. The id is the key everywhere: hashing a code
        object hashes all of its content each time.
    of
        Offsets of the points, by the id of a code object; empty for code that is not under test.
    spans
        Offsets of the instructions that call, including their caches, by the id of a code object.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = frozenset(own)
        self.codes: dict[int, CodeType] = {}  # keeps them alive, so that no id is reused
        self.of: dict[int, frozenset[int]] = {}
        self.spans: dict[int, frozenset[int]] = {}
        self._files: dict[str, bool] = {}
        self._stores: dict[int, tuple[frozenset[str], frozenset[str]]] = {}  # by namespace's id

    def concerns(self, file: str) -> bool:
        """Return whether code of this file is under test."""
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = file in self.own or not is_library(file)
        return found

    def add(self, code: CodeType, namespace: Mapping[str, object]) -> frozenset[int]:
        """Compute, keep and return the points of a code object that is seen for the first time."""
        points: frozenset[int] = frozenset()
        if self.concerns(code.co_filename):
            written, stored = self._written(namespace)
            points = frozenset(offsets(code, written, _fixed(namespace, stored), stored))
            self.spans[id(code)] = frozenset(_spans(code))
        self.codes[id(code)] = code
        self.of[id(code)] = points
        return points

    def prepare(self, namespaces: Iterable[Mapping[str, object]]) -> None:
        """Compute the points of the code under test in these modules before it runs."""
        for namespace in namespaces:
            for code in codes_of(namespace):
                if id(code) not in self.of:
                    self.add(code, namespace)

    def learn(self, files: Iterable[str]) -> bool:
        """Add these files to the code under test; return whether that changed anything."""
        new = self.own.union(files)
        if new == self.own:
            return False
        self.own = new
        self._files.clear()
        self.of.clear()
        self.spans.clear()
        return True

    def _written(self, namespace: Mapping[str, object]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the globals of a module, and the attributes, that some function assigns to."""
        found = self._stores.get(id(namespace))
        if found is None:
            names: dict[bool, set[str]] = {True: set(), False: set()}
            for code in codes_of(namespace):
                for instruction in dis.get_instructions(code):
                    if instruction.opname in _STORES:
                        names[instruction.opname.endswith("GLOBAL")].add(instruction.argval)
            found = self._stores[id(namespace)] = (frozenset(names[True]), frozenset(names[False]))
        return found


_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR")


def _fixed(namespace: Mapping[str, object], stored: frozenset[str]) -> frozenset[str]:
    """Return the globals that are modules or classes of the library or of jobsim itself.

    Their attributes do not change, so reading one is not a point, unless the code under test
    assigns to an attribute of that name on any object.
    """
    return frozenset(
        name
        for name, value in list(namespace.items())
        if name not in stored and _is_of_library(value)
    )


def _is_of_library(value: object) -> bool:
    """Return whether a value is a module or a class of library code, whose names stay fixed."""
    if isinstance(value, types.ModuleType):
        name = value.__name__
    elif isinstance(value, type):
        name = value.__module__
    else:
        return False
    top = name.partition(".")[0]
    if top == "jobsim":
        return name.startswith("jobsim.domain.")  # the rest may itself be under test
    if top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and is_library(file)


def files_of(repository: object) -> set[str]:
    """Return the file names in the code objects that define a repository's classes.

    jobsim's own wrappers are skipped. Installed packages count as library unless they are among
    these files.
    """
    while isinstance(repository, AdaptedRepository | RecordedRepository):
        repository = repository.repository
    return {
        code.co_filename
        for base in type(repository).__mro__
        if base.__module__.partition(".")[0] not in sys.stdlib_module_names
        for code in codes_of({"__name__": base.__module__, base.__name__: base})
        if not code.co_filename.startswith("<")
    }


@functools.lru_cache(maxsize=4096)
def is_library(file: str) -> bool:
    """Return whether a file belongs to the library, an installed package or jobsim itself."""
    # Code made by exec, such as a dataclass's __init__, has a name in angle brackets. So have the
    # cells of a notebook in some shells, which are the user's code.
    if file.startswith("<"):
        return not file.startswith("<ipython-input")
    return str(Path(file).resolve()).startswith((*_LIBRARY, _PACKAGE))


def offsets(
    code: CodeType,
    written: frozenset[str] = frozenset(),
    fixed: frozenset[str] = frozenset(),
    stored: frozenset[str] = frozenset(),
) -> Iterator[int]:
    """Yield the offsets of a code object's points.

    `written` are the globals and `stored` the attributes that the code under test assigns to;
    `fixed` are globals whose attributes nobody assigns to.
    """
    free = {name for name in code.co_freevars if name != "__class__"}
    before: list[int] = []  # prefixes for a large argument; the event comes at the first
    of_fixed = False
    for instruction in dis.get_instructions(code):
        op = instruction.opcode
        if op == dis.EXTENDED_ARG:
            before.append(instruction.offset)
            continue
        # An attribute of a fixed global, and an attribute of that.
        reads = of_fixed and op in _ATTRIBUTE and instruction.argval not in stored
        of_fixed = reads or (op in _GLOBAL and instruction.argval in fixed)
        if reads:
            before.clear()
            continue
        if (
            op in SHARED
            or (op in _FREE and instruction.argval in free)
            or (op in _GLOBAL and instruction.argval in written)
        ):
            yield before[0] if before else instruction.offset
        before.clear()


def _spans(code: CodeType) -> Iterator[int]:
    instructions = list(dis.get_instructions(code))
    ends = [later.offset for later in instructions[1:]] + [len(code.co_code)]
    for instruction, end in zip(instructions, ends, strict=True):
        if instruction.opcode in _ENTER:
            # While the callee runs, the frame may stand anywhere in the cache of the instruction.
            yield from range(instruction.offset, end, 2)


def codes_of(namespace: Mapping[str, object]) -> Iterator[CodeType]:
    """Yield the code of a module's functions and methods, and of all functions inside them."""
    name = namespace.get("__name__")
    members = list(namespace.values())
    for member in members:
        if isinstance(member, type) and member.__module__ == name:
            members += vars(member).values()
    stack = [code for code in map(_code_of, members) if code is not None]
    seen = set()
    while stack:
        code = stack.pop()
        if code not in seen:
            seen.add(code)
            yield code
            stack += [inner for inner in code.co_consts if isinstance(inner, CodeType)]


def _code_of(member: object) -> CodeType | None:
    if isinstance(member, property):
        member = member.fget
    member = getattr(member, "__func__", getattr(member, "func", member))
    code = getattr(inspect.unwrap(member) if callable(member) else member, "__code__", None)
    return code if isinstance(code, CodeType) else None
