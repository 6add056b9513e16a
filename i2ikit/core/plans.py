"""Plans: functions that make a list of translations from a batch.

A plugin defines its own plan as a component of role "plan", marked with its batch kind::

    @batch_kind("paired")
    def two_styles(nets, batch, streams, requires_grad, *, style=8): ...
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, get_args

import torch
from torch import Tensor

from i2ikit.core.batch_kinds import BATCH_KINDS, IMAGES, LABELLED, Batch, BatchKind, Route, find_batch_kind
from i2ikit.core.domain import DomainSpec
from i2ikit.core.label_permutation import check_permutation, draw_label_permutation
from i2ikit.core.nets import Nets
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.recipe import PYTHON
from i2ikit.core.style_draws import draw_mixing, draw_style
from i2ikit.core.translation import Translation
from i2ikit.errors import OptionError, PlanError, UnknownNameError, suggest

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry

Directions = Literal["both", "forward", "backward"]
PRIOR = "prior"  # sample styles of the same width as the encoder's


class Plan(Protocol):
    """The signature of a plan: networks, batch, random streams, whether gradients are computed; then its options by name."""

    def __call__(self, nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, **options: Any) -> list[Translation]: ...


F = TypeVar("F", bound=Callable[..., list[Translation]])


def batch_kind(kind: str | BatchKind, routes: Callable[..., Sequence[Route]] | None = None) -> Callable[[F], F]:
    """Mark a plan with the kind of its batches, and check each batch before the plan gets it.

    Args:
        kind: A bundled kind by name: "labelled" (image, label), "paired" (image, target), "unpaired" (images of each domain), "sampled"
            (image) or "images" (image); or a :class:`BatchKind`.
        routes: For batches with domains: a function of the domains' names and the plan's options that returns the pairs (source, target)
            of domains to translate. None means every ordered pair.

    Raises:
        UnknownNameError: There is no such batch kind.
    """
    found = find_batch_kind(kind)

    def mark(plan: F) -> F:
        @functools.wraps(plan)
        def plan_checked_batch(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, **options: Any) -> list[Translation]:
            found.check(batch, nets.plan_names[0] if len(nets.plan_names) == 1 else get_plan_name(plan), nets.domain)
            return plan(nets, batch, streams, requires_grad, **options)

        plan_checked_batch.batch_kind, plan_checked_batch.routes = found, routes  # type: ignore[attr-defined]
        return cast(F, plan_checked_batch)

    return mark


def get_plan_name(plan: object) -> str:
    """Return the name of a plan for messages."""
    return str(getattr(plan, "__name__", type(plan).__name__))


def find_routes(plan: Plan, names: Sequence[str], options: Mapping[str, Any]) -> tuple[Route, ...]:
    """Return the pairs (source, target) of domains that a plan translates, in its order; empty if its batches have no domains."""
    routes = getattr(plan, "routes", None)
    allowed = get_batch_kind(plan).list_routes(names)
    return tuple(routes(names, **options)) if routes is not None and allowed else allowed


@batch_kind("labelled")
def labelled(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0) -> list[Translation]:
    """Translate each ``image`` to the ``label`` of another row of the batch (StarGAN, section 3.1).

    Labels are permuted among rows with the same known label sets. The target label therefore has the same mask as the source label.

    Args:
        style: Width of the prior's styles; "prior" means that of the encoder's style, 0 means none. Allowed: 0 or more, "prior".
    """
    image, label = batch["image"], batch["label"]
    whole = streams.whole_batch.get("label", label)
    permutation = streams.find_replacement("perm")
    if permutation is not None:
        order = check_permutation(permutation, (len(label), len(whole)))
        target = label[order] if len(order) == len(label) else streams.share.take_rows(whole[order])
    else:
        target = streams.share.take_rows(whole[draw_label_permutation(whole, nets.domain, streams)])
    return [
        Translation(
            nets,
            streams,
            real=image,
            source_label=label,
            target_label=target,
            reference=image,
            reference_label=label,
            style=draw_style(nets, streams, len(image)),
            requires_grad=requires_grad,
        )
    ]


@batch_kind("paired")
def paired(
    nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0, domains: bool = False
) -> list[Translation]:
    """Translate each ``image`` towards its ``target`` image (pix2pix).

    Args:
        style: Width of the prior's styles; "prior" means that of the encoder's style, 0 means none. Allowed: 0 or more, "prior".
        domains: Whether the sources are of the first domain and the targets of the second, for recipes that also train on unpaired images.
    """
    image, target = batch["image"], batch["target"]
    names: dict[str, Any] = {}
    if domains:
        if len(nets.domain.names) < 2:
            raise PlanError('Plan "paired" with domains=True requires two domains. Name them, for example labels=("photo", "painting").')
        source, end = nets.domain.names[:2]
        labels = [one_hot(name, nets.domain, len(image), image) for name in (source, end)]
        names = {"source_name": source, "target_name": end, "source_label": labels[0], "target_label": labels[1]}
        names["reference_label"] = labels[1]
    return [
        Translation(
            nets,
            streams,
            real=image,
            target=target,
            reference=target,
            **names,
            style=draw_style(nets, streams, len(image)),
            requires_grad=requires_grad,
        )
    ]


def _list_routes(names: Sequence[str], *, directions: Directions = "both", **_: Any) -> list[Route]:
    if directions not in get_args(Directions):
        raise OptionError(f'Plan "unpaired" does not support directions={directions!r}. {suggest(str(directions), get_args(Directions))}')
    if directions == "both":
        return list(itertools.permutations(names, 2))
    return list(itertools.combinations(names if directions == "forward" else tuple(reversed(names)), 2))


@batch_kind("unpaired", routes=_list_routes)
def unpaired(
    nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0, directions: Directions = "both"
) -> list[Translation]:
    """Translate between every ordered pair of domains (CycleGAN, MUNIT), or in one direction only (SimGAN).

    Args:
        style: Width of the prior's styles; "prior" means that of the encoder's style, 0 means none. Allowed: 0 or more, "prior".
        directions: "both"; "forward": from each domain to the domains that are declared after it; or "backward": to the domains that are
            declared before it. With one direction only, translations have no ``reverse``.
    """
    names, images = nets.domain.names, batch[IMAGES]
    labels = {each: one_hot(each, nets.domain, len(images[each]), images[each]) for each in names}  # one object: translations share views
    translations: dict[tuple[str, str], Translation] = {}
    for source, target in _list_routes(names, directions=directions):
        name = f"{source}_to_{target}"
        rows = len(images[source])
        translations[source, target] = Translation(
            nets,
            streams,
            name=name,
            real=images[source],
            source_label=labels[source],
            target_label=one_hot(target, nets.domain, rows, images[source]),
            source_name=source,
            target_name=target,
            reference=images[target],
            reference_label=labels[target],
            style=draw_style(nets, streams, rows, name),
            requires_grad=requires_grad,
        )
    for (source, target), translation in translations.items():
        translation.reverse = translations.get((target, source))
    return list(translations.values())


@batch_kind("sampled")
def sampled(
    nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int = 512, mixing: float = 0.0
) -> list[Translation]:
    """Generate images from noise (StyleGAN). The batch contains the real images for the discriminator.

    Args:
        style: Width of the noise. Allowed: 1 or more.
        mixing: The share of the images that take the styles of their later layers from other noise (StyleGAN, section 3.1), in training. It
            requires a conditioner that returns one style vector per layer. Allowed: 0 to 1.
    """
    image = batch["image"]
    label = batch.get("label") if nets.domain.width else None  # labelled images serve a model without labels, too
    rows, is_mixed = len(image), mixing > 0 and nets.training
    return [
        Translation(
            nets,
            streams,
            target_label=label,
            reference=image,
            reference_label=label,
            style=draw_style(nets, streams, rows),
            second_style=draw_style(nets, streams, rows, stream="second_style") if is_mixed else None,
            mixing=draw_mixing(streams, rows, mixing) if is_mixed else None,
            requires_grad=requires_grad,
        )
    ]


@batch_kind("images")
def images(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0) -> list[Translation]:
    """Translate each ``image`` to itself: its own target, for inversion (pSp) and autoencoding.

    Args:
        style: Width of the prior's styles; "prior" means that of the encoder's style, 0 means none. Allowed: 0 or more, "prior".
    """
    image = batch["image"]
    return [
        Translation(
            nets,
            streams,
            real=image,
            target=image,
            reference=image,
            style=draw_style(nets, streams, len(image)),
            requires_grad=requires_grad,
        )
    ]


PLANS: dict[str, Callable[..., list[Translation]]] = {plan.__name__: plan for plan in (labelled, paired, unpaired, sampled, images)}


def find_plan(plan: str | Plan, registry: Registry) -> Plan:
    """Return the plan of a recipe: a plan of the core, a registered component, or the given function.

    Raises:
        UnknownNameError: There is no such plan.
        OptionError: The plan is a function without a batch kind.
    """
    if isinstance(plan, str) and plan.startswith(PYTHON):
        return _make_missing_plan(plan.removeprefix(PYTHON))
    if isinstance(plan, str) and plan in PLANS:
        return PLANS[plan]
    registered = [component.name for component in registry.components("plan")]
    if isinstance(plan, str) and plan.rpartition(":")[2] not in registered:
        raise UnknownNameError("plan", plan, dict.fromkeys([*PLANS, *registered]))
    found: Plan = registry.resolve(plan, "plan") if isinstance(plan, str) else plan
    if not isinstance(getattr(found, "batch_kind", None), BatchKind):
        name, kinds = getattr(plan, "__name__", plan), ", ".join(BATCH_KINDS)
        raise OptionError(f'Plan "{name}" has no batch kind. Mark it, for example with @batch_kind("labelled"). Available: {kinds}.')
    return found


def get_batch_kind(plan: Plan) -> BatchKind:
    """Return the batch kind of a plan; that of labelled batches for a plan that was not saved."""
    kind: BatchKind = getattr(plan, "batch_kind", LABELLED)
    return kind


def complete_plan_options(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a plan: the given values, and the defaults of all others.

    Raises:
        UnknownNameError: The plan has no such option.
    """
    parameters = inspect.signature(plan).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return dict(given)
    known = {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
    for name in given:
        if name not in known:
            raise UnknownNameError(f'option of plan "{getattr(plan, "__name__", plan)}"', name, known)
    return {**known, **given}


def _make_missing_plan(name: str) -> Plan:
    def plan(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, **options: Any) -> list[Translation]:
        raise PlanError(f'The plan of this model, the function "{name}", was not saved. Pass it again: build(RECIPE, plan=FUNCTION).')

    return plan


def one_hot(name: str, domain: DomainSpec, rows: int, like: Tensor) -> Tensor:
    """Return the label [rows, D] of one named domain."""
    entries = domain.encode({domain.attributes[0].name: name})
    return torch.tensor([entries], device=like.device, dtype=like.dtype).expand(rows, -1)
