"""One image batch on its way from source to target and back.

A view is a function of a translation, computed once, when it is first read: ``t.fake`` is ``t[Translation.fake]``, and a plugin's own view
``def patches(t)`` is read as ``t[patches]``. The memo is our own: ``functools.cached_property`` takes a lock on Python 3.11 and breaks
dynamo's graphs, and it could not say which networks a value has passed through.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast, overload

import torch
from torch import Tensor

from i2ikit.core.code import Code, Verdict
from i2ikit.core.draws import Draws
from i2ikit.errors import PlanError

if TYPE_CHECKING:
    from i2ikit.core.nets import Nets

T = TypeVar("T")


class view(Generic[T]):  # noqa: N801 - a decorator, used like ``property``
    """Make a method of Translation, or a plugin's function of one, a view."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__name__ = getattr(compute, "__name__", "view")
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, translation: None, owner: type) -> view[T]: ...
    @overload
    def __get__(self, translation: Translation, owner: type) -> T: ...
    def __get__(self, translation: Translation | None, owner: type) -> view[T] | T:
        return self if translation is None else translation.read(self)

    def __call__(self, translation: Translation) -> T:
        """Compute the view without the memo."""
        return self.compute(translation)


class Entry(NamedTuple):
    """What the memo holds: a value, the slots it has passed through, and whether those may still learn from it."""

    value: Any
    slots: frozenset[str]
    fresh: bool


class Reads(NamedTuple):
    """A view that is being computed: its name and the slots passed so far."""

    name: str
    slots: set[str]


