"""The memo of a translation: the computed views, the networks that each passed through, and whether a gradient can still reach them.

The memo replaces ``functools.cached_property``, which takes a lock on Python 3.11, breaks the graphs of TorchDynamo, and does not record
the networks that a value has passed through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar, overload

from attrs import field, frozen
from torch import Tensor

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - a decorator, used like ``property``
    """Turn a method of Translation, or a plugin's function of a Translation, into a view: it is computed once, when it is first read."""

    stream_name: str | None = None  # the name of the view in the names of random streams, if it is not its own

    def __init__(self, compute: Callable[..., T]) -> None:
        self.compute = compute
        self.__name__ = getattr(compute, "__name__", "view")
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, memo: None, owner: type) -> view[T]: ...
    @overload
    def __get__(self, memo: Memo, owner: type) -> T: ...
    def __get__(self, memo: Memo | None, owner: type) -> view[T] | T:
        if memo is None:
            return self
        value: T = memo.read(self) if memo.trace is not None else memo._read(self).value  # one frame less, unless reads are recorded
        return value

    def __call__(self, translation: Any, *arguments: Any) -> T:
        """Compute the view without the memo."""
        return self.compute(translation, *arguments)


class detached_after_update(view[T]):  # noqa: N801 - a decorator, as above
    """A view whose tensor is detached, not dropped, after an update of its networks.

    Discriminators therefore score the fakes that the translator made before its update.
    """


class Entry(NamedTuple):
    """A computed view in the memo.

    Attributes:
        value: The value of the view.
        slots: The slots that the value has passed through.
        stale: Those slots that no gradient can reach, because the value is detached or was computed without gradients.
    """

    value: Any
    slots: frozenset[str]
    stale: frozenset[str]


@frozen
class Dependencies:
    """The dependencies of a value that is being computed.

    Attributes:
        name: The name of the view in the names of random streams.
        slots: The slots that the value has passed through so far.
        stale: Those slots that no gradient can reach.
        calls: The number of calls of each slot.
    """

    name: str
    slots: set[str] = field(factory=set)
    stale: set[str] = field(factory=set)
    calls: Counter[str] = field(factory=Counter)


class Memo:
    """Computed values by view and arguments.

    Attributes:
        updating: The slots that the current turn updates; None outside a turn.
        term: The term that is being computed, for error messages.
        trace: The views that each term reads; None if they are not recorded.
    """

    def __init__(self) -> None:
        self.updating: frozenset[str] | None = None
        self.term = ""
        self.trace: dict[str, list[str]] | None = None
        self._entries: dict[Any, Entry] = {}
        self._shared: dict[Any, Entry] | None = None
        self._in_progress: list[Dependencies] = []

    def read(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """Return a view. Compute it on the first read, and again if the current turn updates a slot that no gradient can reach."""
        if self.trace is not None and not self._in_progress:
            self.trace.setdefault(self.term, []).append(get_view_name(compute, arguments))
        return self._read(compute, arguments).value

    def _read(self, compute: Callable[..., Any], arguments: tuple[Any, ...] = ()) -> Entry:
        """Return the entry of a view. All happens in this one function, because each read of a view adds its frames to a traceback."""
        key: tuple[Any, ...] = (compute, *arguments)
        entries = self._entries
        if self._shared is not None and (common := self.make_shared_key(compute, arguments)) is not None:
            entries, key = self._shared, (*key, common)
        entry = entries.get(key)
        if entry is None or (self.updating is not None and entry.stale & self.updating):
            found = Dependencies(getattr(compute, "stream_name", None) or get_view_name(compute, arguments))
            self._in_progress.append(found)
            try:
                value = (compute.compute if isinstance(compute, view) else compute)(self, *arguments)
            finally:
                self._in_progress.pop()
            entry = entries[key] = Entry(value, frozenset(found.slots), frozenset(found.stale))
        for outer in self._in_progress:
            outer.slots.update(entry.slots)
            outer.stale.update(entry.stale)
        return entry

    def make_shared_key(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return what a view depends on besides its arguments, if other memos of the batch may use its value; None if they may not."""
        return None

    def __getitem__(self, key: Any) -> Any:
        """Return a view: ``t[patches]``, or with arguments ``t[patches, "fake"]``."""
        return self.read(*key) if isinstance(key, tuple) else self.read(key)

    def add_dependencies(self, slots: frozenset[str] | set[str], stale: frozenset[str] | set[str] = frozenset()) -> None:
        """Record slots as dependencies of every value that is being computed; ``stale`` are those slots that no gradient can reach."""
        for outer in self._in_progress:
            outer.slots.update(slots)
            outer.stale.update(stale)

    def forget(self, updated: frozenset[str]) -> None:
        """Drop the values that passed through slots that have just been updated; ``detached_after_update`` views are detached instead."""
        self._drop_unless(lambda entry: not entry.slots & updated)

    def release(self) -> None:
        """Drop all values, except that ``detached_after_update`` views are detached; other micro-batches then have the memory."""
        self._drop_unless(lambda _: False)

    def _drop_unless(self, is_valid: Callable[[Entry], bool]) -> None:
        for entries in (self._entries, self._shared or {}):
            for key, entry in list(entries.items()):
                if is_valid(entry):
                    continue
                if isinstance(key[0], detached_after_update) and isinstance(entry.value, Tensor):
                    entries[key] = Entry(entry.value.detach(), entry.slots, entry.slots)
                else:
                    del entries[key]

    def clear(self) -> None:
        """Drop all values."""
        self._entries.clear()
        (self._shared or {}).clear()

    def list_computed(self) -> list[str]:
        """Return the names of the views that have been computed."""
        keys = [*self._entries, *(self._shared or {})]
        return sorted({get_view_name(key[0], key[1:]) for key in keys})


def share_views(memos: Iterable[Memo]) -> None:
    """Let the memos of one batch use each other's values of the views that :meth:`Memo.make_shared_key` allows."""
    shared: dict[Any, Entry] = {}
    for memo in memos:
        memo._shared = shared


def get_view_name(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """Return the name of a view with its arguments: ``fake`` or ``discriminator_output(fake, discriminator)``."""
    name = getattr(compute, "__name__", "view")
    shown = [
        each if isinstance(each, str) else each.__name__ for each in arguments if isinstance(each, (str, view)) or hasattr(each, "__name__")
    ]
    return f"{name}({', '.join(shown)})" if shown else name
