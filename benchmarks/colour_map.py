"""What a colour map reaches that was fitted on true pairs: for each ordered pair of values a quadratic polynomial of each pixel's colour.

    python benchmarks/colour_map.py PATH [--attribute tone] [--size 64] [--resize lanczos] [--cross]

Each channel of the target is fitted by least squares on (1, R, G, B, R^2, G^2, B^2) of the source, over all pixels of the true pairs of the
training subjects; with --cross also on RG, RB, GB. The result is clamped to [0, 1] and measured on the test subjects as i2ikit.evaluate
measures a model: the mean over images of each image's PSNR.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from i2ikit import open_data
from i2ikit.evaluate import Preparation, evaluate


def features(colours: Tensor, cross: bool) -> Tensor:
    """Return the terms of the polynomial [N T] of colours [N C]."""
    terms = [torch.ones(len(colours), 1, dtype=colours.dtype), colours, colours.square()]
    if cross:
        terms.append(torch.stack([colours[:, i] * colours[:, j] for i in range(colours.shape[1]) for j in range(i)], dim=1))
    return torch.cat(terms, dim=1)


class ColourMap:
    """A model for i2ikit.evaluate: one polynomial an ordered pair."""

    def __init__(self, data: Any, attribute: str, prepare: Preparation, cross: bool) -> None:
        from i2ikit import DomainSpec, ImageSpec

        chosen = data.domain.attribute(attribute)
        self.domain = DomainSpec.parse({attribute: chosen.values or bool})
        self.image = ImageSpec(data.image.channels, prepare.height, prepare.width)
        self.attribute, self.cross = attribute, cross
        self.maps = self._fitted(data.split("train"), prepare)

    def _fitted(self, training: Any, prepare: Preparation) -> dict[tuple[str, str], Tensor]:
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
            raise SystemExit("Some subjects lack some values: each pair would need its own sums.")
        return {pair: torch.linalg.solve(grams[pair[0]], product) for pair, product in products.items()}

    def translate(self, image: Tensor, to: Any = None, *, label: Tensor | None = None) -> Tensor:
        """Return images [B C H W]; the source's value is read from its label."""
        assert label is not None
        mapped = []
        for each, row in zip(image, label.tolist(), strict=True):
            source = str(self.domain.decode(row)[self.attribute])
            colours = (each.double() + 1) / 2
            made = features(colours.flatten(1).T, self.cross) @ self.maps[source, to[self.attribute]]
            mapped.append(made.clamp(0, 1).T.reshape(each.shape).float() * 2 - 1)
        return torch.stack(mapped)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("path")
    parser.add_argument("--attribute", default="tone")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--resize", default="lanczos")
    parser.add_argument("--background", default="white")
    parser.add_argument("--cross", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    data = open_data(asked.path, labels=[asked.attribute], background=asked.background)
    prepare = Preparation(asked.size, asked.size, crop="fit", resize=asked.resize)
    model: Any = ColourMap(data, asked.attribute, prepare, asked.cross)
    report = evaluate(model, data, classifier=None, resize=asked.resize)
    print(json.dumps(report.to_json(), indent=2) if asked.json else "\n".join(report.table()))


if __name__ == "__main__":
    main()