class Translation:
    """A source batch, a target, and everything that the networks make of them.

    Attributes:
        name: Unique within the batch, such as "a_to_b".
        real: The source images [B, C, H, W] in [-1, 1]; None where images are sampled from noise.
        source, target: Labels [B, D], or None where domains have no label.
        source_name, target_name: Domain names where each domain has nets of its own.
        exemplar: Real images of the target domain, which critics compare with; the source images for a labelled batch.
        exemplar_domain: The labels of ``exemplar`` [B, D].
        truth: The true target images of a paired batch.
        style: A drawn style [B, S] or [B, V, S] that replaces the code's, or None.
        reverse: The translation of the exemplars to the source domain, where the plan makes one.
        learning: False on rounds in which no player trains the translator; then it runs without gradients.
        reading: The slots that the playing turn updates; None outside a turn.
    """

    def __init__(
        self,
        nets: Nets,
        draws: Draws,
        *,
        name: str = "translation",
        real: Tensor | None = None,
        source: Tensor | None = None,
        target: Tensor | None = None,
        source_name: str | None = None,
        target_name: str | None = None,
        exemplar: Tensor | None = None,
        exemplar_domain: Tensor | None = None,
        truth: Tensor | None = None,
        style: Tensor | None = None,
        learning: bool = True,
    ) -> None:
        self.nets, self.draws, self.name, self.learning = nets, draws.within(name), name, learning
        self._real, self._exemplar, self._truth, self._style = real, exemplar, truth, style
        self.source, self.target, self.exemplar_domain = source, target, exemplar_domain
        self.source_name, self.target_name = source_name, target_name
        self.reverse: Translation | None = None
        self.reading: frozenset[str] | None = None
        self.pools: dict[str, Any] = {}
        self.term = ""
        self.trace: dict[str, list[str]] | None = None
        self._memo: dict[Any, Entry] = {}
        self._open: list[Reads] = []

    # -- what the plan gave

    @property
    def real(self) -> Tensor:
        """The source images [B, C, H, W]."""
        return self._needed(self._real, "a source image")

    @property
    def exemplar(self) -> Tensor:
        """Real images of the target [B, C, H, W]."""
        return self._needed(self._exemplar, "an exemplar")

    @property
    def truth(self) -> Tensor:
        """The true target images [B, C, H, W]."""
        return self._needed(self._truth, "the true target")

    @property
    def style(self) -> Tensor:
        """The drawn style [B, S] or [B, V, S]."""
        return self._needed(self._style, "a drawn style")

    @property
    def rows(self) -> int:
        """The number of images, B."""
        for tensor in (self._real, self._exemplar, self._style):
            if tensor is not None:
                return int(tensor.shape[0])
        raise PlanError(f'Translation "{self.name}" holds no images.')

    # -- the views of the core

    @view
    def code(self) -> Code:
        """The code of the source images."""
        return self.encode(self.real, self.source, self.source_name)

    @view
    def fake(self) -> Tensor:
        """The translated images [B, C, H, W]."""
        code = self.code if self._real is not None else Code()
        return self.decode(self.restyled(code), self.target, self.source_name, self.target_name)

    @view
    def recon(self) -> Tensor:
        """The source images, decoded from their own code [B, C, H, W]."""
        return self.decode(self.code, self.source, self.source_name, self.source_name)

    @view
    def recode(self) -> Code:
        """The code of the translated images."""
        return self.encode(self.fake, self.target, self.target_name)

    @view
    def cycle(self) -> Tensor:
        """The translated images, translated back with the source's style [B, C, H, W]."""
        code = self.recode._replace(style=self.code.style)
        return self.decode(code, self.source, self.target_name, self.source_name)

    @view
    def identity(self) -> Tensor:
        """Real images of the target, put through the translation to the target [B, C, H, W]."""
        code = self.encode(self.exemplar, self.target, self.target_name)
        return self.decode(code, self.target, self.source_name, self.target_name)

    # -- the networks

    def encode(self, image: Tensor, domain: Tensor | None, name: str | None, *, slot: str = "encoder") -> Code:
        """Encode images with the encoder of their domain."""
        return cast(Code, self.run(slot, image, domain, domain_name=name))

    def decode(self, code: Code, domain: Tensor | None, source_name: str | None, target_name: str | None) -> Tensor:
        """Condition a code on a target and draw the image."""
        pair = (source_name, target_name)
        if "conditioner" in self.nets.slots:
            code = cast(Code, self.run("conditioner", code, domain, domain_name=target_name, pair=pair))
        return cast(Tensor, self.run("generator", code, domain_name=target_name, pair=pair))

    def restyled(self, code: Code) -> Code:
        """Return the code with the drawn style, where the plan drew one."""
        return code if self._style is None else code._replace(style=self._style)

    def judge(self, of: str = "fake", by: str = "discriminator") -> Verdict:
        """Return the critic's verdict on a view ("fake", "cycle", ...) or on real images ("exemplar", "real", "truth").

        The fake is detached unless the playing turn trains the networks that made it.
        """
        image = getattr(self, of)
        learns = self.reading is None or bool(self.reading & self.slots_of(of))
        if not learns and of in self.pools:
            image = self.read(_pooled, of)
        return self.read(_judged, of, by, learns, image if learns else image.detach())

    def pass_judgement(self, image: Tensor, of: str, by: str = "discriminator") -> Verdict:
        """Judge any images as if they were the view ``of``, without the memo (penalties judge interpolations)."""
        real = of in ("exemplar", "real", "truth")
        domain = self.exemplar_domain if real else self.target
        offers: dict[str, Callable[[], Any]] = {
            "source": lambda: self.real,
            "domain": lambda: domain,
            "code": lambda: self.encode(image, domain, self.target_name) if real else self.restyled(self.code),
        }
        said = {name: offers[name]() for name in self.nets.reads(by)}
        return cast(Verdict, self.run(by, image, domain_name=self.target_name, **said))

    def run(
        self, slot: str, *inputs: Any, domain_name: str | None = None, pair: tuple[str | None, str | None] = (None, None), **named: Any
    ) -> Any:
        """Call the net of a slot, noting that every view being computed has passed through it."""
        for reads in self._open:
            reads.slots.add(slot)
        net = self.nets.net(slot, domain_name, pair, asker=self.name)
        idle = not self.learning and self.nets.roles[slot] != "discriminator"
        stream = f"{self._open[-1].name if self._open else 'call'}/{slot}"
        noise = self.draws.seeded(stream) if getattr(net, "stochastic", False) else nullcontext()
        with torch.no_grad() if idle else nullcontext(), noise:
            return net(*inputs, **named)

    # -- the memo

    def read(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """Return a view, computing it on the first read. Tensors among the arguments do not tell two readings apart."""
        key = (compute, *(each for each in arguments if not isinstance(each, Tensor)))
        if self.trace is not None and not self._open:
            self.trace.setdefault(self.term, []).append(_name(compute, arguments))
        entry = self._memo.get(key)
        if entry is None or not (entry.fresh or self.reading is None or not (entry.slots & self.reading)):
            reads = Reads(_name(compute, arguments), set())
            self._open.append(reads)
            try:
                value = compute(self, *arguments)
            finally:
                self._open.pop()
            entry = self._memo[key] = Entry(value, frozenset(reads.slots), True)
        for outer in self._open:
            outer.slots.update(entry.slots)
        return entry.value

    def __getitem__(self, key: Any) -> Any:
        """Read a view: ``t[patches]``, or with arguments ``t[patches, "fake"]``."""
        return self.read(*key) if isinstance(key, tuple) else self.read(key)

    def slots_of(self, name: str) -> frozenset[str]:
        """Return the slots that a view of the core has passed through; none for what the plan gave."""
        attribute = getattr(type(self), name, None)
        entry = self._memo.get((attribute,)) if isinstance(attribute, view) else None
        return entry.slots if entry else frozenset()

    def forget(self, updated: frozenset[str]) -> None:
        """Drop what was computed through slots that have just been updated; the fake stays, detached, for the critics."""
        for key, entry in list(self._memo.items()):
            if entry.slots & updated:
                if key[0] is Translation.fake:
                    self._memo[key] = Entry(entry.value.detach(), entry.slots, False)
                else:
                    del self._memo[key]

    # -- draws and averages

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Draw [B, *shape] uniformly from [0, 1) from a named stream."""
        return self.draws.uniform(name, (self.rows, *shape))

    def normal(self, name: str, *shape: int) -> Tensor:
        """Draw [B, *shape] from the standard normal distribution from a named stream."""
        return self.draws.normal(name, (self.rows, *shape))

    def _needed(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            asker = f'Term "{self.term}" asks' if self.term else "A view asks"
            raise PlanError(f'{asker} for {what}, which plan "{self.nets.plan}" did not give translation "{self.name}".')
        return tensor

    def __repr__(self) -> str:
        computed = ", ".join(sorted({_name(key[0], key[1:]) for key in self._memo})) or "nothing yet"
        return f"Translation({self.name}: {computed})"


def _judged(translation: Translation, of: str, by: str, learns: bool, image: Tensor) -> Verdict:
    return translation.pass_judgement(image, of, by)


def _pooled(translation: Translation, of: str) -> Tensor:
    fresh = getattr(translation, of).detach()
    chance, place = translation.uniform("pool/chance"), translation.uniform("pool/place")
    return cast(Tensor, translation.pools[of].exchange(fresh, chance, place))


def _name(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    name = "verdict" if compute is _judged else getattr(compute, "__name__", "view")
    shown = [str(each) for each in arguments[:2] if isinstance(each, str)]
    return f"{name}({', '.join(shown)})" if shown else name
