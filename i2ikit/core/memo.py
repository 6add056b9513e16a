"""The memo of a translation: what has been computed, through which networks, and which of them can still learn from it.

It is our own: ``functools.cached_property`` takes a lock on Python 3.11 and breaks dynamo's graphs, and could not say which networks a
value has passed through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, overload

from attrs import field, frozen
from torch import Tensor

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - a decorator, used like ``property``
    """Make a method of Translation, or a plugin's function of one, a view: computed once, when it is first read."""

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


class detached_after_update(view[T]):  # noqa: N801 - as above
    """A view whose tensor stays, detached, when its networks have been updated: discriminators score what was made for them."""


class Entry(NamedTuple):
    """What the memo holds.

    Attributes:
        slots: The slots that the value has passed through.
        stale: Those of them that cannot learn from it, because it is detached or was computed without gradients.
    """

    value: Any
    slots: frozenset[str]
    stale: frozenset[str]


@frozen
class Dependencies:
    """A value that is being computed: its name, and the slots it has passed through so far."""

    name: str
    slots: set[str] = field(factory=set)
    stale: set[str] = field(factory=set)
    calls: Counter[str] = field(factory=Counter)


class Memo:
    """Values by view and arguments.

    Attributes:
        updating: The slots that the playing turn updates; None outside a turn.
        term: The term that is reading, for messages.
        trace: The views that each term reads, where somebody wants to know.
    """

    def __init__(self) -> None:
        self.updating: frozenset[str] | None = None
        self.term = ""
        self.trace: dict[str, list[str]] | None = None
        self._entries: dict[Any, Entry] = {}
        self._open: list[Dependencies] = []

    def read(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """Return a view, computing it on the first read, and anew where the playing turn could not learn from what is there."""
        key = (compute, *arguments)
        if self.trace is not None and not self._open:
            self.trace.setdefault(self.term, []).append(name_of(compute, arguments))
        other = self.holder(compute, arguments)
        if other is not None:
            value, found = other.track("shared", lambda: other.read(compute, *arguments))
            self.depend_on(found.slots, found.stale)
            return value
        entry = self._entries.get(key)
        if entry is None or (self.updating is not None and entry.stale & self.updating):
            value, found = self.track(name_of(compute, arguments), lambda: compute(self, *arguments))
            entry = self._entries[key] = Entry(value, frozenset(found.slots), frozenset(found.stale))
        self.depend_on(entry.slots, entry.stale)
        return entry.value

    def holder(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Memo | None:
        """Return another memo whose value of this view is the same, and computed once for both; None where this one holds it."""
        return None

    def __getitem__(self, key: Any) -> Any:
        """Read a view: ``t[patches]``, or with arguments ``t[patches, "fake"]``."""
        return self.read(*key) if isinstance(key, tuple) else self.read(key)

    def track(self, name: str, compute: Callable[[], T]) -> tuple[T, Dependencies]:
        """Compute a value and say which slots it has passed through."""
        found = Dependencies(name)
        self._open.append(found)
        try:
            return compute(), found
        finally:
            self._open.pop()

    def depend_on(self, slots: frozenset[str] | set[str], stale: frozenset[str] | set[str] = frozenset()) -> None:
        """Note for every value that is being computed that it depends on slots, and which of them do not learn from it."""
        for outer in self._open:
            outer.slots.update(slots)
            outer.stale.update(stale)

    def forget(self, updated: frozenset[str]) -> None:
        """Drop what was computed through slots that have just been updated; detached views stay, detached."""
        self._keep(lambda entry: not entry.slots & updated)

    def release(self) -> None:
        """Drop everything but the detached views, detached: a micro-batch holds no memory while others play."""
        self._keep(lambda _: False)

    def _keep(self, valid: Callable[[Entry], bool]) -> None:
        for key, entry in list(self._entries.items()):
            if valid(entry):
                continue
            if isinstance(key[0], detached_after_update) and isinstance(entry.value, Tensor):
                self._entries[key] = Entry(entry.value.detach(), entry.slots, entry.slots)
            else:
                del self._entries[key]

    def computed(self) -> list[str]:
        """Return the names of the views that have been computed."""
        return sorted({name_of(key[0], key[1:]) for key in self._entries})


def name_of(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """Return how a reading is shown: ``fake`` or ``discriminator_output(fake, discriminator)``."""
    name = getattr(compute, "__name__", "view")
    shown = [
        each if isinstance(each, str) else each.__name__ for each in arguments if isinstance(each, (str, view)) or hasattr(each, "__name__")
    ]
    return f"{name}({', '.join(shown)})" if shown else name
