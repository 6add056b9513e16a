"""People of Noto Emoji in six skin tones: ``python benchmarks/data/emoji_people.py NOTO_EMOJI_CHECKOUT OUT``.

288 subjects, each drawn in every tone, so that every change of tone has a target image. The gender is known if the emoji has variants
for it. The data are split by emoji: a subject is never in both splits. Images: Apache-2.0, github.com/googlefonts/noto-emoji.
"""

from __future__ import annotations

import csv
import io

from checkout import build_folder, check_commit, main, parse_paths, read_names

REPOSITORY = "https://github.com/googlefonts/noto-emoji"
COMMIT = "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8"
TONES = {"default": "", "light": "1f3fb", "medium_light": "1f3fc", "medium": "1f3fd", "medium_dark": "1f3fe", "dark": "1f3ff"}
GENDERS = {"2640": "female", "2642": "male"}  # the signs that follow a person
PERSONS = {"1f469": "female", "1f468": "male"}


def make_file_name(subject: str, tone: str) -> str:
    """Return the file name of a subject in a tone: the code of the tone follows the first code of the sequence."""
    first, *rest = subject.split("_")
    return "emoji_u" + "_".join([first, *filter(None, [TONES[tone]]), *rest]) + ".png"


def find_gender(subject: str) -> str:
    """Return "female", "male", or an empty string if the sequence has no gender."""
    codes = subject.split("_")
    return next((GENDERS[code] for code in codes if code in GENDERS), PERSONS.get(codes[0], ""))


def run() -> None:
    checkout, out = parse_paths("python benchmarks/data/emoji_people.py NOTO_EMOJI_CHECKOUT OUT", 2)
    check_commit(checkout, REPOSITORY, COMMIT)
    splits = {subject: split for split in ("train", "test") for subject in read_names(f"emoji_people_{split}.txt")}
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["file", "split", "subject", "tone", "gender"])
    copies = {}
    for subject in sorted(splits):
        for tone in TONES:
            file = make_file_name(subject, tone)
            copies[f"images/{file}"] = checkout / "png" / "128" / file
            writer.writerow([f"images/{file}", splits[subject], subject, tone, find_gender(subject)])
    build_folder(out, copies, {"attributes.csv": table.getvalue()})


if __name__ == "__main__":
    main(run)
