"""One batch of inputs: translated to every target, and measured in every way that the data allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import define, field
from torch import Tensor

from i2ikit.data import Dataset, Item
from i2ikit.evaluate import targets as true_targets
from i2ikit.evaluate.aggregate import Tally
from i2ikit.evaluate.diversity import multiscale, pairwise
from i2ikit.evaluate.feature_metrics import Collected
from i2ikit.evaluate.lpips import perceptual_diversity
from i2ikit.evaluate.metrics import WINDOW, blurred, edge_energy, l1, psnr, signed, ssim, unit
from i2ikit.evaluate.pairs_as_domains import SOURCE, TARGET
from i2ikit.evaluate.perceptual import PerceptualDistance
from i2ikit.evaluate.reference import Reference
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.targets import Ask

if TYPE_CHECKING:
    from i2ikit.core.model import Model

STYLES, STYLED_INPUTS = 8, 64
"""How many samples of how many inputs diversity is measured on, where nothing else is asked for."""
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
        collected: What an extractor says of real images and translations, where one is asked.
        distances: Perceptual distances that are measured beside those of pixels.
        samples: How many samples of one input are drawn with seeds from 0; 0 compares its translations to all targets in their place.
        sampled: The files whose samples are drawn.
        tally: What was found so far.
        left_out: What cannot be measured, with the reason.
    """

    model: Model
    plan: str
    data: Dataset
    chosen: Mapping[str, Sequence[str]]
    prepare: Preparation
    reference: Reference | None = None
    collected: Collected | None = None
    distances: Sequence[PerceptualDistance] = ()
    samples: int = 0
    sampled: frozenset[str] = frozenset()
    tally: Tally = field(factory=Tally)
    left_out: dict[str, str] = field(factory=dict)

    def add(self, items: Sequence[Item]) -> None:
        """Translate some items and measure what comes out; each image is read once."""
        pairs = [Ask(row, true_targets.PAIRED, SOURCE, TARGET) for row in range(len(items))]
        asked = pairs if self.plan == "paired" else true_targets.asks(items, self.chosen)
        if self.plan == "unpaired":
            routes = getattr(self.model, "routes", None)  # a stand-in for a model may not say
            asked = [ask for ask in asked if routes is None or (ask.source, ask.target) in routes]
        if not asked and self.collected is None:
            return
        device = getattr(self.model, "device", torch.device("cpu"))
        inputs = torch.stack([self.prepare(self.data.read(item)) for item in items]).to(device)
        labels = true_targets.labels(self.model.domain, items).to(device) if self.plan == "labelled" else None
        fakes = self.translated(inputs, labels, asked)
        rows: list[dict[str, Any]] = [{"attribute": ask.attribute, "source": ask.source, "target": ask.target} for ask in asked]
        real, there = true_targets.find_targets(self.data, items, asked, self.prepare)
        places = there.nonzero().flatten().tolist()
        targets: dict[int, Tensor] = {}
        if real is not None:
            real = unit(real.to(device))
            targets = dict(zip(places, real, strict=True))
            self._distances(rows, places, unit(fakes), unit(inputs), asked, real)
            self._nearest(rows, targets, unit(fakes), unit(inputs), asked)
        self._discriminate(rows, fakes, items, asked)
        self._collect(items, inputs, fakes, asked, real)
        if self.samples:
            self._draw_samples(items, inputs, labels, asked)
        else:
            self._diversity(unit(fakes), targets, asked)
        self.tally.rows += rows

    def translated(self, inputs: Tensor, labels: Tensor | None, asked: Sequence[Ask], **options: Any) -> Tensor:
        """Return the translations in the order of ``asked`` [N C H W] in [-1, 1]: each call has inputs of one target."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, ask in enumerate(asked):
            key = (ask.attribute, ask.target) if self.plan == "labelled" else (ask.attribute, ask.target, ask.source)
            groups.setdefault(key, []).append(place)
        image = self.model.image
        fakes = torch.empty(len(asked), image.channels, *inputs.shape[2:], device=inputs.device)
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
        rows_of = torch.tensor([asked[place].row for place in places], device=inputs.device)
        shown = {"": made[torch.tensor(places, device=made.device)]}
        if inputs.shape[1] in {1, real.shape[1]}:
            shown["_copy"] = inputs.expand(-1, real.shape[1], -1, -1)[rows_of]
            shown["_blur"] = blurred(inputs).expand(-1, real.shape[1], -1, -1)[rows_of]
        else:
            self.left_out["psnr_copy"] = f"an input has {inputs.shape[1]} channels and its target {real.shape[1]}."
        for key, images in shown.items():
            measured = {name: measure(images, real) for name, measure in measures.items() if key != "_blur" or name == "psnr"}
            if key != "_blur":
                measured["edges"] = edge_energy(images)
            for name, values in measured.items():
                for place, value in zip(places, values.tolist(), strict=True):
                    rows[place][f"{name}{key}"] = value
        for place, value in zip(places, edge_energy(real).tolist(), strict=True):
            rows[place]["edges_target"] = value
        for distance in self.distances:
            with torch.no_grad():
                parts = [distance(a, b) for a, b in zip(*(torch.split(signed(each), PIECE) for each in (shown[""], real)), strict=True)]
            for place, value in zip(places, torch.cat(parts).tolist(), strict=True):
                rows[place][distance.name] = value

    def _nearest(self, rows: list[dict[str, Any]], real: Mapping[int, Tensor], made: Tensor, inputs: Tensor, asked: Sequence[Ask]) -> None:
        groups: dict[tuple[int, str], list[int]] = {}
        for place, ask in enumerate(asked):
            groups.setdefault((ask.row, ask.attribute), []).append(place)
        for (row, name), places in groups.items():
            whole = name != true_targets.PAIRED and len(places) == len(self.model.domain.attribute(name).choices) - 1
            if whole and all(place in real for place in places):
                candidates = torch.stack([*(real[place] for place in places), inputs[row]])
                for index, found in enumerate(true_targets.nearest(made[places], candidates).tolist()):
                    rows[places[index]]["nearest_accuracy"] = float(found == index)

    def _discriminate(self, rows: list[dict[str, Any]], fakes: Tensor, items: Sequence[Item], asked: Sequence[Ask]) -> None:
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
                    self.tally.inputs["diversity_target"].append(float(pairwise(torch.stack([real[place] for place in places]))))

    def _collect(self, items: Sequence[Item], inputs: Tensor, fakes: Tensor, asked: Sequence[Ask], real: Tensor | None) -> None:
        if self.collected is None:
            return
        made: dict[tuple[str, str], list[int]] = {}
        for place, ask in enumerate(asked):
            made.setdefault((ask.attribute, ask.target), []).append(place)
        if made:
            self.collected.add_made(made, unit(fakes))
        if self.plan == "paired":
            if real is not None:
                self.collected.add_real({(true_targets.PAIRED, TARGET): list(range(len(real)))}, real)
            return
        shown = {
            (name, value): rows
            for name, values in self.chosen.items()
            for value in values
            if (rows := [row for row, item in enumerate(items) if item.row.get(name) == value])
        }
        if shown:
            self.collected.add_real(shown, unit(inputs))

    def _draw_samples(self, items: Sequence[Item], inputs: Tensor, labels: Tensor | None, asked: Sequence[Ask]) -> None:
        firsts = [ask for ask in {each.row: each for each in reversed(asked)}.values() if items[ask.row].file in self.sampled]
        if not firsts:
            return
        drawn = [unit(self.translated(inputs, labels, firsts, seed=seed)) for seed in range(self.samples)]
        for ask, each in zip(firsts, torch.stack(drawn, dim=1), strict=True):
            self._compare(each)
            if self.collected is not None:
                self.collected.add_samples((ask.attribute, ask.target), each)

    def _compare(self, images: Tensor) -> None:
        self.tally.inputs["diversity"].append(float(pairwise(images)))
        self.tally.inputs["diversity_multiscale"].append(float(multiscale(images)))
        for distance in self.distances:
            self.tally.inputs[f"diversity_{distance.name}"].append(float(perceptual_diversity(distance, images)))
