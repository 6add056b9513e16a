"""Photographs of ten hand signs: ``python benchmarks/data/sign_digits.py SIGN_LANGUAGE_DIGITS_CHECKOUT OUT``.

2,062 photographs, one folder per digit. The 213 photographs of the committed list are the test split. Images: Apache-2.0,
github.com/ardamavi/Sign-Language-Digits-Dataset (Turkey Ankara Ayranci Anadolu High School; Mavi, arXiv:2011.08927).
"""

from __future__ import annotations

from checkout import build_folder, check_commit, main, parse_paths, read_names, stop

REPOSITORY = "https://github.com/ardamavi/Sign-Language-Digits-Dataset"
COMMIT = "4b09433ef9d5c60602e8805bb54b8aa2428527f8"
IMAGES = 2062


def run() -> None:
    checkout, out = parse_paths("python benchmarks/data/sign_digits.py SIGN_LANGUAGE_DIGITS_CHECKOUT OUT", 2)
    check_commit(checkout, REPOSITORY, COMMIT)
    found = {f"{file.parent.name}/{file.name}": file for file in sorted((checkout / "Dataset").glob("[0-9]/*.JPG"))}
    test = read_names("sign_digits_test.txt")
    found.update({name: checkout / "Dataset" / name for name in test})
    if len(found) != IMAGES:
        stop(f'"{checkout / "Dataset"}" has {len(found)} photographs; expected {IMAGES}. Check out the pinned commit.')
    build_folder(out, {f"{'test' if name in test else 'train'}/{name}": file for name, file in found.items()})


if __name__ == "__main__":
    main(run)
