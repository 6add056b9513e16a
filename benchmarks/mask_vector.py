"""Benchmark of StarGAN's mask vector on real data: python benchmarks/mask_vector.py DATA OUT [--minutes 20] [--only joint|tone|gender].

DATA is the data set of benchmarks/data/emoji_people.py. The script trains stargan-fast three times, at 64 pixels on a white background:

- joint:  one model with two label sets; `tone` is hidden for half of the training subjects, `gender` is known if the table has it;
- tone:   only the label `tone`, on the subjects whose tone is known in `joint`;
- gender: only the label `gender`, on the images whose gender is known.

All models are evaluated on the test subjects by one reference classifier, which is trained on all real training images with all labels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from attrs import evolve

from i2ikit import build, fit, open_data, tune_cpu
from i2ikit.data import Dataset
from i2ikit.evaluation import evaluate
from i2ikit.train.page import write_page

SIZE = 64


def is_hidden(subject: str | None) -> bool:
    """Return whether the tone of a subject is hidden: for half of the subjects, selected by their names."""
    return hashlib.sha256(str(subject).encode()).digest()[0] % 2 == 1


def select_part(data: Dataset, name: str, path: Path) -> Dataset:
    """Return the data of one of the three models. The test images are always complete."""
    train = [item for item in data.items if item.split == "train"]
    test = [item for item in data.items if item.split != "train"]
    if name == "joint":
        train = [evolve(item, row={**item.row, "tone": None}) if is_hidden(item.subject) else item for item in train]
        return data.select([*train, *test])  # type: ignore[attr-defined, no-any-return]
    alone = open_data(path, labels=(name,), background="white")
    files = {item.file for item in train if (not is_hidden(item.subject) if name == "tone" else item.row["gender"])}
    selected = [item for item in alone.items if item.split != "train" or item.file in files]
    return alone.select(selected)  # type: ignore[attr-defined, no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of the data set.")
    parser.add_argument("out", type=Path, help="Folder for the runs.")
    parser.add_argument("--minutes", type=float, default=20, help="Training time of each model (default: 20).")
    parser.add_argument("--only", choices=("joint", "tone", "gender"), help="Train this model only (default: all three).")
    arguments = parser.parse_args()
    tune_cpu()
    data_with_all_labels = open_data(arguments.data, labels=("tone", "gender"), background="white")
    for name in [arguments.only] if arguments.only else ["joint", "tone", "gender"]:
        data = select_part(data_with_all_labels, name, arguments.data)
        model = build("stargan-fast", size=SIZE, labels=data.domain)
        run = arguments.out / name
        model = fit(model, data, run, minutes=arguments.minutes)
        report = evaluate(model, data_with_all_labels, targets=name if name != "joint" else "all", cache=arguments.out / "classifier")
        report.write(run / "numbers.json")
        write_page(run)
        print(name, json.dumps({number.name: round(number.value, 4) for number in report.numbers if "accuracy" in number.name}))


if __name__ == "__main__":
    main()
