"""Finds and swaps the real locks and clocks that the code under test already holds.

Replacing names in the library does not reach what was made or imported before control began:
`from threading import Lock`, a lock at module level, a dataclass's default factory, a queue that
a module keeps. So the globals of the user's modules are searched, and the repository's objects
after the factory has made them. What is found is swapped if possible, and restored at the end.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jobsim.turns import real
from jobsim.turns.points import is_library
from jobsim.turns.primitives import TurnLock, TurnRLock

LONGEST = 10_000
"""Containers with more entries are not searched: they hold data, not locks."""

_LEAVES = (
    str, bytes, int, float, complex, bool, type(None), types.ModuleType, types.CodeType,
    logging.Logger, logging.Manager, logging.Handler, threading.Thread, TurnLock, TurnRLock,
)  # fmt: skip
_CARRIERS = {
    "threading", "queue", "functools", "dataclasses", "concurrent.futures.thread",
    "concurrent.futures._base", "contextlib", "collections", "types", "weakref", "itertools",
}  # fmt: skip
"""Library modules whose objects may hold a lock of the user's."""

_Put = Callable[[Any], None]


@dataclass
class Swaps:
    """What was swapped, so that it can be restored.

    Attributes
    ----------
    factories
        Each replaced function of the library and its replacement, by the id of the first.
    locks
        The replacement of each real lock, by its id; one lock may be held in several places.
    stuck
        Where a real lock was found that could not be swapped.
    local
        Whether a module keeps a `threading.local`: then threads must not be kept between runs.
    """

    factories: dict[int, tuple[Any, Any]]
    locks: dict[int, Any] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    local: bool = False
    _undo: list[tuple[_Put, Any]] = field(default_factory=list)

    def swap(self, roots: Iterable[Any]) -> int:
        """Swap everything that is reachable from the roots; return how many values that were."""
        hits = 0
        for old, put, where in _walk(roots, self):
            new = self._replacement(old)
            try:
                put(new)
            except (AttributeError, TypeError, ValueError) as error:
                self.stuck.append(f"{where} ({error})")
            else:
                self._undo.append((put, old))
                hits += 1
        return hits

    def put_back(self, keep: int = 0) -> None:
        """Undo all swaps but the first `keep`, the last one first."""
        while len(self._undo) > keep:
            put, old = self._undo.pop()
            # The code under test may have removed what held the lock, such as an entry of a list.
            with contextlib.suppress(AttributeError, IndexError, TypeError, ValueError):
                put(old)

    def __len__(self) -> int:
        return len(self._undo)

    def is_hit(self, value: object) -> bool:
        """Return whether a value is to be swapped."""
        if type(value) in (real.LockType, real.RLockType):
            return True
        known = self.factories.get(id(value))
        if known is not None and known[0] is value:
            return True
        # `Condition` keeps its lock's bound methods.
        owner = getattr(value, "__self__", None) if _is_bound(value) else None
        return type(owner) in (real.LockType, real.RLockType)

    def _replacement(self, old: Any) -> Any:
        known = self.factories.get(id(old))
        if known is not None and known[0] is old:
            return known[1]
        if _is_bound(old):
            return getattr(self._replacement(old.__self__), old.__name__)
        kind = TurnLock if type(old) is real.LockType else TurnRLock
        # The real lock is kept alive beside its replacement, so that its id is not reused.
        return self.locks.setdefault(id(old), (kind(), old))[0]

    def reset(self) -> None:
        """Release the swapped locks that are held, for the next run."""
        for new, _ in self.locks.values():
            if new.locked() if isinstance(new, TurnLock) else new.lock.locked():
                new.reset()


def _is_bound(value: object) -> bool:
    return isinstance(value, types.BuiltinMethodType)


def modules_of(*objects: object) -> list[types.ModuleType]:
    """Return the user's modules that some objects come from, and those that these use.

    Modules of the library, of installed packages and of jobsim count only where one of the
    objects, or a class that it inherits from, comes from there.
    """
    names = {"__main__"}.union(*map(_homes, objects))
    found: dict[str, types.ModuleType] = {}
    while names:
        name = names.pop()
        module = sys.modules.get(name)
        if name in found or not isinstance(module, types.ModuleType):
            continue
        found[name] = module
        for value in list(vars(module).values()):
            used = value.__name__ if isinstance(value, types.ModuleType) else None
            used = used or getattr(value, "__module__", None)
            if isinstance(used, str) and used not in found and _is_users(used):
                names.add(used)
    return list(found.values())


def _homes(value: object) -> set[str]:
    """Return the modules that an object, its class and what it wraps come from."""
    homes = set()
    stack, seen = [value], 0
    while stack and seen < _WRAPPED:
        seen += 1
        value = stack.pop()
        kind = value if isinstance(value, type) else type(value)
        homes |= {base.__module__ for base in kind.__mro__}
        homes.add(getattr(value, "__module__", None) or "builtins")
        for cell in getattr(value, "__closure__", None) or ():
            with contextlib.suppress(ValueError):  # empty
                stack.append(cell.cell_contents)
        if isinstance(value, functools.partial):
            stack.append(value.func)
        stack += _dict(value).values() if not isinstance(value, type) else []
    return {home for home in homes if home.partition(".")[0] not in sys.stdlib_module_names}


