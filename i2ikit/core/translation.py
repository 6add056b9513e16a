"""One image batch on its way from source to target and back.

A view is a function of a translation, computed once, when it is first read: ``t.fake`` is ``t[Translation.fake]``, and a plugin's own view
``def patches(t)`` is read as ``t[patches]``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from i2ikit.core.code import Code, Verdict
from i2ikit.core.draws import Draws
from i2ikit.core.memo import Memo, lasting_view, view
from i2ikit.errors import PlanError

__all__ = ["Translation", "lasting_view", "view"]

if TYPE_CHECKING:
    from i2ikit.core.nets import Nets
    from i2ikit.core.pool import Pool

    Style = Tensor | Callable[["Translation"], Tensor] | None

JUDGES = ("discriminator", "loss")  # roles that stand behind the translation: they learn on rounds on which it does not
AT_SOURCE = ("real", "recon", "cycle")  # images of the source domain


class Translation(Memo):
    """A source batch, a target, and everything that the networks make of them.

    Attributes:
        name: Unique within the batch, such as "a_to_b".
        real: The source images [B, C, H, W] in [-1, 1]; None where images are sampled from noise.
        source, target: Labels [B, D], or None where domains have no label.
        source_name, target_name: Domain names where each domain has nets of its own.
        exemplar: Real images of the target domain, which critics compare with; the source images for a labelled batch.
        exemplar_domain: The labels of ``exemplar`` [B, D].
        truth: The true target images of a paired batch.
        style: A style [B, S] or [B, V, S] that replaces the code's: drawn from the prior, or a view that a network computes; or None.
        reverse: The translation of the exemplars to the source domain, where the plan makes one.
        departs, arrives: An earlier translation of the same source images, and one to the same exemplars, where the plan makes several:
            what is the same for both is computed once.
        learning: False on rounds in which no player trains the translator; then it runs without gradients.
        pools: Past fakes by view, which the playing critic is shown in place of fresh ones.
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
        style: Style = None,
        learning: bool = True,
    ) -> None:
        super().__init__()
        self.nets, self.draws, self.name, self.learning = nets, draws.within(name), name, learning
        self._real, self._exemplar, self._truth, self._style = real, exemplar, truth, style
        self.source, self.target, self.exemplar_domain = source, target, exemplar_domain
        self.source_name, self.target_name = source_name, target_name
        self.reverse: Translation | None = None
        self.departs: Translation | None = None
        self.arrives: Translation | None = None
        self.pools: dict[str, Pool] = {}

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
        """The style of the target [B, S] or [B, V, S]: drawn, or computed by the view that the plan named."""
        style = self._style
        return self._needed(self.read(style) if callable(style) else style, "a style")

    @property
    def names(self) -> tuple[str, ...]:
        """What a term may call the translation in ``on=``: its name, and "forward" or "backward" where its domains are declared in order.

        A translation between two domains is forward if its source is declared first, whatever the two are called.
        """
        order = self.nets.domain.names
        if self.source_name not in order or self.target_name not in order or self.source_name == self.target_name:
            return (self.name,)
        return self.name, "forward" if order.index(self.source_name) < order.index(self.target_name) else "backward"

    @property
    def rows(self) -> int:
        """The number of images, B."""
        for tensor in (self._real, self._exemplar, self._style):
            if isinstance(tensor, Tensor):
                return int(tensor.shape[0])
        raise PlanError(f'Translation "{self.name}" holds no images.')

    # -- the views of the core

    @view
    def code(self) -> Code:
        """The code of the source images."""
        return self.encode(self.real, self.source, self.source_name)

    @lasting_view
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
        """Encode images with the encoder of their domain.

        Raises:
            PlanError: The assembly has no such encoder.
        """
        if slot not in self.nets.slots:
            raise PlanError(
                f'The assembly has no slot "{slot}", so that no image can be encoded or translated; plan "{self.nets.plan}" draws without.'
            )
        return cast(Code, self.run(slot, image, domain, domain_name=name))

    def condition(self, code: Code, domain: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Code:
        """Turn a code towards a target; the same code where the assembly has no conditioner."""
        if "conditioner" not in self.nets.slots:
            return code
        return cast(Code, self.run("conditioner", code, domain, domain_name=target_name, pair=(source_name, target_name)))

    def decode(self, code: Code, domain: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Tensor:
        """Condition a code on a target and draw the image."""
        code = self.condition(code, domain, source_name, target_name)
        return cast(Tensor, self.run("generator", code, domain_name=target_name, pair=(source_name, target_name)))

    def restyled(self, code: Code) -> Code:
        """Return the code with the target's style, where the plan gave one."""
        return code if self._style is None else code._replace(style=self.style)

    def judge(self, of: str | Callable[[Translation], Tensor] = "fake", by: str = "discriminator") -> Verdict:
        """Return the critic's verdict on a view ("fake", "cycle", a plugin's own) or on real images ("exemplar", "real", "truth").

        The image is detached unless the playing turn trains the networks that made it.
        """
        _, reads = self.watched("image", lambda: self.look(of))
        learns = self.reading is None or bool(self.reading & reads.slots)
        pool = None if learns or not isinstance(of, str) else self.pools.get(of)
        return cast(Verdict, self.read(verdict, of, by, learns, pool))

    def look(self, of: str | Callable[[Translation], Tensor]) -> Tensor:
        """Return an image by the name of its view, or by the view."""
        return cast(Tensor, getattr(self, of) if isinstance(of, str) else self[of])

    def pass_judgement(self, image: Tensor, of: str | Callable[[Translation], Tensor] = "fake", by: str = "discriminator") -> Verdict:
        """Judge any images as if they were the view ``of``, without the memo (penalties judge interpolations)."""
        at_source = of in AT_SOURCE
        domain = self.source if at_source else self.exemplar_domain if of == "exemplar" else self.target
        name = self.source_name if at_source else self.target_name
        real = of in ("exemplar", "real", "truth")
        offers: dict[str, Callable[[], Any]] = {
            "source": lambda: self.real,
            "domain": lambda: domain,
            "code": lambda: self.encode(image, domain, name) if real else self.restyled(self.code if self._real is not None else Code()),
        }
        said = {each: offers[each]() for each in self.nets.reads(by)}
        return cast(Verdict, self.run(by, image, domain_name=name, **said))

    def run(
        self, slot: str, *inputs: Any, domain_name: str | None = None, pair: tuple[str | None, str | None] = (None, None), **named: Any
    ) -> Any:
        """Call the net of a slot, noting that every view being computed has passed through it."""
        idle = not self.learning and self.nets.roles[slot] not in JUDGES
        self.passed({slot}, {slot} if idle else frozenset())
        net = self.nets.net(slot, domain_name, pair, asker=self.name)
        stream = self._stream(slot)
        asks = getattr(net, "noise_shape", None)
        wanted = asks(*inputs) if callable(asks) else None
        if wanted is not None:
            named["noise"] = self.draws.normal(f"{stream}/noise", wanted)
        noise = self.draws.seeded(stream) if getattr(net, "stochastic", False) else nullcontext()
        with torch.no_grad() if idle else nullcontext(), noise:
            return net(*inputs, **named)

    def _stream(self, slot: str) -> str:
        """Return the name of the stream for a net that draws by itself: its view and slot, and which call of several it is."""
        if not self._open:
            return f"call/{slot}"
        reads = self._open[-1]
        reads.calls[slot] += 1
        return f"{reads.name}/{slot}" + (f"/{reads.calls[slot]}" if reads.calls[slot] > 1 else "")

    def holder(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Translation | None:
        """Return the translation that holds a view of the same source, or a verdict on the same exemplars, unless networks draw."""
        if self.departs is not None and compute in (Translation.code, Translation.recon):
            slots = ("encoder",) if compute is Translation.code else ("encoder", "conditioner", "generator")
            return self.departs if not self.nets.draws(slots) else None
        if self.arrives is not None and compute is verdict and arguments[0] == "exemplar":
            by = arguments[1]
            return self.arrives if not self.nets.draws((by,)) and set(self.nets.reads(by)) <= {"domain"} else None
        return None

    # -- draws

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

    def close(self) -> None:
        """End the translation: its graphs are freed now, not when the collector finds the pair that ``reverse`` ties together."""
        self.forget(frozenset(self.nets.slots))
        self.reverse = self.departs = self.arrives = None

    def __repr__(self) -> str:
        return f"Translation({self.name}: {', '.join(self.computed()) or 'nothing yet'})"


def verdict(translation: Translation, of: Any, by: str, learns: bool, pool: Pool | None) -> Verdict:
    """Judge a view; detached where the playing turn trains none of its networks, and exchanged with past fakes where there is a pool."""
    image, reads = translation.watched("image", lambda: translation.look(of))
    if not learns:
        image = translation.read(pooled, of, pool) if pool is not None else image.detach()
        translation.passed(reads.slots, reads.slots)
    return translation.pass_judgement(image, of, by)


@lasting_view
def pooled(translation: Any, of: str = "fake", pool: Any = None) -> Tensor:
    """Past fakes in place of half of the fresh ones."""
    chance, place = translation.uniform("pool/chance"), translation.uniform("pool/place")
    return cast(Tensor, pool.exchange(translation.look(of).detach(), chance, place))
