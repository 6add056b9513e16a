"""StarGAN with the networks of the paper, on two cores: python benchmarks/growing.py DATA OUT [--minutes 38] [--steps 2400 1350].

DATA is the data set of benchmarks/data/emoji_people.py. StarGAN's generator is fully convolutional. Most of its task can be
learned on small images at a quarter of the cost: to reproduce an image through a quarter of its resolution, and to change colours. Training
therefore has two phases: at 32 pixels for 30 % of the time with a constant learning rate, then from those weights at 64 pixels with the
decay of the recipe. The discriminator keeps the layers that have the same shape in both phases. Networks, losses and loss weights are those
of the paper, with these exceptions: the discriminator has three strided layers instead of six, the batch size is 4, the learning rate is
4e-4, and both players are trained at every step.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from i2ikit import Model, build, fit, open_data, tune_cpu
from i2ikit.evaluation import evaluate
from i2ikit.train.page import write_page

SMALL, LARGE = 32, 64
SETTINGS: dict[str, Any] = {
    "batch": 4,
    "lr": 4e-4,
    "ema": 0.998,
    "discriminator": {"depth": 3},
    "players": {"translator": {"every": 1}},
}


def copy_weights(model: Model, other: Model) -> list[str]:
    """Copy the weights that have the same name and shape. Return the names of the other weights, which keep their initial values."""
    own, theirs = model.nets.state_dict(), other.nets.state_dict()
    fits = {name: theirs[name] for name, tensor in own.items() if theirs[name].shape == tensor.shape}
    with torch.no_grad():
        for name, tensor in fits.items():
            own[name].copy_(tensor)
    return [name for name in own if name not in fits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of the data set.")
    parser.add_argument("out", type=Path, help="Folder for the runs.")
    parser.add_argument("--minutes", type=float, default=38, help="Training time of both phases (default: 38).")
    parser.add_argument("--steps", type=int, nargs=2, metavar=("SMALL", "LARGE"), help="Steps of each phase, instead of --minutes.")
    arguments = parser.parse_args()
    tune_cpu()
    data = open_data(arguments.data, labels=("tone",), background="white")
    lengths = [{"minutes": arguments.minutes * share} for share in (0.3, 0.7)]
    if arguments.steps:
        lengths = [{"steps": steps} for steps in arguments.steps]
    small = build("stargan", size=SMALL, labels=data.domain, schedule="constant", **SETTINGS)
    small = fit(small, data, arguments.out / str(SMALL), **lengths[0])
    large = build("stargan", size=LARGE, labels=data.domain, **SETTINGS)
    print("not copied:", ", ".join(copy_weights(large, small)))
    run = arguments.out / str(LARGE)
    large = fit(large, data, run, **lengths[1])
    report = evaluate(large, data, cache=run / "classifier")
    report.write(run / "numbers.json")
    write_page(run)
    print(
        json.dumps({number.name: round(number.value, 4) for number in report.numbers if number.name in ("psnr", "psnr_copy", "accuracy")})
    )


if __name__ == "__main__":
    main()
