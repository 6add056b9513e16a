"""Plans: what a batch means. Each is a function from a batch to a list of translations.

A plugin brings its own as a component of role "plan", marked with its batch kind::

    @batch_kind("paired")
    def two_styles(nets, batch, streams, requires_grad, *, style=8): ...
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args

import torch
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.nets import Nets
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.recipe import PYTHON
from i2ikit.core.translation import Translation
from i2ikit.errors import OptionError, PlanError, UnknownNameError, suggest

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry

Batch = Mapping[str, Any]
Route = tuple[str, str]  # from one domain to another
Directions = Literal["both", "forward", "backward"]
BATCH_KINDS = ("labelled", "paired", "unpaired", "sampled")
PRIOR = "prior"  # draw as many numbers as the encoder's style has


class Plan(Protocol):
    """The signature of a plan; what follows ``requires_grad`` are its options."""

    def __call__(self, nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, **options: Any) -> list[Translation]: ...


F = TypeVar("F", bound=Callable[..., list[Translation]])


def batch_kind(kind: str, routes: Callable[..., Sequence[Route]] | None = None) -> Callable[[F], F]:
    """Mark a plan with the kind of batch that it takes.

    Args:
        kind: "labelled" (image, label), "paired" (image, target), "unpaired" (one image batch a domain) or "sampled" (image).
        routes: Which domains a plan for unpaired batches translates to which, as a function of the domains' names and the plan's options;
            every domain to every other one where None.
    """
    if kind not in BATCH_KINDS:
        raise UnknownNameError("kind of batch", kind, BATCH_KINDS)

    def mark(plan: F) -> F:
        plan.batch_kind, plan.routes = kind, routes  # type: ignore[attr-defined]
        return plan

    return mark


def find_routes(plan: Plan, names: Sequence[str], options: Mapping[str, Any]) -> tuple[Route, ...]:
    """Return which domains a plan translates to which, in its order; none where it does not take unpaired batches."""
    if get_batch_kind(plan) != "unpaired":
        return ()
    routes = getattr(plan, "routes", None)
    return tuple(itertools.permutations(names, 2)) if routes is None else tuple(routes(names, **options))


@batch_kind("labelled")
def labelled(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0) -> list[Translation]:
    """Translate each image to the label of another row (StarGAN, section 3.1).

    Labels are exchanged among rows that know the same label sets, so that a target never claims to know more than the source.

    Args:
        style: Width of a style drawn from the prior; "prior" means that of the encoder's style, 0 draws none.
    """
    image, label = _of(batch, "image", "labelled"), _of(batch, "label", "labelled")
    _fits(label, nets.domain)
    given = streams.replaced("perm")
    if given is not None:
        whole = streams.whole.get("label", label)
        order = given.long()
        target = label[order] if len(order) == len(label) else streams.share.of(whole[order])
    else:
        whole = streams.whole.get("label", label)
        target = streams.share.of(whole[permute_labels(whole, nets.domain, streams)])
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
def paired(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0) -> list[Translation]:
    """Translate each image to its true target (pix2pix).

    Args:
        style: Width of a style drawn from the prior; "prior" means that of the encoder's style, 0 draws none.
    """
    image, target = _of(batch, "image", "paired"), _of(batch, "target", "paired")
    return [
        Translation(
            nets,
            streams,
            real=image,
            target=target,
            reference=target,
            style=draw_style(nets, streams, len(image)),
            requires_grad=requires_grad,
        )
    ]


def _list_routes(names: Sequence[str], *, directions: Directions = "both", **_: Any) -> list[Route]:
    if directions not in get_args(Directions):
        raise OptionError(f'Plan "unpaired" has no directions={directions!r}. {suggest(str(directions), get_args(Directions))}')
    if directions == "both":
        return list(itertools.permutations(names, 2))
    return list(itertools.combinations(names if directions == "forward" else tuple(reversed(names)), 2))


@batch_kind("unpaired", routes=_list_routes)
def unpaired(
    nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int | str = 0, directions: Directions = "both"
) -> list[Translation]:
    """Translate between every ordered pair of domains (CycleGAN, MUNIT), or one way alone (SimGAN).

    Args:
        style: Width of a style drawn from the prior for each translation; "prior" means that of the encoder's style, 0 draws none.
        directions: "both" directions between any two domains; or "forward", from a domain to those that are declared after it; or "backward", to
            those that are declared before it. A translation that goes one way alone has no reverse.
    """
    names = nets.domain.names
    if len(names) < 2:
        raise PlanError('Plan "unpaired" needs two or more domains. Declare them: build(..., labels=("photo", "monet")).')
    images = {name: _of(batch, name, "unpaired") for name in names}
    made: dict[tuple[str, str], Translation] = {}
    for source, target in _list_routes(names, directions=directions):
        name = f"{source}_to_{target}"
        rows = len(images[source])
        made[source, target] = Translation(
            nets,
            streams,
            name=name,
            real=images[source],
            source_label=one_hot(source, nets.domain, rows, images[source]),
            target_label=one_hot(target, nets.domain, rows, images[source]),
            source_name=source,
            target_name=target,
            reference=images[target],
            reference_label=one_hot(target, nets.domain, len(images[target]), images[target]),
            style=draw_style(nets, streams, rows, name),
            requires_grad=requires_grad,
        )
    by_source: dict[str, Translation] = {}
    by_reference: dict[str, Translation] = {}
    for (source, target), translation in made.items():
        translation.reverse = made.get((target, source))
        translation.same_source_as, translation.same_reference_as = by_source.get(source), by_reference.get(target)
        by_source.setdefault(source, translation)
        by_reference.setdefault(target, translation)
    return list(made.values())


@batch_kind("sampled")
def sampled(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, *, style: int = 512) -> list[Translation]:
    """Draw images from noise; the batch's images are what discriminators compare with (StyleGAN).

    Args:
        style: Width of the noise.
    """
    image = _of(batch, "image", "sampled")
    label = batch.get("label")
    return [
        Translation(
            nets,
            streams,
            target_label=label,
            reference=image,
            reference_label=label,
            style=draw_style(nets, streams, len(image)),
            requires_grad=requires_grad,
        )
    ]


PLANS: dict[str, Callable[..., list[Translation]]] = {"labelled": labelled, "paired": paired, "unpaired": unpaired, "sampled": sampled}


def find_plan(plan: str | Plan, registry: Registry) -> Plan:
    """Return the plan of a recipe: a core plan, a registered component, or the function itself.

    Raises:
        UnknownNameError: There is no such plan.
        OptionError: A function that does not say which batches it takes.
    """
    if isinstance(plan, str) and plan.startswith(PYTHON):
        return _lost(plan.removeprefix(PYTHON))
    if isinstance(plan, str) and plan in PLANS:
        return PLANS[plan]
    registered = [component.name for component in registry.components("plan")]
    if isinstance(plan, str) and plan.rpartition(":")[2] not in registered:
        raise UnknownNameError("plan", plan, [*PLANS, *registered])
    found: Plan = registry.resolve(plan, "plan") if isinstance(plan, str) else plan
    if getattr(found, "batch_kind", None) not in BATCH_KINDS:
        raise OptionError(
            f'Plan "{plan}" does not say which batches it takes. Mark it: @batch_kind("labelled"), or one of {", ".join(BATCH_KINDS)}.'
        )
    return found


def get_batch_kind(plan: Plan) -> str:
    """Return the batch kind of a plan."""
    return str(getattr(plan, "batch_kind", "labelled"))


def complete_plan_options(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a plan, with their defaults where they are not given.

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


def draw_style(nets: Nets, streams: RandomStreams, rows: int, name: str = "translation", stream: str = "style") -> Tensor | None:
    """Draw a style [rows, S] or [rows, V, S] for the translation ``name``; None where the plan's option ``style`` is 0."""
    return streams.within(name).normal(stream, (rows, *nets.style.shape)) if nets.style else None


