"""The mask vector on real data: python benchmarks/mask_vector.py DATA OUT [--minutes 20] [--only joint|tone|gender].

DATA is the set that benchmarks/data/emoji_people.py makes. Three trainings of stargan-fast at 64 pixels on white:

- joint:  `tone` is hidden for one half of the training subjects, `gender` is known where the table has it; one model, two label sets;
- tone:   only the subjects whose tone is known in `joint`, and only that label;
- gender: only the images whose gender is known, and only that label.

Each is measured on the test subjects by one reference classifier, trained on all real training images with all labels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from attrs import evolve

from i2ikit import build, fit, open_data, tune_cpu
from i2ikit.data import Dataset
from i2ikit.evaluate import evaluate
from i2ikit.train.page import write_page

SIZE = 64


def hidden(subject: str | None) -> bool:
    """One half of the subjects, chosen by their names."""
    return hashlib.sha256(str(subject).encode()).digest()[0] % 2 == 1


def part(data: Dataset, name: str, path: Path) -> Dataset:
    """The training data of one of the three models; the test images are always whole."""
    train = [item for item in data.items if item.split == "train"]
    test = [item for item in data.items if item.split != "train"]
    if name == "joint":
        train = [evolve(item, row={**item.row, "tone": None}) if hidden(item.subject) else item for item in train]
        return data.keep([*train, *test])  # type: ignore[attr-defined, no-any-return]
    alone = open_data(path, labels=(name,), background="white")
    wanted = {item.file for item in train if (not hidden(item.subject) if name == "tone" else item.row["gender"])}
    chosen = [item for item in alone.items if item.split != "train" or item.file in wanted]
    return alone.keep(chosen)  # type: ignore[attr-defined, no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--only", choices=("joint", "tone", "gender"))
    chosen = parser.parse_args()
    tune_cpu()
    whole = open_data(chosen.data, labels=("tone", "gender"), background="white")
    for name in [chosen.only] if chosen.only else ["joint", "tone", "gender"]:
        data = part(whole, name, chosen.data)
        model = build("stargan-fast", size=SIZE, labels=data.domain)
        run = chosen.out / name
        model = fit(model, data, run, minutes=chosen.minutes)
        report = evaluate(model, whole, targets=name if name != "joint" else "all", cache=chosen.out / "classifier")
        report.write(run / "numbers.json")
        write_page(run)
        print(name, json.dumps({number.name: round(number.value, 4) for number in report.numbers if "accuracy" in number.name}))


if __name__ == "__main__":
    main()
