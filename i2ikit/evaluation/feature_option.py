"""The option ``--features`` of an evaluation."""

from __future__ import annotations

from i2ikit.errors import OptionError
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.inception import load_inception
from i2ikit.evaluation.perceptual import OWN_CLASSIFIER


def parse_features(text: str) -> Extractor | str:
    """Load the extractor described by ``"inception=WEIGHTS.pth"``, or return ``"own-classifier"`` unchanged.

    Raises:
        OptionError: The text has another form.
        CheckpointError: The weights cannot be loaded.
        MissingExtraError: torch-fidelity is not installed.
    """
    name, _, path = text.partition("=")
    if name == OWN_CLASSIFIER and not path:
        return OWN_CLASSIFIER
    if name != "inception" or not path:
        raise OptionError(f'Features must be "{OWN_CLASSIFIER}" or "inception=WEIGHTS.pth"; found "{text}".')
    return load_inception(path)