_WRAPPED = 100
"""How many objects are examined to find out where a repository's code comes from."""


def _dict(value: object) -> dict[str, Any]:
    held = getattr(value, "__dict__", {})
    return held if isinstance(held, dict) else {}


def _is_users(name: str) -> bool:
    if name == "__main__":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and not is_library(file)


def _walk(roots: Iterable[Any], swaps: Swaps) -> Iterator[tuple[Any, _Put, str]]:
    """Yield each value to swap, a function that puts another in its place, and where it is."""
    seen: set[int] = set()
    stack = list(roots)
    kept = []  # keeps the objects alive, so that no id is reused
    while stack:
        owner = stack.pop()
        if id(owner) in seen or isinstance(owner, _LEAVES):
            continue
        seen.add(id(owner))
        kept.append(owner)
        if isinstance(owner, threading.local):
            swaps.local = True
        for value, put, where in _held(owner):
            if swaps.is_hit(value):
                yield value, put, where
            elif isinstance(value, tuple) and any(map(swaps.is_hit, value)):
                inner = _InTuple(value, put)
                for at, entry in enumerate(value):
                    if swaps.is_hit(entry):
                        yield entry, functools.partial(inner.put, at), where
            else:
                stack.append(value)


class _InTuple:
    """A tuple that is rebuilt each time one of its entries is swapped."""

    def __init__(self, value: tuple[Any, ...], put: _Put) -> None:
        self._entries = list(value)
        self._kind = type(value)
        self._put = put

    def put(self, at: int, entry: Any) -> None:
        self._entries[at] = entry
        made = tuple(self._entries)
        self._put(made if self._kind is tuple else self._kind(*made))


def _nowhere(_value: Any) -> None:
    raise TypeError("it cannot be replaced there")


_Held = Iterator[tuple[Any, _Put, str]]


def _held(owner: Any) -> _Held:
    """Yield what an object holds: the value, a function that replaces it, and where it is."""
    for kinds, held in _HELD:
        if isinstance(owner, kinds):
            return held(owner)
    return _held_by_object(owner) if _is_user_made(type(owner)) else iter(())


def _held_by_dict(owner: dict[Any, Any]) -> _Held:
    if len(owner) <= LONGEST:
        for key, value in list(owner.items()):
            yield value, functools.partial(owner.__setitem__, key), f"[{key!r:.40}]"


def _held_by_list(owner: list[Any]) -> _Held:
    if len(owner) <= LONGEST:
        for at, value in enumerate(owner):
            yield value, functools.partial(owner.__setitem__, at), f"[{at}]"


def _held_by_fixed(owner: Any) -> _Held:
    if len(owner) <= LONGEST:
        for value in owner:
            yield value, _nowhere, f"in a {type(owner).__name__}"


def _held_by_method(owner: types.MethodType) -> _Held:
    yield owner.__self__, _nowhere, "method"
    yield owner.__func__, _nowhere, "method"


def _held_by_function(owner: types.FunctionType) -> _Held:
    """Yield what a function of the user's holds in its closure, defaults and attributes."""
    file = owner.__code__.co_filename
    if is_library(file) and not file.startswith("<"):
        return
    where = owner.__qualname__
    for cell in owner.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # empty
            continue
        yield value, functools.partial(setattr, cell, "cell_contents"), where
    if owner.__defaults__:
        yield owner.__defaults__, functools.partial(setattr, owner, "__defaults__"), where
    yield owner.__kwdefaults__ or {}, _nowhere, where
    yield owner.__dict__, _nowhere, where


def _held_by_class(owner: type) -> _Held:
    if not _is_user_made(owner) or owner.__module__ in _CARRIERS:
        return
    for key, value in list(vars(owner).items()):
        yield value, functools.partial(setattr, owner, key), f"{owner.__name__}.{key}"
    for base in owner.__mro__[1:]:
        yield base, _nowhere, owner.__name__


def _held_by_object(owner: Any) -> _Held:
    """Yield what an object holds in its dictionary and its slots, and its class."""
    kind = type(owner)
    held = getattr(owner, "__dict__", None)
    if isinstance(held, dict):
        for key, value in list(held.items()):
            yield value, functools.partial(held.__setitem__, key), f"{kind.__name__}.{key}"
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            name = f"_{base.__name__.lstrip('_')}{slot}" if slot.startswith("__") else slot
            try:
                value = getattr(owner, name)
            except AttributeError:
                continue
            yield value, functools.partial(setattr, owner, name), f"{kind.__name__}.{name}"
    if isinstance(owner, functools.partial):
        yield owner.func, _nowhere, "partial"
        yield owner.args, _nowhere, "partial"
    yield kind, _nowhere, kind.__name__


def _is_user_made(kind: type) -> bool:
    name = kind.__module__
    if name.startswith("jobsim."):
        return name.startswith(("jobsim.repository.", "jobsim.testing.broken"))
    return name in _CARRIERS or _is_users(name)


_HELD: tuple[tuple[Any, Callable[[Any], _Held]], ...] = (
    (dict, _held_by_dict),
    (list, _held_by_list),
    (tuple | set | frozenset, _held_by_fixed),
    (types.FunctionType, _held_by_function),
    (types.MethodType, _held_by_method),
    (type, _held_by_class),
)
"""How to search an object, by its type; the first match counts."""
