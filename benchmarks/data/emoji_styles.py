"""One emoji in two drawing styles: ``python benchmarks/data/emoji_styles.py NOTO_EMOJI_CHECKOUT BLOBMOJI_CHECKOUT OUT``.

1,192 pairs to train and 138 to test, equal names across styles: paired data as it stands, unpaired data when the names are not used.
Images: Apache-2.0, github.com/googlefonts/noto-emoji and github.com/C1710/blobmoji.
"""

from __future__ import annotations

from checkout import arguments, build, main, names, verify

REPOSITORIES = {"noto": "https://github.com/googlefonts/noto-emoji", "blob": "https://github.com/C1710/blobmoji"}
COMMITS = {"noto": "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8", "blob": "437784e59a5dc524aca8b8ea520ea1d889d5643e"}


def run() -> None:
    noto, blob, out = arguments("python benchmarks/data/emoji_styles.py NOTO_EMOJI_CHECKOUT BLOBMOJI_CHECKOUT OUT", 3)
    copies = {}
    for style, checkout in (("noto", noto), ("blob", blob)):
        verify(checkout, REPOSITORIES[style], COMMITS[style])
        for split in ("train", "test"):
            for name in names(f"emoji_styles_{split}.txt"):
                copies[f"{split}/{style}/{name}"] = checkout / "png" / "128" / name
    build(out, copies)


if __name__ == "__main__":
    main(run)
