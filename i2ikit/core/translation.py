"""The translation of one batch of images from source to target and back.

A view is a function of a translation. It is computed once, when it is first read. ``t.fake`` is short for ``t[Translation.fake]``; a
plugin's view ``def patches(t)`` is read as ``t[patches]``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor

from i2ikit.core.calls import Call, check_output, is_plain, run_network
from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.inputs import Inputs
from i2ikit.core.memo import Entry, detached_after_update, view
from i2ikit.core.nets import NON_TRANSLATOR_ROLES
from i2ikit.core.taps import SOURCE_IMAGES, tapped_maps

__all__ = ["Translation", "detached_after_update", "view"]

if TYPE_CHECKING:
    from i2ikit.core.pool import Pool

T = TypeVar("T")
View = str | Callable[["Translation"], Any]

REAL_IMAGES = ("reference", "second_reference", "real", "target")  # views with images of the data set


class Translation(Inputs):
    """A batch of source images, their target, and all that the networks compute from them.

    Its inputs are those of :class:`i2ikit.core.inputs.Inputs`; everything below is a view or calls a network.

    Attributes:
        reverse: The translation of the reference images to the source domain, if the plan makes one.
        pools: Pools of past fakes by view, which the current discriminator sees instead of new fakes.
    """

    def __init__(self, *arguments: Any, **inputs: Any) -> None:
        super().__init__(*arguments, **inputs)
        self.reverse: Translation | None = None
        self.pools: dict[str, Pool] = {}
        self._taps: tuple[str, list[Tensor]] | None = None  # the slot whose feature taps are read, and their maps so far

    # -- the views of the core

    @view
    def code(self) -> Code:
        """The code of the source images."""
        return self.encode(self.real, self.source_label, self.source_name)

    @view
    def conditioned(self) -> Code:
        """The code of the source images with the target style, conditioned on the target: what the generator takes to make the fake."""
        names = self.source_name, self.target_name
        code = self.with_target_style(self.code if self._real is not None else Code())
        conditioned = self.condition(code, self.target_label, *names)
        if self._second_style is None:
            return conditioned
        return self.mix_styles(conditioned, self.condition(code._replace(style=self.second_style), self.target_label, *names))

    conditioned.stream_name = "fake"  # as before this view existed

    @detached_after_update
    def fake(self) -> Tensor:
        """The translated images [B, C, H, W] in [-1, 1]."""
        return self.generate(self.conditioned, self.source_name, self.target_name)

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
        """The translated images, translated back to the source [B, C, H, W].

        If the plan gives the fake a style, the way back has the style of the source: that of its code, or else the given one. In all other
        cases, and if the code has no maps, the way back has the style of the translated images: with the style of the source, the source
        could be generated without the translated images.
        """
        code = self.recode
        if self._style is not None and code.maps:
            style = self.code.style
            code = code._replace(style=self.style if style is None else style)
        return self.decode(code, self.source_label, self.target_name, self.source_name)

    @view
    def identity(self) -> Tensor:
        """Real images of the target domain, translated to the target [B, C, H, W]; the identity loss compares them with ``reference``."""
        code = self.encode(self.reference, self.target_label, self.target_name)
        return self.decode(code, self.target_label, self.source_name, self.target_name)

    # -- the networks

    def encode(self, image: Tensor, label: Tensor | None, name: str | None, *, slot: str = "encoder", frozen: bool = False) -> Code:
        """Return the code of images [B, C, H, W] with labels [B, D] or None, of the domain ``name``.

        Args:
            image: The images.
            label: Their labels.
            name: Their domain.
            slot: The slot of the encoder.
            frozen: Whether the encoder is used without gradients of its weights; the images get theirs.

        Raises:
            PlanError: The model has no such encoder.
        """
        if slot not in self.nets.slots:
            raise self.make_missing_encoder_error(slot)
        return cast(Code, self.run(slot, image, label, domain_name=name, frozen=frozen))

    def condition(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Code:
        """Return the code, conditioned on the target; unchanged if the model has no conditioner."""
        if "conditioner" not in self.nets.slots:
            return code
        return cast(Code, self.run("conditioner", code, label, domain_name=target_name, pair=(source_name, target_name)))

    def generate(self, code: Code, source_name: str | None = None, target_name: str | None = None) -> Tensor:
        """Return the images [B, C, H, W] in [-1, 1] that the generator makes from a conditioned code."""
        return cast(Tensor, self.run("generator", code, domain_name=target_name, pair=(source_name, target_name)))

    def decode(self, code: Code, label: Tensor | None, source_name: str | None = None, target_name: str | None = None) -> Tensor:
        """Condition a code on the target and return the generated images [B, C, H, W] in [-1, 1]."""
        return self.generate(self.condition(code, label, source_name, target_name), source_name, target_name)

    def with_target_style(self, code: Code) -> Code:
        """Return the code with the target style; unchanged if the plan set no style."""
        return code if self._style is None else code._replace(style=self.style)

    def discriminate(self, view: View = "fake", slot: str = "discriminator") -> DiscriminatorOutput:
        """Return a discriminator's output for images: a view ("fake", "cycle", one of a plugin) or real ("reference", "real", "target").

        The images are detached unless the current turn trains the networks that made them.

        Args:
            view: The images, by the name of their view or as the view; a code, for a discriminator of codes.
            slot: The slot of the discriminator.
        """
        view = self._name_view(view)
        has_gradient = self.updating is None or bool(self.updating & self._find_image(view).slots)
        pool = None if has_gradient or not isinstance(view, str) else self.pools.get(view)
        return cast(DiscriminatorOutput, self.read(discriminator_output, view, slot, has_gradient, pool))

    def get_image(self, view: View) -> Tensor:
        """Return images by the name of their view, or by the view."""
        return cast(Tensor, getattr(self, view) if isinstance(view, str) else self[view])

    def _name_view(self, image: View) -> View:
        """Return the name of a view of the core, by which label, domain and pool are chosen; any other view as it is."""
        name = getattr(image, "__name__", "")
        return name if name and getattr(type(self), name, None) is image else image

    def _find_image(self, name: View) -> Entry:
        """Return images with the slots that they have passed through."""
        if not isinstance(name, str):
            return self._read(name)
        declared = getattr(type(self), name, None)
        return self._read(declared) if isinstance(declared, view) else Entry(getattr(self, name), frozenset(), frozenset())

    def discriminate_image(self, image: Tensor, view: View = "fake", slot: str = "discriminator") -> DiscriminatorOutput:
        """Return a discriminator's output for any images, with the further inputs of ``view``; penalties score interpolations."""
        view = self._name_view(view)
        is_source, is_real = view in SOURCE_IMAGES, view in REAL_IMAGES
        label = self.source_label if is_source else self.reference_label if view in REAL_IMAGES[:2] else self.target_label
        name = self.source_name if is_source else self.target_name
        required: dict[str, Any] = {}
        for each in self.nets.get_inputs(slot):
            if each == "source":
                required[each] = self.real
            elif each == "label":
                required[each] = label
            elif is_real:
                required[each] = self.encode(image, label, name)
            else:
                required[each] = self.with_target_style(self.code if self._real is not None else Code())
        return cast(DiscriminatorOutput, self.run(slot, image, domain_name=name, is_real=is_real, **required))

    def tap(self, slot: str, view: View) -> tuple[Tensor, ...]:
        """Return the maps of the feature taps of a slot (wrapper "feature_taps") for images, each [B, C, H, W].

        Args:
            slot: The slot of a generator, an encoder or a discriminator.
            view: The images that enter it, by the name of their view or as the view. For a generator they are encoded and conditioned
                first, and translated to the target.

        Raises:
            PlanError: The slot has no feature taps.
            UnknownNameError: There is no such slot.
        """
        maps: tuple[Tensor, ...] = self.read(tapped_maps, slot, self._name_view(view))
        return maps

    def run(
        self,
        slot: str,
        *inputs: Any,
        domain_name: str | None = None,
        pair: tuple[str | None, str | None] = (None, None),
        frozen: bool = False,
        is_real: bool | None = None,
        **named: Any,
    ) -> Any:
        """Call the network of a slot; record that every view that is being computed has passed through it.

        Args:
            slot: The slot.
            *inputs: The inputs of the network.
            domain_name: The domain, for a slot with one network per domain.
            pair: Source and target, for a slot with one network per pair.
            frozen: Whether the weights of the network get no gradient from this call.
            is_real: Whether the images are real; None if that has no meaning. Wrappers of the network may depend on it.
            **named: Further inputs by name.
        """
        nets = self.nets
        without_gradient = not self.requires_grad and nets.roles[slot] not in NON_TRANSLATOR_ROLES
        self.add_dependencies({slot}, {slot} if without_gradient else frozenset())
        net = nets.net(slot, domain_name, pair, translation=self.name)
        wrappers = nets.get_wrappers(slot, domain_name, pair)
        stream = self._make_stream_name(slot)
        with torch.no_grad() if without_gradient else nets.freeze_weights(slot) if frozen else nullcontext():
            if not wrappers and is_plain(net):
                output = net(*inputs, **named)
            else:
                taps = self._taps[1] if self._taps is not None and self._taps[0] == slot else None
                output = run_network(net, Call(slot, stream, self.streams, is_real, taps), wrappers, inputs, named)
        if nets.calls is not None:  # a rehearsal
            check_output(output, nets.roles[slot], slot)
        return output

    def _make_stream_name(self, slot: str) -> str:
        """Return the name of the stream of a network that uses random numbers: its view, its slot, and the number of the call."""
        if not self._in_progress:
            return f"call/{slot}"
        found = self._in_progress[-1]
        found.calls[slot] += 1
        return f"{found.name}/{slot}" + (f"/{found.calls[slot]}" if found.calls[slot] > 1 else "")

    def make_shared_key(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return the source or the references that a view alone depends on, unless one of its networks draws or is wrapped."""
        nets = self.nets
        if compute is CODE or compute is RECON:
            slots: tuple[str, ...] = ("encoder",) if compute is CODE else ("encoder", "conditioner", "generator")
            key = id(self._real), self.source_name, id(self.source_label)
        elif compute is discriminator_output and arguments[0] == "reference" and set(nets.get_inputs(arguments[1])) <= {"label"}:
            slots = (arguments[1],)
            key = id(self._reference), self.target_name, id(self.reference_label)
        else:
            return None
        return None if nets.is_stochastic(slots) or not nets.wrapped.isdisjoint(slots) else key

    def close(self) -> None:
        """Drop all values and references to other translations, which frees the graphs now instead of at the next garbage collection."""
        self.clear()
        self.reverse = self._shared = None

    def __repr__(self) -> str:
        return f"Translation({self.name}: {', '.join(self.list_computed()) or 'no views computed'})"


CODE, RECON = Translation.code, Translation.recon


def discriminator_output(translation: Translation, view: Any, slot: str, has_gradient: bool, pool: Pool | None) -> DiscriminatorOutput:
    """Return a discriminator's output for a view. Without ``has_gradient``, images are detached; a pool replaces some by past fakes."""
    image, slots, _ = translation._find_image(view)
    if not has_gradient:
        image = translation.read(pooled, view, pool) if pool is not None else detach(image)
        translation.add_dependencies(slots, slots)
    return translation.discriminate_image(image, view, slot)


def detach(value: T) -> T:
    """Return a tensor, or a tuple of tensors such as a code, without its graph."""
    if isinstance(value, Tensor):
        return cast(T, value.detach())
    if isinstance(value, tuple):
        parts = [detach(each) for each in value]
        return cast(T, type(value)(*parts) if hasattr(value, "_fields") else tuple(parts))
    return value


@detached_after_update
def pooled(translation: Any, view: str = "fake", pool: Any = None) -> Tensor:
    """The images that a pool returns for the fakes: half of them are past fakes."""
    chance, place = translation.uniform("pool/chance"), translation.uniform("pool/place")
    return cast(Tensor, pool.exchange(translation.get_image(view).detach(), chance, place))
