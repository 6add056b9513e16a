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

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.memo import Memo, detached_after_update, view
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import PlanError

__all__ = ["Translation", "detached_after_update", "view"]

if TYPE_CHECKING:
    from i2ikit.core.nets import Nets
    from i2ikit.core.pool import Pool

    Style = Tensor | Callable[["Translation"], Tensor] | None

NON_TRANSLATOR_ROLES = ("discriminator", "loss")  # roles that stand behind the translation: they learn on steps on which it does not
AT_SOURCE = ("real", "recon", "cycle")  # images of the source domain


class Translation(Memo):
    """A source batch, a target, and everything that the networks make of them.

    Attributes:
        name: Unique within the batch, such as "a_to_b".
        real: The source images [B, C, H, W] in [-1, 1]; None where images are sampled from noise.
        source_label, target_label: Labels [B, D], or None where domains have no label.
        source_name, target_name: Domain names where each domain has nets of its own.
        reference: Real images of the target domain, which discriminators compare with; the source images for a labelled batch.
        reference_label: The labels of ``reference`` [B, D].
        target: The true target images of a paired batch.
        style: A style [B, S] or [B, V, S] that replaces the code's: drawn from the prior, or a view that a network computes; or None.
        reverse: The translation of the references to the source domain, where the plan makes one.
        same_source_as, same_reference_as: An earlier translation of the same source images, and one to the same references, where the plan makes several:
            what is the same for both is computed once.
        requires_grad: False on steps in which no player trains the translator; then it runs without gradients.
        pools: Past fakes by view, which the playing discriminator is shown in place of fresh ones.
    """

    def __init__(
        self,
        nets: Nets,
        streams: RandomStreams,
        *,
        name: str = "translation",
        real: Tensor | None = None,
        source_label: Tensor | None = None,
        target_label: Tensor | None = None,
        source_name: str | None = None,
        target_name: str | None = None,
        reference: Tensor | None = None,
        reference_label: Tensor | None = None,
        target: Tensor | None = None,
        style: Style = None,
        requires_grad: bool = True,
    ) -> None:
        super().__init__()
        self.nets, self.streams, self.name, self.requires_grad = nets, streams.within(name), name, requires_grad
        self._real, self._reference, self._target, self._style = real, reference, target, style
        self.source_label, self.target_label, self.reference_label = source_label, target_label, reference_label
        self.source_name, self.target_name = source_name, target_name
        self.reverse: Translation | None = None
        self.same_source_as: Translation | None = None
        self.same_reference_as: Translation | None = None
        self.pools: dict[str, Pool] = {}

    # -- what the plan gave

    @property
    def real(self) -> Tensor:
        """The source images [B, C, H, W]."""
        return self._needed(self._real, "a source image")

    @property
    def reference(self) -> Tensor:
        """Real images of the target [B, C, H, W]."""
        return self._needed(self._reference, "a reference")

    @property
    def target(self) -> Tensor:
        """The true target images [B, C, H, W]."""
        return self._needed(self._target, "the true target")

    @property
    def style(self) -> Tensor:
        """The style of the target [B, S] or [B, V, S]: drawn, or computed by the view that the plan named."""
        style = self._style
        return self._needed(self.read(style) if callable(style) else style, "a style")

    @property
    def names(self) -> tuple[str, ...]:
        """What a term may call the translation in ``translations=``: its name, and "forward" or "backward" where its domains are declared in order.

        A translation between two domains is forward if its source is declared first, whatever the two are called.
        """
        order = self.nets.domain.names
        if self.source_name not in order or self.target_name not in order or self.source_name == self.target_name:
            return (self.name,)
        return self.name, "forward" if order.index(self.source_name) < order.index(self.target_name) else "backward"

    @property
    def rows(self) -> int:
        """The number of images, B."""
        for tensor in (self._real, self._reference, self._style):
            if isinstance(tensor, Tensor):
                return int(tensor.shape[0])
        raise PlanError(f'Translation "{self.name}" holds no images.')

    # -- the views of the core

    @view
    def code(self) -> Code:
        """The code of the source images."""
        return self.encode(self.real, self.source_label, self.source_name)

    @detached_after_update
    def fake(self) -> Tensor:
        """The translated images [B, C, H, W]."""
        code = self.code if self._real is not None else Code()
        return self.decode(self.with_target_style(code), self.target_label, self.source_name, self.target_name)

    @view
    def recon(self) -> Tensor:
        """The source images, decoded from their own code [B, C, H, W]."""
        return self.decode(self.code, self.source_label, self.source_name, self.source_name)

    @view
    def recode(self) -> Code:
        """The code of the translated images."""
        return self.encode(self.fake, self.target_label, self.target_name)

    @view
    def cycle(self) -> Tensor:
        """The translated images, translated back with the source's style [B, C, H, W]."""
        code = self.recode._replace(style=self.code.style)
        return self.decode(code, self.source_label, self.target_name, self.source_name)

    @view
    def identity(self) -> Tensor:
        """Real images of the target, put through the translation to the target [B, C, H, W]."""
        code = self.encode(self.reference, self.target_label, self.target_name)
        return self.decode(code, self.target_label, self.source_name, self.target_name)

    # -- the networks

    def encode(self, image: Tensor, label: Tensor | None, name: str | None, *, slot: str = "encoder") -> Code:
        """Encode images with the encoder of their label.

        Raises:
            PlanError: The assembly has no such encoder.
        """
        if slot not in self.nets.slots:
            raise PlanError(
                f'The assembly has no slot "{slot}", so that no image can be encoded or translated; plan "{self.nets.plan}" draws without.'
            )
        return cast(Code, self.run(slot, image, label, domain_name=name))

    def condition(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Code:
        """Turn a code towards a target; the same code where the assembly has no conditioner."""
        if "conditioner" not in self.nets.slots:
            return code
        return cast(Code, self.run("conditioner", code, label, domain_name=target_name, pair=(source_name, target_name)))

    def decode(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Tensor:
        """Condition a code on a target and draw the image."""
        code = self.condition(code, label, source_name, target_name)
        return cast(Tensor, self.run("generator", code, domain_name=target_name, pair=(source_name, target_name)))

    def with_target_style(self, code: Code) -> Code:
        """Return the code with the target's style, where the plan gave one."""
        return code if self._style is None else code._replace(style=self.style)

    def discriminate(self, of: str | Callable[[Translation], Tensor] = "fake", by: str = "discriminator") -> DiscriminatorOutput:
        """Return the discriminator's output for a view ("fake", "cycle", a plugin's own) or on real images ("reference", "real", "target").

        The image is detached unless the playing turn trains the networks that made it.
        """
        _, found = self.track("image", lambda: self.image_of(of))
        learns = self.updating is None or bool(self.updating & found.slots)
        pool = None if learns or not isinstance(of, str) else self.pools.get(of)
        return cast(DiscriminatorOutput, self.read(discriminator_output, of, by, learns, pool))

    def image_of(self, of: str | Callable[[Translation], Tensor]) -> Tensor:
        """Return an image by the name of its view, or by the view."""
        return cast(Tensor, getattr(self, of) if isinstance(of, str) else self[of])

    def discriminate_image(
        self, image: Tensor, of: str | Callable[[Translation], Tensor] = "fake", by: str = "discriminator"
    ) -> DiscriminatorOutput:
        """Score any images as if they were the view ``of``, without the memo (penalties score interpolations)."""
        at_source = of in AT_SOURCE
        label = self.source_label if at_source else self.reference_label if of == "reference" else self.target_label
        name = self.source_name if at_source else self.target_name
        real = of in ("reference", "real", "target")
        offers: dict[str, Callable[[], Any]] = {
            "source": lambda: self.real,
            "label": lambda: label,
            "code": lambda: (
                self.encode(image, label, name) if real else self.with_target_style(self.code if self._real is not None else Code())
            ),
        }
        said = {each: offers[each]() for each in self.nets.inputs_of(by)}
        return cast(DiscriminatorOutput, self.run(by, image, domain_name=name, **said))

    def run(
        self, slot: str, *inputs: Any, domain_name: str | None = None, pair: tuple[str | None, str | None] = (None, None), **named: Any
    ) -> Any:
        """Call the net of a slot, noting that every view being computed has passed through it."""
        idle = not self.requires_grad and self.nets.roles[slot] not in NON_TRANSLATOR_ROLES
        self.depend_on({slot}, {slot} if idle else frozenset())
        net = self.nets.net(slot, domain_name, pair, asker=self.name)
        stream = self._stream(slot)
        asks = getattr(net, "noise_shape", None)
        wanted = asks(*inputs) if callable(asks) else None
        if wanted is not None:
            named["noise"] = self.streams.normal(f"{stream}/noise", wanted)
        noise = self.streams.seeded(stream) if getattr(net, "stochastic", False) else nullcontext()
        with torch.no_grad() if idle else nullcontext(), noise:
            return net(*inputs, **named)

    def _stream(self, slot: str) -> str:
        """Return the name of the stream for a net that draws by itself: its view and slot, and which call of several it is."""
        if not self._open:
            return f"call/{slot}"
        found = self._open[-1]
        found.calls[slot] += 1
        return f"{found.name}/{slot}" + (f"/{found.calls[slot]}" if found.calls[slot] > 1 else "")

    def holder(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Translation | None:
        """Return the translation that holds a view of the same source, or the discriminator output of the same references, unless networks draw."""
        if self.same_source_as is not None and compute in (Translation.code, Translation.recon):
            slots = ("encoder",) if compute is Translation.code else ("encoder", "conditioner", "generator")
            return self.same_source_as if not self.nets.draws_random_numbers(slots) else None
        if self.same_reference_as is not None and compute is discriminator_output and arguments[0] == "reference":
            by = arguments[1]
            return (
                self.same_reference_as if not self.nets.draws_random_numbers((by,)) and set(self.nets.inputs_of(by)) <= {"label"} else None
            )
        return None

    # -- draws

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Draw [B, *shape] uniformly from [0, 1) from a named stream."""
        return self.streams.uniform(name, (self.rows, *shape))

    def normal(self, name: str, *shape: int) -> Tensor:
        """Draw [B, *shape] from the standard normal distribution from a named stream."""
        return self.streams.normal(name, (self.rows, *shape))

    def _needed(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            asker = f'Term "{self.term}" asks' if self.term else "A view asks"
            raise PlanError(f'{asker} for {what}, which plan "{self.nets.plan}" did not give translation "{self.name}".')
        return tensor

    def close(self) -> None:
        """End the translation: its graphs are freed now, not when the collector finds the pair that ``reverse`` ties together."""
        self.forget(frozenset(self.nets.slots))
        self.reverse = self.same_source_as = self.same_reference_as = None

    def __repr__(self) -> str:
        return f"Translation({self.name}: {', '.join(self.computed()) or 'nothing yet'})"


def discriminator_output(translation: Translation, of: Any, by: str, learns: bool, pool: Pool | None) -> DiscriminatorOutput:
    """Score a view; detached where the playing turn trains none of its networks, and exchanged with past fakes where there is a pool."""
    image, found = translation.track("image", lambda: translation.image_of(of))
    if not learns:
        image = translation.read(pooled, of, pool) if pool is not None else image.detach()
        translation.depend_on(found.slots, found.slots)
    return translation.discriminate_image(image, of, by)


@detached_after_update
def pooled(translation: Any, of: str = "fake", pool: Any = None) -> Tensor:
    """Past fakes in place of half of the fresh ones."""
    chance, place = translation.uniform("pool/chance"), translation.uniform("pool/place")
    return cast(Tensor, pool.exchange(translation.image_of(of).detach(), chance, place))
