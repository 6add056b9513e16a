"""The data sets of ``i2ikit train``: opened as the plans of the recipe need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.cli.data_options import get_kind
from i2ikit.errors import DataError, OptionError
from i2ikit.quoting import join_list, split_list

if TYPE_CHECKING:
    from i2ikit.core.batch_kinds import BatchKind
    from i2ikit.core.domain import DomainSpec
    from i2ikit.core.recipe import Recipe
    from i2ikit.train import TrainingData


def open_sources(
    given: dict[str, Any], kinds: list[BatchKind], *, attributes: Sequence[str] = ()
) -> tuple[list[TrainingData], list[BatchKind]]:
    """Open each data set as its plan needs it; return the data sets and the batch kind of each.

    Args:
        given: The options of the command line.
        kinds: The batch kind of each plan.
        attributes: The attributes of a single labelled data set that are used if the command line names none; by default all.
    """
    from i2ikit.data import open_data
    from i2ikit.train import TrainingData

    paths, labels = given["data"], given["labels"]
    if attributes and not labels and len(paths) == 1 and all(kind.label != "none" for kind in kinds):
        labels = (join_list(attributes),)
    if (labels and len(labels) not in (1, len(paths))) or (len(labels) == 1 and len(paths) > 1):
        raise OptionError(f"Found {len(paths)} --data and {len(labels)} --labels. Give --labels once for each --data, in this order.")
    shared = {
        name: given[name]
        for name in ("background", "channels", "source_channels", "source_content", "crop", "pairs", "holdout", "range", "max_pixels")
        if given[name] is not None
    }
    if len(kinds) > 1 and len(paths) != len(kinds):
        names = ", ".join(kind.name for kind in kinds)
        raise OptionError(
            f"The recipe has {len(kinds)} plans; found {len(paths)} --data. Give --data once for each, in this order: {names}."
        )
    kinds = kinds if len(kinds) > 1 else kinds * len(paths)
    found = []
    for index, path in enumerate(paths):
        kind = get_kind(given["kinds"], index, len(paths)) or kinds[index].data
        options = {**shared, "batch_kind": kind, **({"labels": _split_names(labels[index])} if labels else {})}
        found.append(TrainingData.from_data(open_data(path, **options)))  # with the rules that the data set was read by
    channels = {source.data.image.channels for source in found}
    if len(channels) > 1:
        raise DataError(f"The data sets have {' and '.join(map(str, sorted(channels)))} channels. Choose one number: --channels 3.")
    return found, kinds


def _split_names(text: str) -> list[str]:
    """Return the names in a text such as "tone,gender", or raise OptionError."""
    found = split_list(text)
    if not found:
        raise OptionError(f'--labels "{text}" names no attribute. Write --labels tone,gender, or leave it out to use all.')
    return found


def _find_labels(sources: Sequence[TrainingData], kinds: Sequence[BatchKind], recipe: Recipe) -> DomainSpec | None:
    """Return the labels of a model for these data sets, or None. Images that are their own targets have none.

    Optional labels are used if the user names attributes, or the recipe declares labels.
    """
    from i2ikit.data import join

    pairs = list(zip(sources, kinds, strict=True))

    def has_labels(source: TrainingData, kind: BatchKind) -> bool:
        if kind.domains or kind.label == "required":
            return True
        return kind.label == "optional" and bool(source.options.get("labels") or recipe.labels.width)

    labelled = [source.data for source, kind in pairs if has_labels(source, kind)]
    labelled = labelled or [source.data for source, kind in pairs if kind.source and not kind.is_own_target]
    if not labelled or not labelled[0].domain.width:
        return None
    return labelled[0].domain if len(labelled) == 1 else join(labelled)[0].domain


def describe_images(sources: Sequence[TrainingData], kinds: Sequence[BatchKind], recipe: Recipe) -> dict[str, Any]:
    """Return the overrides of a recipe for data sets: labels, channels, and what the source images are."""
    domain, first = _find_labels(sources, kinds, recipe), sources[0].data
    has_none = domain is None and any(kind.label == "optional" for kind in kinds)  # nor those of the stages of the recipe
    labels = {} if domain is None and not has_none else {"labels": domain}
    content = {} if first.source.is_picture else {"source_content": first.source.content}
    return {**labels, "channels": first.image.channels, "source_channels": first.source.channels, **content}
