"""A whole step on tensors without memory: it shows which views each term reads, and refuses assemblies that cannot learn.

Tensors of the meta device carry shapes and autograd but no values: the rehearsal costs no memory and no arithmetic, and does not need the
device of the model. Its first operation makes torch import what describes shapes, about two seconds once a process.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from attrs import evolve
from torch import Tensor, nn

from i2ikit.core import step
from i2ikit.core.domain import DomainSpec
from i2ikit.core.model import Model
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import I2IKitError, OptionError, PlanError


def rehearse(model: Model) -> list[str]:
    """Play one step on shapes; return every problem, and note what each term reads in ``model.views_read``."""
    double = _double(model)
    batch = example_batch(model.batch_kind, model.image, model.domain, 2, 0, torch.device("meta"), model.source)
    problems: list[str] = []
    try:
        [(part, streams)] = step.split(double, batch, {}, 0, 1)
        streams = evolve(streams, seen=set())
        for player in model.recipe.players:
            mine = streams.by(player.name) if model.recipe.retranslate and model.recipe.redraw else streams
            translations = double.plan(double.nets, part, mine, True, **model.recipe.plan_options)
            for translation in translations:
                translation.trace = {}
            for turn in _all_turns(player):
                step.play(double, turn, translations)
                for translation in translations:
                    for term, views in (translation.trace or {}).items():
                        seen = model.views_read.setdefault(term, [])
                        seen += [name for name in views if name not in seen]
                    translation.forget(turn.updates)
        model.stream_names = sorted(streams.seen or ())
        problems += _unreached(double, part, streams)
    except I2IKitError as error:
        problems.append(str(error))
    except (RuntimeError, TypeError, AttributeError, IndexError, ValueError, NotImplementedError) as error:
        where = next((t.term for t in locals().get("translations", []) if t.term), "")
        problems.append(f"The rehearsal failed{f' in term {where!r}' if where else ''}: {type(error).__name__}: {error}")
    model.idle = [name for name, p in double.nets.named_parameters() if p.requires_grad and p.grad is None] if not problems else []
    return problems


def example_batch(
    plan: str, image: ImageSpec, domain: DomainSpec, rows: int, seed: int, device: torch.device, source: ImageSpec | None = None
) -> dict[str, Any]:
    """Return random data of the right shapes for a plan that takes batches of the kind ``plan``.

    Args:
        plan: The kind of batch.
        image: What is drawn.
        domain: The label sets.
        rows: Images in the batch.
        seed: Of the numbers.
        device: Where they are made.
        source: What is translated; ``image`` where None.
    """
    if rows < 1:
        raise OptionError(f"A batch has 1 or more rows; {rows} were asked for.")
    generator = None if device.type == "meta" else torch.Generator("cpu").manual_seed(seed)

    def picture(of: ImageSpec = image) -> Tensor:
        size = (rows, of.channels, of.height, of.width)
        return (torch.empty(size) if generator is None else torch.rand(size, generator=generator) * 2 - 1).to(device)

    if plan == "unpaired":
        if len(domain.names) < 2:
            raise PlanError('Plan "unpaired" needs two or more domains. Declare them: build(..., labels=("photo", "monet")).')
        return {name: picture() for name in domain.names}
    batch: dict[str, Any] = {"image": picture(source or image)}
    if plan == "paired":
        batch["target"] = picture()
    if plan == "labelled" or (plan == "sampled" and domain.width):
        if not domain.width:
            raise PlanError(f'Plan "{plan}" needs labels. Declare them: build(..., labels={{"hair": ("black", "blond")}}).')
        batch["label"] = torch.tensor([_row(domain, seed + row) for row in range(rows)]).to(device)
    return batch


def _row(domain: DomainSpec, index: int) -> list[float]:
    values = {each.name: each.choices[(index + place) % len(each.choices)] for place, each in enumerate(domain.attributes)}
    return domain.encode(values)


def _double(model: Model) -> Model:
    """Return a copy of the model whose tensors have no memory."""
    memo: dict[int, Any] = {}
    for weight in [*model.nets.parameters(), *model.loss_modules.parameters()]:
        memo[id(weight)] = nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=weight.requires_grad)
    for tensor in [*model.nets.buffers(), *model.loss_modules.buffers()]:
        memo[id(tensor)] = torch.empty_like(tensor, device="meta")
    nets = copy.deepcopy(model.nets, memo)
    losses = {name: copy.deepcopy(loss, memo) if isinstance(loss, nn.Module) else loss for name, loss in model.losses.items()}
    return Model(model.recipe, nets, losses, model.plan, seed=model.seed)


def _all_turns(player: Any) -> list[step.Turn]:
    """Return the turns of a step in which every term is due."""
    return step.turns(player, 0)


def _unreached(double: Model, batch: Any, streams: Any) -> list[str]:
    """Name the label or the style that has no influence on the fake."""
    problems = []
    fakes = double.plan(double.nets, batch, streams, True, **double.recipe.plan_options)
    problems += _one_for_all(double, fakes)
    slots = ", ".join(f"{name}={slot.component}" for name, slot in double.recipe.slots.items())
    for translation in fakes:
        if double.batch_kind == "labelled" and not _reaches(translation, "target_label"):
            problems.append(
                f"The target label does not reach the fake in {slots}. "
                f"Put a conditioner between encoder and generator that reads it, such as stargan_conditioner."
            )
        if translation._style is not None and not _reaches(translation, "style"):
            problems.append(
                f"The style of the target does not reach the fake in {slots}. Use a generator that reads a style, or leave style= out."
            )
    return list(dict.fromkeys(problems))


def _one_for_all(double: Model, fakes: list[Translation]) -> list[str]:
    """Name a domain whose images go to several others through the same networks, of which nothing knows which is meant."""
    recipe = double.recipe
    apart = any(slot.per == "pair" or (slot.per and recipe.role(name) == "generator") for name, slot in recipe.slots.items())
    ends: dict[str, list[str]] = {}
    for begin, end in double.routes:
        ends.setdefault(begin, []).append(end)
    forked = next((begin for begin, several in ends.items() if len(several) > 1), None)
    if forked is None or apart or any(_reaches(translation, "target_label") for translation in fakes):
        return []
    several = " and to ".join(f'"{end}"' for end in ends[forked])
    problem = (
        f'It translates from "{forked}" to {several} by one generator, and nothing tells it which. '
        'Declare two domains, or give each pair a net of its own: Slot(..., per="pair").'
    )
    return [problem]


def _reaches(translation: Translation, name: str) -> bool:
    value = translation.style if name == "style" else getattr(translation, name)
    probe = value.detach().clone().requires_grad_()
    setattr(translation, "_style" if name == "style" else name, probe)
    translation.forget(frozenset(translation.nets.slots))  # what passed through networks; a fake that stays is not read below
    fake = Translation.fake(translation)
    return fake.requires_grad and torch.autograd.grad(fake.sum(), probe, allow_unused=True)[0] is not None
