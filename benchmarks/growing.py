"""The paper's networks and losses on two cores: python benchmarks/growing.py DATA OUT [--minutes 38] [--steps 2400 1350].

DATA is the set that benchmarks/data/emoji_people.py makes. StarGAN's generator has no layer that knows the size of the image, and most of
what it has to learn, to copy an image through a quarter of its size and to change colours, can be learnt on small images at a quarter of
the cost. It is trained twice: at 32 pixels for three tenths of the time with a constant learning rate, and from those weights at 64 with
the recipe's decay; of the discriminator, those layers are taken over that have the same shape. Networks, losses and their weights are the paper's
in both parts; the discriminator has three strided layers in place of six, batches hold 4 images, the learning rate is 4e-4, and both players play
every step.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from i2ikit import Model, build, fit, open_data, tune_cpu
from i2ikit.evaluate import evaluate
from i2ikit.train.page import write_page

SMALL, LARGE = 32, 64
SETTINGS: dict[str, Any] = {
    "batch": 4,
    "lr": 4e-4,
    "ema": 0.998,
    "discriminator": {"depth": 3},
    "players": {"translator": {"every": 1}},
}


def take_over(model: Model, other: Model) -> list[str]:
    """Copy the weights that have the same name and shape; return the names of those that stay as they were made."""
    own, theirs = model.nets.state_dict(), other.nets.state_dict()
    fits = {name: theirs[name] for name, tensor in own.items() if theirs[name].shape == tensor.shape}
    with torch.no_grad():
        for name, tensor in fits.items():
            own[name].copy_(tensor)
    return [name for name in own if name not in fits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=38)
    parser.add_argument("--steps", type=int, nargs=2, metavar=("SMALL", "LARGE"))
    chosen = parser.parse_args()
    tune_cpu()
    data = open_data(chosen.data, labels=("tone",), background="white")
    lengths = [{"minutes": chosen.minutes * share} for share in (0.3, 0.7)]
    if chosen.steps:
        lengths = [{"steps": steps} for steps in chosen.steps]
    small = build("stargan", size=SMALL, labels=data.domain, schedule="constant", **SETTINGS)
    small = fit(small, data, chosen.out / str(SMALL), **lengths[0])
    large = build("stargan", size=LARGE, labels=data.domain, **SETTINGS)
    print("made anew:", ", ".join(take_over(large, small)))
    run = chosen.out / str(LARGE)
    large = fit(large, data, run, **lengths[1])
    report = evaluate(large, data, cache=run / "classifier")
    report.write(run / "numbers.json")
    write_page(run)
    print(
        json.dumps({number.name: round(number.value, 4) for number in report.numbers if number.name in ("psnr", "psnr_copy", "accuracy")})
    )


if __name__ == "__main__":
    main()
