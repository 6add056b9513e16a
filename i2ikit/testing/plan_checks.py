"""Checks of plans on a batch of their batch kind. Each check tests one rule and is named after it."""

from __future__ import annotations

from attrs import evolve
from torch import Tensor, device

from i2ikit.core.batch_kinds import BATCH_KINDS, BatchKind
from i2ikit.core.domain import DomainSpec
from i2ikit.core.plans import get_batch_kind
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.specs import StyleSpec
from i2ikit.core.translation import Translation
from i2ikit.testing.component_under_test import ComponentUnderTest
from i2ikit.testing.fault import Fault
from i2ikit.testing.side_effects import check_unchanged
from i2ikit.testing.tiny_nets import WIDTH, make_tiny_nets

DOMAINS = DomainSpec.parse(("day", "dusk", "night"))


def is_documented(component: ComponentUnderTest) -> None:
    """The plan has its own docstring."""
    if not (component.factory.__doc__ or "").strip():
        raise Fault("The plan has no docstring. Write one sentence about the translations that it makes of a batch.")


def declares_its_batch_kind(component: ComponentUnderTest) -> None:
    """It declares its batch kind."""
    if not isinstance(getattr(component.factory, "batch_kind", None), BatchKind):
        raise Fault(f'It declares no batch kind. Add @batch_kind("labelled"). Available: {", ".join(BATCH_KINDS)}.')


def returns_translations(component: ComponentUnderTest) -> None:
    """It returns a list of translations, each with another name."""
    translations = _make_translations(component)
    if not isinstance(translations, list) or not translations or not all(isinstance(each, Translation) for each in translations):
        raise Fault("A plan must return a list of one or more translations.")
    names = [each.name for each in translations]
    if len(set(names)) < len(names):
        raise Fault(f'Several translations are called "{names[0]}". Give each its own name: random streams are named after it.')
    for translation in translations:
        for name, value in translation.list_given_images().items():
            if not isinstance(value, Tensor) or value.ndim != 4:
                found = f"{list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
                raise Fault(f'"{name}" of translation "{translation.name}" is {found}. Give images [B, C, H, W].')


def runs_on_meta_device(component: ComponentUnderTest) -> None:
    """It runs on the meta device, which has no values."""
    try:
        _make_translations(component, "meta")
    except Exception as error:
        raise Fault(f"It fails on the meta device: {type(error).__name__}: {error}. Do not read tensor values.") from error


def is_deterministic(component: ComponentUnderTest) -> None:
    """The same random draws give the same labels, images and styles, whatever the state of torch's global random stream."""
    for one, other in zip(_make_translations(component), _make_translations(component), strict=True):
        for name in ("target_label", "_style", "_real", "_reference"):
            here, there = getattr(one, name), getattr(other, name)
            if isinstance(here, Tensor) and not here.equal(there):
                raise Fault(f"Two runs give a different {name.strip('_')}. Draw from named streams: streams.uniform, streams.normal.")


def has_no_side_effects(component: ComponentUnderTest) -> None:
    """It changes no global setting and no random stream."""
    with check_unchanged("Calling it"):
        _make_translations(component)


CHECKS = (is_documented, declares_its_batch_kind, returns_translations, runs_on_meta_device, is_deterministic, has_no_side_effects)


def _make_translations(component: ComponentUnderTest, device_name: str = "cpu") -> list[Translation]:
    kind = get_batch_kind(component.factory)
    domain = DOMAINS if kind.domains else component.domain
    batch = kind.make_example(component.image, component.image, domain, 4, 1, device(device_name))
    nets = make_tiny_nets(component.image, domain).to(device_name)
    nets.style = StyleSpec(WIDTH)
    whole_batch = {"label": batch["label"]} if "label" in batch else {}
    streams = evolve(RandomStreams(("kit", 0)), whole_batch=whole_batch, device=device(device_name))
    translations: list[Translation] = component.make()(nets, batch, streams, True)
    return translations
