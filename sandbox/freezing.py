"""A running sandbox as bytes, and back: everything that it is and has planned, so that both go on alike.

What is planned are functions that remember variables (``clock.after(5, lambda: …)``). They are written down as the
place of their code in this package, with what they remember. So bytes are good for the version that wrote them only,
and loading them runs no code but this package's own: other names than those below are refused.

    clone(sandbox)                 another one at the same point, in a millisecond
    Mould(sandbox).cast()          the same, twice as fast, of one that is cloned many times
    thaw(freeze(sandbox))          the same by way of bytes that another process may read
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from random import Random
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from .api.resources import BY_PATH, Resource
from .api.schema import ANY, Node, definition_of, node_named
from .shared import Copied, Shared, copied

_PACKAGE = __name__.rpartition(".")[0]
_PLAIN = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "range"),
    ("builtins", "dict"),
    ("builtins", "list"),
    ("collections", "deque"),
    ("collections", "Counter"),
    ("collections", "OrderedDict"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
    ("decimal", "Decimal"),
    ("random", "Random"),
}


class Unfreezable(Exception):
    """Something in the sandbox cannot be kept, or bytes are not such as ``freeze`` writes."""


def clone(value: Any) -> Any:
    """A copy that shares with ``value`` only what is ``Shared``. Raises Unfreezable."""
    return Mould(value).cast()


class Mould:
    """Clones of a value as it was when this was made, as many as one likes. Raises Unfreezable when it is made."""

    def __init__(self, value: Any) -> None:
        shared: list[Any] = []
        sink = io.BytesIO()
        _dumped(_Pickler(sink, shared), value)
        self._bytes, self._find = sink.getvalue(), _finder(shared)

    def cast(self) -> Any:
        """Another one."""
        reader = _Caster(io.BytesIO(self._bytes))
        reader.find_class = self._find  # type: ignore[method-assign]
        return reader.load()


def freeze(value: Any) -> bytes:
    """Raises Unfreezable."""
    sink = io.BytesIO()
    _dumped(_Writer(sink, None), value)
    return sink.getvalue()


def thaw(data: bytes) -> Any:
    """Raises Unfreezable for bytes that are none of ``freeze``'s, or another version's."""
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
        raise Unfreezable(f"these bytes hold no sandbox of this version: {error}") from None


def _dumped(pickler: pickle.Pickler, value: Any) -> None:
    try:
        pickler.dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise Unfreezable(f"a sandbox holds something that cannot be kept: {error}") from None


class _Pickler(pickle.Pickler):
    def __init__(self, sink: io.BytesIO, shared: list[Any] | None) -> None:
        super().__init__(sink, protocol=5)
        self._shared = shared

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is FunctionType:
            return _reduced(obj)
        if kind is MethodType:
            return _method, (obj.__self__, obj.__name__)
        if kind is CellType:
            return _cell, (), _content(obj), None, None, _fill_cell
        if kind is Shared or kind is Copied:
            if self._shared is None:
                return _written, (obj.value if obj.kept is None else obj.kept,)
            if kind is Shared:
                self._shared.append(obj.value)
                return _lookup_shared, (len(self._shared) - 1,)
            if obj.depth == 1:  # the quickest way: by the type itself
                return type(obj.value), (Shared(obj.value.copy()),)
            self._shared.append(copied(obj.value, obj.depth))
            return _lookup_copied, (len(self._shared) - 1, obj.depth)
        if kind is Random and self._shared is not None:
            self._shared.append(obj.getstate())
            return _lookup_dice, (len(self._shared) - 1,)
        if kind is Resource:
            place: tuple[str, str, str] = (obj.group, obj.version, obj.plural)
            return (_resource, place) if BY_PATH.get(place) is obj else NotImplemented
        if obj is ANY:
            return "ANY"
        if kind is Node and (name := definition_of(obj)):
            return node_named, (name,)
        return NotImplemented


class _Writer(_Pickler):
    """Writes sets in order, so that the same state is the same bytes whatever the seed of hashes."""

    def __init__(self, sink: io.BytesIO, shared: list[Any] | None) -> None:
        super().__init__(sink, shared)
        self._sets: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is not set and kind is not frozenset:
            return None
        number = self._sets.setdefault(id(obj), len(self._sets))
        return number, kind is set, sorted(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: io.BytesIO) -> None:
        super().__init__(source)
        self._sets: dict[int, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        number, changes, members = pid
        if number not in self._sets:
            self._sets[number] = set(members) if changes else frozenset(members)
        return self._sets[number]

    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name)


class _Caster(pickle.Unpickler):
    """Of bytes that were written in this process, and so need no suspicion."""


def _finder(shared: list[Any]) -> Callable[[str, str], Any]:
    """What finds names for a caster. It goes through no Python for a name that was found before."""

    def its_copy(number: int, depth: int) -> Any:
        return copied(shared[number], depth)

    def dice(number: int) -> Random:
        made = Random.__new__(Random)
        made.setstate(shared[number])
        return made

    named = {_lookup_shared: shared.__getitem__, _lookup_copied: its_copy, _lookup_dice: dice}
    own: dict[str, Any] = {what.__name__: how for what, how in named.items()}
    own.update(_cell=CellType, _method=getattr)

    @cache
    def find(module: str, name: str) -> Any:
        return own[name] if module == __name__ and name in own else _found(module, name)

    return find


@cache
def _found(module: str, name: str) -> Any:
    if (module, name) in _PLAIN or (module.startswith(f"{_PACKAGE}.") and "." not in name):
        found = getattr(import_module(module), name)
        if getattr(found, "__module__", "").startswith(_PACKAGE) or (module, name) in _PLAIN:
            return found
    raise pickle.UnpicklingError(f"{module}.{name} is nothing that a sandbox is made of")


# Functions


def _reduced(function: FunctionType) -> Any:
    module = function.__module__
    if not module.startswith(_PACKAGE):
        raise pickle.PicklingError(f"{module}.{function.__qualname__} is not this package's")
    if getattr(sys.modules[module], function.__qualname__, None) is function:
        return NotImplemented  # by its name
    place = _places(module).get(function.__code__)
    if place is None:
        raise pickle.PicklingError(f"the code of {module}.{function.__qualname__} is not found in its module")
    defaults = (function.__defaults__, function.__kwdefaults__)
    return _function, (module, *place, function.__closure__ or ()), defaults, None, None, _set_defaults


def _function(module: str, qualified: str, number: int, closure: tuple[CellType, ...]) -> FunctionType:
    code, names = _code_at(module, qualified, number)
    return FunctionType(code, names, code.co_name, None, closure or None)


@cache
def _code_at(module: str, qualified: str, number: int) -> tuple[CodeType, dict[str, Any]]:
    codes = {place: code for code, place in _places(module).items()}
    return codes[qualified, number], vars(import_module(module))


def _set_defaults(function: FunctionType, defaults: tuple[Any, Any]) -> None:
    function.__defaults__, function.__kwdefaults__ = defaults


@cache
def _places(module: str) -> dict[CodeType, tuple[str, int]]:
    """All code of a module: by its qualified name, and which one of that name, in the order of the file."""
    if not module.startswith(_PACKAGE):
        raise pickle.UnpicklingError(f"{module} is not this package's")
    codes = sorted(set(_codes_of(module)), key=lambda code: (code.co_qualname, code.co_firstlineno, _column(code)))
    counts: dict[str, int] = {}
    places: dict[CodeType, tuple[str, int]] = {}
    for code in codes:
        counts[code.co_qualname] = counts.get(code.co_qualname, -1) + 1
        places[code] = (code.co_qualname, counts[code.co_qualname])
    return places


def _codes_of(module: str) -> Iterator[CodeType]:
    for value in vars(import_module(module)).values():
        if getattr(value, "__module__", None) != module:
            continue
        members = vars(value).values() if isinstance(value, type) else (value,)
        for member in members:
            function = getattr(member, "__wrapped__", getattr(member, "__func__", getattr(member, "fget", member)))
            if isinstance(function, FunctionType):
                yield from _inside(function.__code__)


def _inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _inside(constant)


def _column(code: CodeType) -> tuple[int, ...]:
    """Where on its line it begins: several lambdas may share one."""
    return tuple(position[2] or 0 for position in code.co_positions())


# Methods, cells and what is looked up


def _method(holder: Any, name: str) -> Any:
    if name.startswith("__") or not type(holder).__module__.startswith(_PACKAGE):
        raise pickle.UnpicklingError(f"{name} is no method that a sandbox would plan to call")
    return getattr(holder, name)


def _cell() -> CellType:
    return CellType()


def _content(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # nothing is assigned yet
        return ()


def _fill_cell(cell: CellType, content: tuple[Any, ...]) -> None:
    if content:
        cell.cell_contents = content[0]


def _resource(group: str, version: str, plural: str) -> Resource:
    return BY_PATH[group, version, plural]


def _written(value: Any) -> Any:
    return value


def _lookup_shared(_: int) -> Any:
    """Stands, as the two below, for what the reader has of its own (_Caster)."""


def _lookup_copied(_: int, __: int) -> Any: ...


def _lookup_dice(_: int) -> Any: ...
