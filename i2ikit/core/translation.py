"""The translation of one batch of images from source to target and back.

A view is a function of a translation. It is computed once, when it is first read. ``t.fake`` is short for ``t[Translation.fake]``; a
plugin's view ``def patches(t)`` is read as ``t[patches]``.
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

NON_TRANSLATOR_ROLES = ("discriminator", "loss")  # roles of networks that are not part of the translator
SOURCE_IMAGES = ("real", "recon", "cycle")  # views with images of the source domain


class Translation(Memo):
    """A batch of source images, their target, and all that the networks compute from them.

    Attributes:
        name: A name that is unique within the batch, such as "a_to_b".
        real: The source images [B, C, H, W] in [-1, 1]; None if images are generated from noise.
        source_label, target_label: Labels [B, D]; None if there are no labels.
        source_name, target_name: Names of the domains, if the plan has named domains.
        reference: Real images of the target domain [B, C, H, W], with which discriminators compare; in a labelled batch, the source images.
        reference_label: The labels of ``reference`` [B, D].
        target: The target images of a paired batch [B, C, H, W].
        style: A style [B, S] or [B, V, S] that replaces the style of the code: sampled from the prior, or computed by a view; or None.
        reverse: The translation of the reference images to the source domain, if the plan makes one.
        same_source_as: An earlier translation of the same source images, if there is one. Views that are equal for both are computed once.
        same_reference_as: An earlier translation with the same reference images, if there is one; for the same purpose.
        requires_grad: False in steps in which no player trains the translator; its networks then run without gradients.
        pools: Pools of past fakes by view, which the current discriminator sees instead of new fakes.
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
        self.nets, self.streams, self.name, self.requires_grad = nets, streams.for_translation(name), name, requires_grad
        self._real, self._reference, self._target, self._style = real, reference, target, style
        self.source_label, self.target_label, self.reference_label = source_label, target_label, reference_label
        self.source_name, self.target_name = source_name, target_name
        self.reverse: Translation | None = None
        self.same_source_as: Translation | None = None
        self.same_reference_as: Translation | None = None
        self.pools: dict[str, Pool] = {}
        self.plan_name = ""  # set if there are several plans

    # -- inputs from the plan

    @property
    def real(self) -> Tensor:
        """The source images [B, C, H, W]."""
        return self._require(self._real, "source images")

    @property
    def reference(self) -> Tensor:
        """Real images of the target domain [B, C, H, W]."""
        return self._require(self._reference, "reference images")

    @property
    def target(self) -> Tensor:
        """The target images of a paired batch [B, C, H, W]."""
        return self._require(self._target, "target images")

    @property
    def style(self) -> Tensor:
        """The target style [B, S] or [B, V, S]: sampled from the prior, or computed by the view that the plan set."""
        style = self._style
        return self._require(self.read(style) if callable(style) else style, "a style")

    @property
    def names(self) -> tuple[str, ...]:
        """The names that select this translation: its own, one of several plans, "forward" (source declared first) or "backward"."""
        own, order = ((self.name, self.plan_name) if self.plan_name else (self.name,)), self.nets.domain.names
        if self.source_name not in order or self.target_name not in order or self.source_name == self.target_name:
            return own
        return *own, "forward" if order.index(self.source_name) < order.index(self.target_name) else "backward"

    @property
    def rows(self) -> int:
        """The number of images, B."""
        for tensor in (self._real, self._reference, self._style):
            if isinstance(tensor, Tensor):
                return int(tensor.shape[0])
        raise PlanError(f'Translation "{self.name}" has no images. The plan must set real=, reference= or style=.')

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
        """The source images, reconstructed from their own code [B, C, H, W]."""
        return self.decode(self.code, self.source_label, self.source_name, self.source_name)

    @view
    def recode(self) -> Code:
        """The code of the translated images."""
        return self.encode(self.fake, self.target_label, self.target_name)

    @view
    def cycle(self) -> Tensor:
        """The translated images, translated back to the source with the source style [B, C, H, W]."""
        code = self.recode._replace(style=self.code.style)
        return self.decode(code, self.source_label, self.target_name, self.source_name)

    @view
    def identity(self) -> Tensor:
        """Real images of the target domain, translated to the target [B, C, H, W]; the identity loss compares them with ``reference``."""
        code = self.encode(self.reference, self.target_label, self.target_name)
        return self.decode(code, self.target_label, self.source_name, self.target_name)

    # -- the networks

    def encode(self, image: Tensor, label: Tensor | None, name: str | None, *, slot: str = "encoder") -> Code:
        """Return the code of images [B, C, H, W] with labels [B, D] or None, of the domain ``name``.

        Raises:
            PlanError: The model has no such encoder.
        """
        if slot not in self.nets.slots:
            raise PlanError(f'The model has no slot "{slot}" and cannot encode images; plan "{self.nets.plan}" generates without it.')
        return cast(Code, self.run(slot, image, label, domain_name=name))

    def condition(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Code:
        """Return the code, conditioned on the target; unchanged if the model has no conditioner."""
        if "conditioner" not in self.nets.slots:
            return code
        return cast(Code, self.run("conditioner", code, label, domain_name=target_name, pair=(source_name, target_name)))

    def decode(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Tensor:
        """Condition a code on the target and return the generated images [B, C, H, W]."""
        code = self.condition(code, label, source_name, target_name)
        return cast(Tensor, self.run("generator", code, domain_name=target_name, pair=(source_name, target_name)))

    def with_target_style(self, code: Code) -> Code:
        """Return the code with the target style; unchanged if the plan set no style."""
        return code if self._style is None else code._replace(style=self.style)

    def discriminate(self, view: str | Callable[[Translation], Tensor] = "fake", slot: str = "discriminator") -> DiscriminatorOutput:
        """Return a discriminator's output for images: a view ("fake", "cycle", one of a plugin) or real ("reference", "real", "target").

        The images are detached unless the current turn trains the networks that made them.

        Args:
            view: The images, by the name of their view or as the view.
            slot: The slot of the discriminator.
        """
        _, found = self.compute_with_dependencies("image", lambda: self.get_image(view))
        has_gradient = self.updating is None or bool(self.updating & found.slots)
        pool = None if has_gradient or not isinstance(view, str) else self.pools.get(view)
        return cast(DiscriminatorOutput, self.read(discriminator_output, view, slot, has_gradient, pool))

    def get_image(self, view: str | Callable[[Translation], Tensor]) -> Tensor:
        """Return images by the name of their view, or by the view."""
        return cast(Tensor, getattr(self, view) if isinstance(view, str) else self[view])

    def discriminate_image(
        self, image: Tensor, view: str | Callable[[Translation], Tensor] = "fake", slot: str = "discriminator"
    ) -> DiscriminatorOutput:
        """Return a discriminator's output for any images, with the further inputs of ``view``; penalties score interpolations."""
        is_source = view in SOURCE_IMAGES
        label = self.source_label if is_source else self.reference_label if view == "reference" else self.target_label
        name = self.source_name if is_source else self.target_name
        is_real = view in ("reference", "real", "target")
        inputs: dict[str, Callable[[], Any]] = {
            "source": lambda: self.real,
            "label": lambda: label,
            "code": lambda: (
                self.encode(image, label, name) if is_real else self.with_target_style(self.code if self._real is not None else Code())
            ),
        }
        required = {each: inputs[each]() for each in self.nets.get_inputs(slot)}
        return cast(DiscriminatorOutput, self.run(slot, image, domain_name=name, **required))

    def run(
        self, slot: str, *inputs: Any, domain_name: str | None = None, pair: tuple[str | None, str | None] = (None, None), **named: Any
    ) -> Any:
        """Call the network of a slot; record that every view that is being computed has passed through it.

        Args:
            slot: The slot.
            *inputs: The inputs of the network.
            domain_name: The domain, for a slot with one network per domain.
            pair: Source and target, for a slot with one network per pair.
            **named: Further inputs by name.
        """
        without_gradient = not self.requires_grad and self.nets.roles[slot] not in NON_TRANSLATOR_ROLES
        self.add_dependencies({slot}, {slot} if without_gradient else frozenset())
        net = self.nets.net(slot, domain_name, pair, translation=self.name)
        stream = self._make_stream_name(slot)
        get_noise_shape = getattr(net, "noise_shape", None)
        shape = get_noise_shape(*inputs) if callable(get_noise_shape) else None
        if shape is not None:
            named["noise"] = self.streams.normal(f"{stream}/noise", shape)
        seeded = self.streams.seed_torch(stream) if getattr(net, "stochastic", False) else nullcontext()
        with torch.no_grad() if without_gradient else nullcontext(), seeded:
            return net(*inputs, **named)

    def _make_stream_name(self, slot: str) -> str:
        """Return the name of the stream of a network that uses random numbers: its view, its slot, and the number of the call."""
        if not self._in_progress:
            return f"call/{slot}"
        found = self._in_progress[-1]
        found.calls[slot] += 1
        return f"{found.name}/{slot}" + (f"/{found.calls[slot]}" if found.calls[slot] > 1 else "")

    def holder(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> Translation | None:
        """Return the translation that holds an equal view of the same source or references, unless a network uses random numbers."""
        if self.same_source_as is not None and compute in (Translation.code, Translation.recon):
            slots = ("encoder",) if compute is Translation.code else ("encoder", "conditioner", "generator")
            return self.same_source_as if not self.nets.is_stochastic(slots) else None
        if self.same_reference_as is not None and compute is discriminator_output and arguments[0] == "reference":
            slot = arguments[1]
            return self.same_reference_as if not self.nets.is_stochastic((slot,)) and set(self.nets.get_inputs(slot)) <= {"label"} else None
        return None

    # -- draws

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Draw uniform random numbers [B, *shape] in [0, 1) from a named stream."""
        return self.streams.uniform(name, (self.rows, *shape))

    def normal(self, name: str, *shape: int) -> Tensor:
        """Draw standard normal random numbers [B, *shape] from a named stream."""
        return self.streams.normal(name, (self.rows, *shape))

    def _require(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            reader = f'Term "{self.term}"' if self.term else "A view"
            raise PlanError(
                f'{reader} requires {what}, but plan "{self.nets.plan}" sets none for translation "{self.name}". '
                f"Use another plan, or remove the term."
            )
        return tensor

    def close(self) -> None:
        """Drop all values and references to other translations, which frees the graphs now instead of at the next garbage collection."""
        self.forget(frozenset(self.nets.slots))
        self.reverse = self.same_source_as = self.same_reference_as = None

    def __repr__(self) -> str:
        return f"Translation({self.name}: {', '.join(self.list_computed()) or 'no views computed'})"


def discriminator_output(translation: Translation, view: Any, slot: str, has_gradient: bool, pool: Pool | None) -> DiscriminatorOutput:
    """Return a discriminator's output for a view. Without ``has_gradient``, images are detached; a pool replaces some by past fakes."""
    image, found = translation.compute_with_dependencies("image", lambda: translation.get_image(view))
    if not has_gradient:
        image = translation.read(pooled, view, pool) if pool is not None else image.detach()
        translation.add_dependencies(found.slots, found.slots)
    return translation.discriminate_image(image, view, slot)


@detached_after_update
def pooled(translation: Any, view: str = "fake", pool: Any = None) -> Tensor:
    """The images that a pool returns for the fakes: half of them are past fakes."""
    chance, place = translation.uniform("pool/chance"), translation.uniform("pool/place")
    return cast(Tensor, pool.exchange(translation.get_image(view).detach(), chance, place))
