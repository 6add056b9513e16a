"""Photographs of ten hand signs: ``python benchmarks/data/sign_digits.py SIGN_LANGUAGE_DIGITS_CHECKOUT OUT``.

2,062 photographs, one folder a digit; the 213 of the committed list are the test split. Images: Apache-2.0,
github.com/ardamavi/Sign-Language-Digits-Dataset (Turkey Ankara Ayranci Anadolu High School; Mavi, arXiv:2011.08927).
"""

from __future__ import annotations

from checkout import arguments, build, main, names, stop, verify

REPOSITORY = "https://github.com/ardamavi/Sign-Language-Digits-Dataset"
COMMIT = "4b09433ef9d5c60602e8805bb54b8aa2428527f8"
IMAGES = 2062


def run() -> None:
    checkout, out = arguments("python benchmarks/data/sign_digits.py SIGN_LANGUAGE_DIGITS_CHECKOUT OUT", 2)
    verify(checkout, REPOSITORY, COMMIT)
    found = {f"{file.parent.name}/{file.name}": file for file in sorted((checkout / "Dataset").glob("[0-9]/*.JPG"))}
    test = names("sign_digits_test.txt")
    found.update({name: checkout / "Dataset" / name for name in test})
    if len(found) != IMAGES:
        stop(f'"{checkout / "Dataset"}" has {len(found)} photographs, the pinned commit has {IMAGES}. Check out the pinned commit.')
    build(out, {f"{'test' if name in test else 'train'}/{name}": file for name, file in found.items()})


if __name__ == "__main__":
    main(run)
