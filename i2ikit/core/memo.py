"""The memo of a translation: the computed views, the networks that each passed through, and whether a gradient can still reach them.

The memo replaces ``functools.cached_property``, which takes a lock on Python 3.11, breaks the graphs of TorchDynamo, and does not record
the networks that a value has passed through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, overload

from attrs import field, frozen
from torch import Tensor

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - a decorator, used like ``property``
    """Turn a method of Translation, or a plugin's function of a Translation, into a view: it is computed once, when it is first read."""

    def __init__(self, compute: Callable[..., T]) -> None:
        self.compute = compute
        self.__name__ = getattr(compute, "__name__", "view")
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, memo: None, owner: type) -> view[T]: ...
    @overload
    def __get__(self, memo: Memo, owner: type) -> T: ...
    def __get__(self, memo: Memo | None, owner: type) -> view[T] | T:
        return self if memo is None else memo.read(self)

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
        name: The name of the view.
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
        self._in_progress: list[Dependencies] = []

    def read(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """Return a view. Compute it on the first read, and again if the current turn updates a slot that no gradient can reach."""
        key = (compute, *arguments)
        if self.trace is not None and not self._in_progress:
            self.trace.setdefault(self.term, []).append(get_view_name(compute, arguments))
        other = self.holder(compute, arguments)
        if other is not None:
            value, found = other.compute_with_dependencies("shared", lambda: other.read(compute, *arguments))
            self.add_dependencies(found.slots, found.stale)
            return value
        entry = self._entries.get(key)
        if entry is None or (self.updating is not None and entry.stale & self.updating):
            value, found = self.compute_with_dependencies(get_view_name(compute, arguments), lambda: compute(self, *arguments))
            entry = self._entries[key] = Entry(value, frozenset(found.slots), frozenset(found.stale))
        self.add_dependencies(entry.slots, entry.stale)
        return entry.value

    def holder(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Memo | None:
        """Return the memo that holds a view on behalf of this one because both have the same value; None if this memo holds it."""
        return None

    def __getitem__(self, key: Any) -> Any:
        """Return a view: ``t[patches]``, or with arguments ``t[patches, "fake"]``."""
        return self.read(*key) if isinstance(key, tuple) else self.read(key)

    def compute_with_dependencies(self, name: str, compute: Callable[[], T]) -> tuple[T, Dependencies]:
        """Compute a value; return it with the slots that it has passed through."""
        found = Dependencies(name)
        self._in_progress.append(found)
        try:
            return compute(), found
        finally:
            self._in_progress.pop()

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
        for key, entry in list(self._entries.items()):
            if is_valid(entry):
                continue
            if isinstance(key[0], detached_after_update) and isinstance(entry.value, Tensor):
                self._entries[key] = Entry(entry.value.detach(), entry.slots, entry.slots)
            else:
                del self._entries[key]

    def list_computed(self) -> list[str]:
        """Return the names of the views that have been computed."""
        return sorted({get_view_name(key[0], key[1:]) for key in self._entries})


def get_view_name(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """Return the name of a view with its arguments: ``fake`` or ``discriminator_output(fake, discriminator)``."""
    name = getattr(compute, "__name__", "view")
    shown = [
        each if isinstance(each, str) else each.__name__ for each in arguments if isinstance(each, (str, view)) or hasattr(each, "__name__")
    ]
    return f"{name}({', '.join(shown)})" if shown else name
