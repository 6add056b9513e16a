"""The inputs of a translation: images, labels, names and styles that the plan gives it, and its random draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import torch
from torch import Tensor

from i2ikit.core.code import Code
from i2ikit.core.memo import Memo
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import PlanError

if TYPE_CHECKING:
    from i2ikit.core.nets import Nets

V = TypeVar("V")
Style = Tensor | Callable[[Any], Tensor] | None
"""A style [B, S] or [B, V, S], a view that computes one, or None."""


class Inputs(Memo):
    """The inputs of a translation.

    Attributes:
        name: A name that is unique within the batch, such as "a_to_b".
        real: The source images [B, C, H, W] in [-1, 1]; None if images are generated from noise.
        source_label, target_label: Labels [B, D]; None if there are no labels.
        source_name, target_name: Names of the domains, if the plan has named domains.
        reference: Real images of the target domain [B, C, H, W] in [-1, 1], with which discriminators compare; in a labelled batch, the
            source images.
        reference_label: The labels of ``reference`` [B, D].
        second_reference: Other real images of the target domain [B, C, H, W] in [-1, 1], with the labels ``reference_label``.
        target: The target images of a paired batch [B, C, H, W] in [-1, 1].
        style: A style [B, S] or [B, V, S] that replaces the style of the code: sampled from the prior, or computed by a view; or None.
        second_style: Another such style. The conditioned styles of both are mixed layer by layer (StyleGAN, section 3.1).
        mixing: For each image, the share of the layers that keep the first style [B], in [0, 1]; at least one layer keeps it.
        requires_grad: False in steps in which no player trains the translator; its networks then run without gradients.
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
        second_reference: Tensor | None = None,
        target: Tensor | None = None,
        style: Style = None,
        second_style: Style = None,
        mixing: Tensor | None = None,
        requires_grad: bool = True,
    ) -> None:
        super().__init__()
        self.nets, self.streams, self.name, self.requires_grad = nets, streams.for_translation(name), name, requires_grad
        self._real, self._reference, self._second_reference, self._target = real, reference, second_reference, target
        self._style, self._second_style, self.mixing = style, second_style, mixing
        self.source_label, self.target_label, self.reference_label = source_label, target_label, reference_label
        self.source_name, self.target_name = source_name, target_name
        self.plan_name = ""  # set if there are several plans
        self._parts: dict[int, Self] = {}

    def list_given_images(self) -> dict[str, Tensor]:
        """Return the images that the plan gave, by name."""
        given = {"real": self._real, "reference": self._reference, "second_reference": self._second_reference, "target": self._target}
        return {name: image for name, image in given.items() if image is not None}

    @property
    def real(self) -> Tensor:
        """The source images [B, C, H, W] in [-1, 1]."""
        return self._require(self._real, "source images")

    @property
    def reference(self) -> Tensor:
        """Real images of the target domain [B, C, H, W] in [-1, 1]."""
        return self._require(self._reference, "reference images")

    @property
    def second_reference(self) -> Tensor:
        """Other real images of the target domain [B, C, H, W] in [-1, 1]."""
        return self._require(self._second_reference, "a second reference image for each row")

    @property
    def target(self) -> Tensor:
        """The target images of a paired batch [B, C, H, W] in [-1, 1]."""
        return self._require(self._target, "target images")

    @property
    def style(self) -> Tensor:
        """The target style [B, S] or [B, V, S]: sampled from the prior, or computed by the view that the plan set."""
        return self._require(self._compute_style(self._style), "a style")

    @property
    def second_style(self) -> Tensor:
        """The style [B, S] or [B, V, S] with which the target style is mixed."""
        return self._require(self._compute_style(self._second_style), "a second style")

    def replace_style(self, style: Tensor) -> None:
        """Use another target style [B, S] or [B, V, S], and mix it with no second one. Nothing may have been computed yet."""
        self._style = style
        self.drop_second_style()

    def drop_second_style(self) -> None:
        """Mix the target style with no second one, as is done at inference. Nothing may have been computed yet."""
        self._second_style = self.mixing = None

    def _compute_style(self, style: Style) -> Tensor | None:
        return cast(Tensor, self.read(style)) if callable(style) else style

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

    def take_every(self, interval: int) -> Self:
        """Return the translation of a part of the images: every n-th one (path length regularisation uses half a batch).

        The same images are taken whether the batch is split into micro-batches of n-fold size or not. The views of the part are computed
        apart from those of the whole, and dropped with them.
        """
        part = self._parts.get(interval)
        if part is None:
            part = self._parts[interval] = self._make_part(interval)
        part.updating, part.term, part.trace, part.requires_grad = self.updating, self.term, self.trace, self.requires_grad
        return part

    def _make_part(self, interval: int) -> Self:
        def take(value: V) -> V:
            return cast(V, value[::interval]) if isinstance(value, Tensor) else value

        def take_style(style: Style) -> Style:
            return (lambda _: cast(Tensor, self.read(style))[::interval]) if callable(style) else take(style)

        part = type(self)(
            self.nets,
            self.streams,
            name=f"{self.name}[::{interval}]",
            real=take(self._real),
            source_label=take(self.source_label),
            target_label=take(self.target_label),
            source_name=self.source_name,
            target_name=self.target_name,
            reference=take(self._reference),
            reference_label=take(self.reference_label),
            second_reference=take(self._second_reference),
            target=take(self._target),
            style=take_style(self._style),
            second_style=take_style(self._second_style),
            mixing=take(self.mixing),
        )
        part.plan_name = self.plan_name
        part._in_progress = self._in_progress  # what a view of the whole reads from the part counts as its own dependencies
        return part

    def _drop_unless(self, is_valid: Callable[[Any], bool]) -> None:
        super()._drop_unless(is_valid)
        for part in self._parts.values():
            part._drop_unless(is_valid)

    def clear(self) -> None:
        """Drop all values, and the translations of a part of the images."""
        super().clear()
        self._parts.clear()

    # -- draws and means

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Draw uniform random numbers [B, *shape] in [0, 1) from a named stream."""
        return self.streams.uniform(name, (self.rows, *shape))

    def normal(self, name: str, *shape: int) -> Tensor:
        """Draw standard normal random numbers [B, *shape] from a named stream."""
        return self.streams.normal(name, (self.rows, *shape))

    def average_over_batch(self, values: Tensor, weigh: Callable[[Tensor], Tensor], label: Tensor) -> Tensor:
        """Return the mean of values, weighted by the labels, such as the mean over the images whose label is known.

        The weights are summed over the whole batch. The mean over equal micro-batches and processes of the result is therefore the mean
        over the whole batch, whatever share of the known images each of them has.

        Args:
            values: One value per image [B].
            weigh: Returns the weights [B] of labels [B, D].
            label: The labels [B, D] of the images: those of the source, of the target or of the references.
        """
        whole, count = self.streams.whole_batch.get("label", label), self.streams.share.count
        if len(whole) != len(label) * count:
            whole, count = label, 1
        return (values * weigh(label)).sum() * count / weigh(whole.to(label.dtype)).sum().clamp(min=1)

    def mix_styles(self, first: Code, second: Code) -> Code:
        """Return the first code with the styles of the second one in the layers that :attr:`mixing` gives to it.

        Raises:
            PlanError: The codes do not have one style vector per layer, [B, V, S].
        """
        one, other = first.style, second.style
        if one is None or other is None or one.ndim != 3 or self.mixing is None:
            found = "no style" if one is None else f"a style of shape {list(one.shape)}" if one.ndim != 3 else "no mixing="
            raise PlanError(
                f'Translation "{self.name}" mixes two styles layer by layer, which requires one style vector per layer, [B, V, S]; '
                f"found {found}. Use a conditioner that returns such styles, or turn the mixing off: mixing=0."
            )
        kept = 1 + (self.mixing * (one.shape[1] - 1)).floor()
        layers = torch.arange(one.shape[1], device=one.device)
        return first._replace(style=one.where((layers < kept[:, None])[:, :, None], other))

    # -- errors

    @property
    def reader(self) -> str:
        """What reads this translation now, for messages."""
        return f'Term "{self.term}"' if self.term else "A view"

    def _require(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            raise PlanError(
                f'{self.reader} requires {what}, but plan "{self.nets.plan}" sets none for translation "{self.name}". '
                f"Use another plan, or remove the term."
            )
        return tensor

    def make_missing_encoder_error(self, slot: str) -> PlanError:
        """Return the error for a model that has no such encoder."""
        return PlanError(f'The model has no slot "{slot}" and cannot encode images; plan "{self.nets.plan}" generates without it.')
