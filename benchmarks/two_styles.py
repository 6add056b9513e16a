"""One classifier for all runs on the two drawing styles: python benchmarks/two_styles.py DATA CLASSIFIER RUN... [--json FILE].

DATA is the set that benchmarks/data/emoji_styles.py makes, and CLASSIFIER the folder that the classifier of the two styles is kept in: trained
on the real images of `train`, for longer than `i2ikit eval` does, because the styles are hard to tell apart. Each run's numbers.json is
written anew with its answers, and a table ranks the unpaired ones by the share of translations that it takes for the other style.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from i2ikit import tune_cpu
from i2ikit.data import open_data
from i2ikit.evaluate import Preparation, evaluate_run, reference_classifier
from i2ikit.train.page import write_page

STEPS = 2700
SHOWN = ("accuracy", "edge_energy", "psnr", "ssim", "diversity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    tune_cpu()
    data = open_data(given.data, batch_kind="unpaired", background="white")
    classifier = reference_classifier(data, Preparation(64, 64, "fit"), steps=STEPS, cache=given.classifier)
    right = {name: round(share, 4) for name, share in classifier.accuracy.items()}
    print(f"the classifier is right on real images of test: {right}", flush=True)
    rows = {}
    for run in given.runs:
        report = evaluate_run(run, data=given.data, classifier=classifier)
        write_page(run)
        found = {number.name: number.value for number in report.numbers}
        rows[run.name] = {name: round(found[name], 4) for name in (*SHOWN, "psnr_copy", "psnr_blur") if name in found}
        print(run.name, rows[run.name], flush=True)
    print(f"\n| run | {' | '.join(SHOWN)} |\n|{'---|' * (len(SHOWN) + 1)}")
    for name in sorted(rows, key=lambda name: -rows[name].get("accuracy", 0.0)):
        print(f"| {name} | {' | '.join(f'{rows[name][each]:.4g}' if each in rows[name] else '-' for each in SHOWN)} |")
    if given.json:
        given.json.write_text(json.dumps({"classifier": right, "steps": STEPS, "runs": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
