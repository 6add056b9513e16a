"""The networks of an evaluation: the classifier, the extractor and the perceptual distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.core.on_task import OnTask, show_nothing
from i2ikit.data import Dataset
from i2ikit.errors import DataError, OptionError
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier, load_evaluation_classifier, make_evaluation_classifier
from i2ikit.evaluation.extractor import Extractor, make_classifier_extractor
from i2ikit.evaluation.pairs_as_domains import PairsAsDomains
from i2ikit.evaluation.perceptual import OWN_CLASSIFIER, PerceptualDistance, make_classifier_distance
from i2ikit.evaluation.protocol import Number
from i2ikit.evaluation.resize import Preparation


def choose_classifier(
    classifier: str | Path | EvaluationClassifier | None,
    data: Dataset,
    prepare: Preparation,
    kind: BatchKind,
    split: str,
    cache: str | Path | None,
    steps: int,
    left_out: dict[str, str],
    on_task: OnTask = show_nothing,
) -> EvaluationClassifier | None:
    """Return the evaluation classifier, which may be trained now; None if there is none, and ``left_out`` receives the reason."""
    if isinstance(classifier, EvaluationClassifier):
        return classifier
    if classifier is None:
        left_out["accuracy"] = "No classifier was requested."
        return None
    if classifier != "auto":
        return load_evaluation_classifier(classifier)
    if kind.target:
        if data.source.channels != data.image.channels:
            left_out["accuracy"] = "Sources and targets have different numbers of channels: one classifier cannot take both."
            return None
        data = PairsAsDomains(data)
    try:
        return make_evaluation_classifier(data, prepare, cache=cache, held_out=split, steps=steps, on_task=on_task)
    except DataError as reason:
        left_out["accuracy"] = str(reason)
        return None


def choose_networks(
    features: Extractor | str | None,
    lpips: PerceptualDistance | Sequence[PerceptualDistance],
    classifier: EvaluationClassifier | None,
    left_out: dict[str, str],
) -> tuple[Extractor | None, list[PerceptualDistance]]:
    """Return the extractor and the perceptual distances to measure with, or raise OptionError."""
    distances = [lpips] if isinstance(lpips, PerceptualDistance) else list(lpips)
    if isinstance(features, Extractor) or features is None:
        return features, distances
    if features != OWN_CLASSIFIER:
        raise OptionError(f'features={features!r} is unknown. Give an Extractor, or "{OWN_CLASSIFIER}".')
    if classifier is None:
        left_out[f"fid@{OWN_CLASSIFIER}"] = f"There is no classifier trained on the data. {left_out.get('accuracy', '')}".strip()
        return None, distances
    return make_classifier_extractor(classifier), [*distances, make_classifier_distance(classifier)]


def list_classifier_numbers(
    classifier: EvaluationClassifier | None, protocol: Mapping[str, Any], classifier_entry: Mapping[str, Any]
) -> list[Number]:
    """Return the accuracy of the evaluation classifier on real images, for each attribute."""
    if classifier is None:
        return []
    description = "share of real held-out images in which the evaluation classifier recognises the known value"
    shared = {key: protocol[key] for key in ("split", "data", "versions")}
    numbers = []
    for name, value in classifier.accuracy.items():
        entries = {"count": classifier.counts.get(name), "definition": description, **classifier_entry}
        numbers.append(Number(f"classifier_accuracy/{name}", value, "", True, {**shared, **entries}))
    return numbers
