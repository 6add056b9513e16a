"""One batch of inputs: translated to every target, and measured in every way that the data allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import define, field
from torch import Tensor

from i2ikit.data import Dataset, Item
from i2ikit.evaluate import truth
from i2ikit.evaluate.diversity import multiscale, pairwise
from i2ikit.evaluate.metrics import WINDOW, l1, psnr, ssim, unit
from i2ikit.evaluate.reference import Reference
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.tally import Tally
from i2ikit.evaluate.truth import Ask

if TYPE_CHECKING:
    from i2ikit.core.model import Model

STYLES, STYLED_INPUTS = 8, 64
"""Where a recipe draws a style: how many samples of how many inputs diversity is measured on."""
PIECE = 16
"""Images in one call on a CPU, where what a network keeps of more does not fit its cache: a quarter faster than 64."""


@define
class Measurement:
    """A measurement in progress.

    Attributes:
        model: What is measured.
        plan: "labelled", "unpaired" or "paired".
        data: The split that is measured on.
        chosen: The values that are asked for by attribute.
        prepare: How images are cropped and resized.
        reference: The classifier, where there is one.
        styled: Whether the model draws a style.
        tally: What was found so far.
        left_out: What cannot be measured, with the reason.
    """

    model: Model
    plan: str
    data: Dataset
    chosen: Mapping[str, Sequence[str]]
    prepare: Preparation
    reference: Reference | None = None
    styled: bool = False
    tally: Tally = field(factory=Tally)
    left_out: dict[str, str] = field(factory=dict)

    def add(self, items: Sequence[Item]) -> None:
        """Translate some items and measure what comes out; each image is read once."""
        pairs = [Ask(row, truth.PAIRED, "source", "target") for row in range(len(items))]
        asked = pairs if self.plan == "paired" else truth.asks(items, self.chosen)
        if not asked:
            return
        device = getattr(self.model, "device", torch.device("cpu"))
        inputs = torch.stack([self.prepare(self.data.read(item)) for item in items]).to(device)
        labels = truth.labels(self.model.domain, items).to(device) if self.plan == "labelled" else None
        fakes = self.translated(inputs, labels, asked)
        rows: list[dict[str, Any]] = [{"attribute": ask.attribute, "source": ask.source, "target": ask.target} for ask in asked]
        real, there = truth.truths(self.data, items, asked, self.prepare)
        places = there.nonzero().flatten().tolist()
        truths: dict[int, Tensor] = {}
        if real is not None:
            real = unit(real.to(device))
            truths = dict(zip(places, real, strict=True))
            self._distances(rows, places, unit(fakes), unit(inputs), asked, real)
            self._nearest(rows, truths, unit(fakes), unit(inputs), asked)
        self._judge(rows, fakes, items, asked)
        if self.styled:
            self._styles(inputs, labels, asked)
        else:
            self._diversity(unit(fakes), truths, asked)
        self.tally.rows += rows

    def translated(self, inputs: Tensor, labels: Tensor | None, asked: Sequence[Ask], **options: Any) -> Tensor:
        """Return the translations in the order of ``asked`` [N C H W] in [-1, 1]: each call has inputs of one target."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, ask in enumerate(asked):
            key = (ask.attribute, ask.target) if self.plan == "labelled" else (ask.attribute, ask.target, ask.source)
            groups.setdefault(key, []).append(place)
        fakes = torch.empty(len(asked), *inputs.shape[1:], device=inputs.device)
        piece = PIECE if inputs.device.type == "cpu" else len(asked)
        for places in (group[start : start + piece] for group in groups.values() for start in range(0, len(group), piece)):
            ask, rows = asked[places[0]], torch.tensor([asked[place].row for place in places], device=inputs.device)
            if self.plan == "paired":
                made = self.model.translate(inputs[rows], **options)
            elif self.plan == "unpaired":
                made = self.model.translate(inputs[rows], to=ask.target, source=ask.source, **options)
            else:
                assert labels is not None
                made = self.model.translate(inputs[rows], to={ask.attribute: ask.target}, label=labels[rows], **options)
            fakes[torch.tensor(places, device=inputs.device)] = made.to(fakes)
        return fakes.clamp_(-1.0, 1.0)

    def _distances(
        self, rows: list[dict[str, Any]], places: list[int], made: Tensor, inputs: Tensor, asked: Sequence[Ask], real: Tensor
    ) -> None:
        measures: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"psnr": psnr, "l1": l1}
        if min(real.shape[-2:]) >= WINDOW:
            measures["ssim"] = ssim
        else:
            self.left_out["ssim"] = (
                f"SSIM needs {WINDOW}x{WINDOW} pixels or more; the images are {self.prepare.height}x{self.prepare.width}."
            )
        copied = inputs[torch.tensor([asked[place].row for place in places], device=inputs.device)]
        for name, measure in measures.items():
            for key, images in ((name, made[torch.tensor(places, device=made.device)]), (f"{name}_copy", copied)):
                for place, value in zip(places, measure(images, real).tolist(), strict=True):
                    rows[place][key] = value

    def _nearest(self, rows: list[dict[str, Any]], real: Mapping[int, Tensor], made: Tensor, inputs: Tensor, asked: Sequence[Ask]) -> None:
        groups: dict[tuple[int, str], list[int]] = {}
        for place, ask in enumerate(asked):
            groups.setdefault((ask.row, ask.attribute), []).append(place)
        for (row, name), places in groups.items():
            whole = name != truth.PAIRED and len(places) == len(self.model.domain.attribute(name).choices) - 1
            if whole and all(place in real for place in places):
                candidates = torch.stack([*(real[place] for place in places), inputs[row]])
                for index, found in enumerate(truth.nearest(made[places], candidates).tolist()):
                    rows[places[index]]["nearest_accuracy"] = float(found == index)

    def _judge(self, rows: list[dict[str, Any]], fakes: Tensor, items: Sequence[Item], asked: Sequence[Ask]) -> None:
        if self.reference is None:
            return
        network = self.reference.classifier.to(fakes.device)
        found = {name: places.tolist() for name, places in network.read(fakes).items()}
        for place, (row, ask) in enumerate(zip(rows, asked, strict=True)):
            kept = []
            for attribute in network.attributes:
                seen, known = attribute.choices[found[attribute.name][place]], items[ask.row].row.get(attribute.name)
                if ask.attribute == attribute.name:
                    row["accuracy"] = float(seen == ask.target)
                elif known in attribute.choices:
                    kept.append(seen == known)
                    self.tally.kept[attribute.name].append(seen == known)
            if kept:
                row["kept"] = sum(kept) / len(kept)

    def _diversity(self, made: Tensor, real: Mapping[int, Tensor], asked: Sequence[Ask]) -> None:
        groups: dict[int, list[int]] = {}
        for place, ask in enumerate(asked):
            groups.setdefault(ask.row, []).append(place)
        for places in groups.values():
            if len(places) > 1:
                self._compare(made[places])
                if all(place in real for place in places):
                    self.tally.inputs["diversity_truth"].append(float(pairwise(torch.stack([real[place] for place in places]))))

    def _styles(self, inputs: Tensor, labels: Tensor | None, asked: Sequence[Ask]) -> None:
        left = STYLED_INPUTS - len(self.tally.inputs["diversity"])
        firsts = list({ask.row: ask for ask in reversed(asked)}.values())[:left]
        if firsts:
            samples = [unit(self.translated(inputs, labels, firsts, seed=seed)) for seed in range(STYLES)]
            for each in torch.stack(samples, dim=1):
                self._compare(each)

    def _compare(self, images: Tensor) -> None:
        self.tally.inputs["diversity"].append(float(pairwise(images)))
        self.tally.inputs["diversity_multiscale"].append(float(multiscale(images)))
