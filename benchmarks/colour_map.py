"""Baseline: a colour map fitted on image pairs, with a quadratic polynomial of each pixel's colour for each ordered pair of values.

    python benchmarks/colour_map.py PATH [--attribute tone] [--size 64] [--resize lanczos] [--cross]

Each channel of the target image is fitted by least squares on (1, R, G, B, R^2, G^2, B^2) of the source image, over all pixels of the image
pairs of the training subjects; with --cross also on RG, RB, GB. The result is clamped to [0, 1] and evaluated on the test subjects by
i2ikit.evaluation, as a model would be: the mean PSNR over the images.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from i2ikit import open_data
from i2ikit.evaluation import Preparation, evaluate


def features(colours: Tensor, cross: bool) -> Tensor:
    """Return the terms of the polynomial [N, T] of colours [N, C]."""
    terms = [torch.ones(len(colours), 1, dtype=colours.dtype), colours, colours.square()]
    if cross:
        terms.append(torch.stack([colours[:, i] * colours[:, j] for i in range(colours.shape[1]) for j in range(i)], dim=1))
    return torch.cat(terms, dim=1)


class ColourMap:
    """A model for i2ikit.evaluation: one polynomial per ordered pair of values."""

    def __init__(self, data: Any, attribute: str, prepare: Preparation, cross: bool) -> None:
        from i2ikit import DomainSpec, ImageSpec

        declared = data.domain.attribute(attribute)
        self.domain = DomainSpec.parse({attribute: declared.values or bool})
        self.image = ImageSpec(data.image.channels, prepare.height, prepare.width)
        self.attribute, self.cross = attribute, cross
        self.maps = self._fit(data.split("train"), prepare)

    def _fit(self, training: Any, prepare: Preparation) -> dict[tuple[str, str], Tensor]:
        subjects: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for item in training.items:
            if item.subject is not None and item.row[self.attribute] is not None:
                image = (prepare(training.read(item)).double() + 1) / 2
                subjects[item.subject][item.row[self.attribute]] = image.flatten(1).T
        grams: dict[str, Any] = defaultdict(float)
        products: dict[tuple[str, str], Any] = defaultdict(float)
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for values in subjects.values():
            for source, colours in values.items():
                terms = features(colours, self.cross)
                grams[source] = grams[source] + terms.T @ terms
                for target in values.keys() - {source}:
                    products[source, target] = products[source, target] + terms.T @ values[target]
                    counts[source, target] += 1
        if len({*counts.values()}) > 1:
            raise SystemExit("Some subjects do not have an image of every value. The colour map requires all values of each subject.")
        return {pair: torch.linalg.solve(grams[pair[0]], product) for pair, product in products.items()}

    def translate(self, image: Tensor, to: Any = None, *, label: Tensor | None = None) -> Tensor:
        """Translate images [B, C, H, W]; the value of the source comes from its label."""
        assert label is not None
        images = []
        for each, row in zip(image, label.tolist(), strict=True):
            source = str(self.domain.decode(row)[self.attribute])
            colours = (each.double() + 1) / 2
            translated = features(colours.flatten(1).T, self.cross) @ self.maps[source, to[self.attribute]]
            images.append(translated.clamp(0, 1).T.reshape(each.shape).float() * 2 - 1)
        return torch.stack(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("path", help="Folder of the data set.")
    parser.add_argument("--attribute", default="tone", help="Attribute to change (default: tone).")
    parser.add_argument("--size", type=int, default=64, help="Side of the images in pixels (default: 64).")
    parser.add_argument("--resize", default="lanczos", help="Filter for resizing (default: lanczos).")
    parser.add_argument("--background", default="white", help="Background of transparent images (default: white).")
    parser.add_argument("--cross", action="store_true", help="Also use the products RG, RB and GB.")
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    arguments = parser.parse_args()
    data = open_data(arguments.path, labels=[arguments.attribute], background=arguments.background)
    prepare = Preparation(arguments.size, arguments.size, crop="fit", resize=arguments.resize)
    model: Any = ColourMap(data, arguments.attribute, prepare, arguments.cross)
    report = evaluate(model, data, classifier=None, resize=arguments.resize)
    print(json.dumps(report.to_json(), indent=2) if arguments.json else "\n".join(report.table()))


if __name__ == "__main__":
    main()
