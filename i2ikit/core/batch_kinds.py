"""Batch kinds: what a batch of a plan holds, and what a model can therefore do.

A plugin makes a kind of its own and gives it to its plan; nothing is registered::

    HOLES = BatchKind("holes", "images in which the plan cuts holes")

    @batch_kind(HOLES)
    def fill_holes(nets, batch, streams, requires_grad): ...
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.specs import ImageSpec
from i2ikit.core.validators import boolean, function, one_of, text, whole_number
from i2ikit.errors import OptionError, PlanError, UnknownNameError

Batch = Mapping[str, Any]
Route = tuple[str, str]  # source domain, target domain
Labels = Literal["required", "optional", "none"]
IMAGES = "images"  # the entry of a batch with the images of each domain, {"images": {domain: tensor}}


@frozen
class BatchKind:
    """What a batch holds. Everything that depends on the form of the batches asks this object.

    Attributes:
        name: The name in messages.
        description: What a batch holds, in one line.
        source: Whether translations start from source images. If not, images are generated from noise, and the images of a batch are only
            real images to compare with.
        target: Whether each source image has its true translation, ``batch["target"]``.
        label: Whether there is ``batch["label"]`` [B, D]: "required", "optional" (only if labels are declared) or "none".
        domains: Whether a batch has one set of images for each domain, ``{"images": {domain: tensor}}``, instead of ``batch["image"]``.
        references: The number of further images for each image, 0 to 2: ``batch["reference"]`` and ``batch["second_reference"]``, which
            are images of one other label, ``batch["reference_label"]``.
        data: How the files of such a batch are arranged: "labelled", "unpaired", "paired" or "images". The default follows from the
            other attributes.
        make_source: A function of images [B, C, H, W] and random streams that makes source images from images that are their own targets,
            for example by cutting holes into them. The plan calls it in training; sample grids and evaluations call it, too. None means
            that the source images are the images.
    """

    name: str = field(validator=text)
    description: str = field(default="", validator=text)
    source: bool = field(default=True, validator=boolean, kw_only=True)
    target: bool = field(default=False, validator=boolean, kw_only=True)
    label: Labels = field(default="none", validator=one_of("required", "optional", "none"), kw_only=True)
    domains: bool = field(default=False, validator=boolean, kw_only=True)
    references: int = field(default=0, validator=whole_number(0), kw_only=True)
    data: str = field(default="", validator=text, kw_only=True)
    make_source: Callable[[Tensor, RandomStreams], Tensor] | None = field(default=None, validator=function, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.references > 2:
            raise OptionError(f'Batch kind "{self.name}" has references={self.references}. Use 0, 1 or 2.')
        if self.domains and (self.target or self.label != "none" or self.references):
            raise OptionError(
                f'Batch kind "{self.name}" has one set of images for each domain, and target=, label= or references=. Leave these out: '
                "the domain of an image is its label."
            )
        if not self.data:
            object.__setattr__(self, "data", self._arrange_data())

    def __str__(self) -> str:
        return self.name

    def _arrange_data(self) -> str:
        if self.domains:
            return "unpaired"
        return "paired" if self.target else "images" if self.label == "none" and not self.references else "labelled"

    @property
    def is_own_target(self) -> bool:
        """Whether the only thing known of a source image is the image itself: it is what a translation should look like."""
        return self.source and not (self.target or self.domains or self.label == "required")

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries that every batch has."""
        if self.domains:
            return (IMAGES,)
        labels = ("label",) if self.label == "required" else ()
        references = ("reference", "second_reference")[: self.references] + (("reference_label",) if self.references and labels else ())
        return ("image", *(("target",) if self.target else ()), *labels, *references)

    def make_sources(self, images: Tensor, names: Sequence[str]) -> Tensor:
        """Return the source images [B, C, H, W] of images. Each depends only on its image and its name, such as that of its file."""
        if self.make_source is None:
            return images
        streams = [RandomStreams(("source", name), device=images.device, dtype=images.dtype) for name in names]
        return torch.cat([self.make_source(image[None], each) for image, each in zip(images, streams, strict=True)])

    def has_labels(self, domain: DomainSpec) -> bool:
        """Return whether batches for these label sets have labels."""
        return self.label == "required" or (self.label == "optional" and domain.width > 0)

    def list_routes(self, names: Sequence[str]) -> tuple[Route, ...]:
        """Return the pairs (source, target) of domains between which images can be translated: every ordered pair, or none."""
        return tuple(itertools.permutations(names, 2)) if self.source and self.domains else ()

    def make_example(
        self, image: ImageSpec, source: ImageSpec, domain: DomainSpec, rows: int, seed: int, device: torch.device
    ) -> dict[str, Any]:
        """Return a batch of random data.

        Args:
            image: Size and channels of the generated images.
            source: Size and channels of the source images.
            domain: The label sets.
            rows: The number of images in the batch.
            seed: Seed of the random data.
            device: Device of the batch; on the meta device there are no values.

        Raises:
            OptionError: ``rows`` is less than 1.
            PlanError: The batch kind requires labels or domains, and none are declared.
        """
        if rows < 1:
            raise OptionError(f"A batch must have 1 or more rows; found rows={rows}.")
        generator = None if device.type == "meta" else torch.Generator("cpu").manual_seed(seed)

        def make_images(spec: ImageSpec = image) -> Tensor:
            size = (rows, spec.channels, spec.height, spec.width)
            if generator is None:
                return torch.empty(size, device=device)
            values = torch.rand(size, generator=generator) * 2 - 1
            return (values if spec.is_picture else _make_map(values, spec)).to(device)

        def make_labels(first: int) -> Tensor:
            return torch.tensor([_make_label(domain, first + row) for row in range(rows)]).to(device)

        if self.domains:
            if len(domain.names) < 2:
                raise PlanError(f'{self._title} batches require two or more domains. Name them: build(..., labels=("photo", "monet")).')
            return {IMAGES: {name: make_images() for name in domain.names}}
        if self.label == "required" and not domain.width:
            raise PlanError(f'{self._title} batches require labels. Declare them: build(..., labels={{"hair": ("black", "blond")}}).')
        batch: dict[str, Any] = {"image": make_images(source if self.source else image)}
        if self.target:
            batch["target"] = make_images()
        if self.has_labels(domain):
            batch["label"] = make_labels(seed)
        for name in ("reference", "second_reference")[: self.references]:
            batch[name] = make_images()
        if self.references and self.has_labels(domain):
            batch["reference_label"] = make_labels(seed + 1)
        return batch

    @property
    def _title(self) -> str:
        return self.name[:1].upper() + self.name[1:]

    def check(self, batch: Batch, plan: str, domain: DomainSpec) -> None:
        """Check that a batch has what this kind promises.

        Args:
            batch: The batch.
            plan: The name of the plan, for the message.
            domain: The label sets.

        Raises:
            PlanError: An entry is missing or no tensor, a label has another width, or there are fewer than two domains.
        """
        if self.domains and len(domain.names) < 2:
            raise PlanError(f'Plan "{plan}" requires two or more domains. Name them: build(..., labels=("photo", "monet")).')
        for entry in self.entries:
            if entry not in batch:
                raise PlanError(
                    f'Plan "{plan}" requires batch["{entry}"]; this batch has: {_list_entries(batch)}.{self._hint(batch, domain)}'
                )
            if entry != IMAGES:
                _check_tensor(batch[entry], f'batch["{entry}"]', plan)
        if self.domains:
            self._check_domains(batch[IMAGES], plan, domain)
        for entry in ("label", "reference_label"):
            if self.has_labels(domain) and entry in batch:
                _check_label(batch[entry], entry, domain)

    def _check_domains(self, images: Any, plan: str, domain: DomainSpec) -> None:
        if not isinstance(images, Mapping):
            raise PlanError(f'Plan "{plan}" requires batch["images"] by domain, {_show_images(domain)}; found {type(images).__name__}.')
        for name in domain.names:
            if name not in images:
                raise PlanError(f'Plan "{plan}" requires batch["images"]["{name}"], the images of that domain; found: {_join(images)}.')
            _check_tensor(images[name], f'batch["images"]["{name}"]', plan)

    def _hint(self, batch: Batch, domain: DomainSpec) -> str:
        """Return what a wrong batch looks like, for the message."""
        if self.domains and not set(domain.names).isdisjoint(batch):
            return f" Put the images of all domains into one entry: {_show_images(domain)}."
        found = {name for name, value in batch.items() if isinstance(value, (Tensor, Mapping))}
        alike = [kind for kind in BATCH_KINDS.values() if found == set(kind.entries) and found != {"image"}]
        return f" It is a {alike[0]} batch." if alike and alike[0] != self else ""


