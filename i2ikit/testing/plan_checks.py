"""What plans have to keep, tried on a batch of the kind that they take. Each check is one promise and is named after it."""

from __future__ import annotations

from attrs import evolve
from torch import Tensor, device

from i2ikit.core.domain import DomainSpec
from i2ikit.core.plans import BATCH_KINDS, get_batch_kind
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.rehearsal import example_batch
from i2ikit.core.specs import StyleSpec
from i2ikit.core.translation import Translation
from i2ikit.testing.fault import Fault
from i2ikit.testing.subject import Subject
from i2ikit.testing.surroundings import unchanged
from i2ikit.testing.tiny import WIDTH, tiny_nets

DOMAINS = DomainSpec.parse(("day", "dusk", "night"))


def is_documented(subject: Subject) -> None:
    """It has a docstring of its own."""
    if not (subject.factory.__doc__ or "").strip():
        raise Fault("It has no docstring. Say in one sentence what becomes of a batch.")


def says_what_it_takes(subject: Subject) -> None:
    """It is marked with its batch kind."""
    if getattr(subject.factory, "batch_kind", None) not in BATCH_KINDS:
        raise Fault(f'It does not say which batches it takes. Mark it: @batch_kind("labelled"), or one of {", ".join(BATCH_KINDS)}.')


def gives_translations(subject: Subject) -> None:
    """It gives a list of translations, each with a name of its own."""
    made = _made(subject)
    if not isinstance(made, list) or not made or not all(isinstance(each, Translation) for each in made):
        raise Fault("A plan gives a list of one or more translations.")
    names = [each.name for each in made]
    if len(set(names)) < len(names):
        raise Fault(f'Several translations are called "{names[0]}". Names key the random draws: give each its own.')


def runs_on_shapes_alone(subject: Subject) -> None:
    """It can be rehearsed on the meta device, which has no values."""
    try:
        _made(subject, "meta")
    except Exception as error:
        raise Fault(f"It cannot be rehearsed: {type(error).__name__}: {error}. Do not look at values.") from error


def repeats_itself(subject: Subject) -> None:
    """The same draws give the same targets and styles, wherever torch's own stream stands."""
    for one, other in zip(_made(subject), _made(subject), strict=True):
        for name in ("target_label", "_style", "_real", "_reference"):
            here, there = getattr(one, name), getattr(other, name)
            if isinstance(here, Tensor) and not here.equal(there):
                raise Fault(f"Two runs differ in {name.strip('_')}. Draw from named streams: streams.uniform, streams.normal.")


def touches_nothing_else(subject: Subject) -> None:
    """It changes no global setting and no random stream."""
    with unchanged("Planning"):
        _made(subject)


CHECKS = (is_documented, says_what_it_takes, gives_translations, runs_on_shapes_alone, repeats_itself, touches_nothing_else)


def _made(subject: Subject, where: str = "cpu") -> list[Translation]:
    kind = get_batch_kind(subject.factory)
    domain = DOMAINS if kind == "unpaired" else subject.domain
    batch = example_batch(kind, subject.image, domain, 4, 1, device(where))
    nets = tiny_nets(subject.image, domain).to(where)
    nets.style = StyleSpec(WIDTH)
    whole = {"label": batch["label"]} if "label" in batch else {}
    streams = evolve(RandomStreams(("kit", 0)), whole=whole, device=device(where))
    made: list[Translation] = subject.make()(nets, batch, streams, True)
    return made
