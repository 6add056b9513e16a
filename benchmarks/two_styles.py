"""Evaluate all runs on the two drawing styles with one classifier: python benchmarks/two_styles.py DATA CLASSIFIER RUN... [--json FILE].

DATA is the data set of benchmarks/data/emoji_styles.py. CLASSIFIER is the folder of the classifier of the two styles. It is trained on the
real images of the split `train`, longer than in `i2ikit eval`, because the styles are hard to distinguish. The script rewrites numbers.json
of each run and prints a table, sorted by the share of translations that the classifier assigns to the target style.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from i2ikit import tune_cpu
from i2ikit.data import open_data
from i2ikit.evaluation import Preparation, evaluate_run, make_evaluation_classifier
from i2ikit.train.page import write_page

STEPS = 2700
COLUMNS = ("accuracy", "edge_energy", "psnr", "ssim", "diversity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of the data set.")
    parser.add_argument("classifier", type=Path, help="Folder of the classifier; trained and saved there if missing.")
    parser.add_argument("runs", type=Path, nargs="+", help="Run folders to evaluate.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the table to this file.")
    arguments = parser.parse_args()
    tune_cpu()
    data = open_data(arguments.data, batch_kind="unpaired", background="white")
    classifier = make_evaluation_classifier(data, Preparation(64, 64, "fit"), steps=STEPS, cache=arguments.classifier)
    accuracy = {name: round(share, 4) for name, share in classifier.accuracy.items()}
    print(f"accuracy of the classifier on the real images of the test split: {accuracy}", flush=True)
    rows = {}
    for run in arguments.runs:
        report = evaluate_run(run, data=arguments.data, classifier=classifier)
        write_page(run)
        found = {number.name: number.value for number in report.numbers}
        rows[run.name] = {name: round(found[name], 4) for name in (*COLUMNS, "psnr_copy", "psnr_blur") if name in found}
        print(run.name, rows[run.name], flush=True)
    print(f"\n| run | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name in sorted(rows, key=lambda name: -rows[name].get("accuracy", 0.0)):
        print(f"| {name} | {' | '.join(f'{rows[name][each]:.4g}' if each in rows[name] else '-' for each in COLUMNS)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps({"classifier": accuracy, "steps": STEPS, "runs": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