def _check_tensor(value: Any, entry: str, plan: str) -> None:
    if not isinstance(value, Tensor):
        raise PlanError(f'Plan "{plan}" requires a tensor as {entry}; found {type(value).__name__}.')


def _check_label(label: Tensor, entry: str, domain: DomainSpec) -> None:
    if label.ndim != 2 or label.shape[1] != domain.width:
        raise PlanError(
            f'batch["{entry}"] has the shape {list(label.shape)}; expected [B, {domain.width}] with the entries '
            f"{', '.join(domain.entries)}. Encode each row with model.domain.encode(row)."
        )


def _list_entries(batch: Batch) -> str:
    return _join([name for name, value in batch.items() if isinstance(value, Tensor) or name == IMAGES])


def _join(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"


def _show_images(domain: DomainSpec) -> str:
    """Return the right form of the images of domains."""
    domains = ", ".join(f'"{name}": tensor' for name in domain.names)
    return f'{{"images": {{{domains}}}}}'


def _make_map(values: Tensor, spec: ImageSpec) -> Tensor:
    """Return the planes of a random map: one class for each pixel, or numbers of instances."""
    if spec.content == "label_map":
        return values.eq(values.amax(1, keepdim=True)).to(values)
    return (values * 4).round().abs()


def _make_label(domain: DomainSpec, index: int) -> list[float]:
    values = {each.name: each.choices[(index + position) % len(each.choices)] for position, each in enumerate(domain.attributes)}
    return domain.encode(values)


def map_tensors(batch: Batch, function: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """Return a batch, in which a function has replaced each tensor, also those of domains. Other entries stay."""

    def replace(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: replace(each) for name, each in value.items()}
        return function(value) if isinstance(value, Tensor) else value

    return {name: replace(value) for name, value in batch.items()}


def list_tensors(batch: Batch) -> list[Tensor]:
    """Return all tensors of a batch, also those of domains."""
    found: list[Tensor] = []
    map_tensors(batch, lambda tensor: found.append(tensor) or tensor)  # type: ignore[func-returns-value]
    return found


LABELLED = BatchKind("labelled", "images with labels", label="required")
PAIRED = BatchKind("paired", "source images with their true target images", target=True)
UNPAIRED = BatchKind("unpaired", "one set of images for each domain", domains=True)
SAMPLED = BatchKind("sampled", "real images, for fakes that are generated from noise", source=False, label="optional")
OWN_TARGETS = BatchKind("images", "images that are their own targets")

BATCH_KINDS: dict[str, BatchKind] = {kind.name: kind for kind in (LABELLED, PAIRED, UNPAIRED, SAMPLED, OWN_TARGETS)}
"""The bundled batch kinds by name."""


def find_batch_kind(kind: str | BatchKind) -> BatchKind:
    """Return a batch kind: a bundled one by its name, or the given object.

    Raises:
        UnknownNameError: There is no bundled batch kind of that name.
    """
    if isinstance(kind, BatchKind):
        return kind
    if kind not in BATCH_KINDS:
        raise UnknownNameError("batch kind", kind, BATCH_KINDS)
    return BATCH_KINDS[kind]