def _lost(name: str) -> Plan:
    def plan(nets: Nets, batch: Batch, streams: RandomStreams, requires_grad: bool, **options: Any) -> list[Translation]:
        raise PlanError(
            f'This model was trained with the plan function "{name}", which a file cannot hold. Give it again: build(recipe, plan=...).'
        )

    return plan


def permute_labels(label: Tensor, domain: DomainSpec, streams: RandomStreams) -> Tensor:
    """Return a random permutation [B] that moves rows only among those of equal mask."""
    share_all = RandomStreams(streams.path, streams.given, player=streams.player, device=streams.device)
    keys = share_all.uniform("perm", (len(label),))
    if not domain.masked:
        return keys.argsort()
    weights = torch.tensor([2**index for index in range(len(domain.sets))], device=label.device)
    group = ((label[:, domain.content :] > 0.5).long() * weights).sum(1)
    return _within_groups(group, keys)


def _within_groups(group: Tensor, keys: Tensor) -> Tensor:
    by_key = keys.argsort()
    shuffled = by_key[group[by_key].argsort(stable=True)]  # sorted by group, in random order within each
    in_place = group.argsort(stable=True)  # sorted by group, in the batch's order within each
    return torch.empty_like(in_place).scatter_(0, in_place, shuffled)


def one_hot(name: str, domain: DomainSpec, rows: int, like: Tensor) -> Tensor:
    """Return the label [B, D] of one named domain."""
    entries = domain.encode({domain.attributes[0].name: name})
    return torch.tensor([entries], device=like.device, dtype=like.dtype).expand(rows, -1)


def _of(batch: Batch, key: str, plan: str) -> Tensor:
    if key not in batch:
        held = ", ".join(name for name, value in batch.items() if isinstance(value, Tensor)) or "nothing"
        hint = {"image, label": "labelled", "image, target": "paired"}.get(", ".join(sorted(held.split(", "))))
        made = f' It was made for plan "{hint}".' if hint and hint != plan else ""
        raise PlanError(f'Plan "{plan}" needs batch["{key}"]; this batch has: {held}.{made}')
    tensor = batch[key]
    if not isinstance(tensor, Tensor):
        raise PlanError(f'Plan "{plan}" needs batch["{key}"] as a tensor; found {type(tensor).__name__}.')
    return tensor


def _fits(label: Tensor, domain: DomainSpec) -> None:
    if label.ndim != 2 or label.shape[1] != domain.width:
        raise PlanError(
            f'batch["label"] is {list(label.shape)}, but the declared labels have {domain.width} entries: {", ".join(domain.entries)}. '
            f"Encode rows with model.domain.encode(row)."
        )
