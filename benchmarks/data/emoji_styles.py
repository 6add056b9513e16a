"""One emoji in two drawing styles: ``python benchmarks/data/emoji_styles.py NOTO_EMOJI_CHECKOUT BLOBMOJI_CHECKOUT OUT``.

1,192 training pairs and 138 test pairs. The images of a pair have equal names. The set serves as paired data, or without the names as
unpaired data.
Images: Apache-2.0, github.com/googlefonts/noto-emoji and github.com/C1710/blobmoji.
"""

from __future__ import annotations

from checkout import build_folder, check_commit, main, parse_paths, read_names

REPOSITORIES = {"noto": "https://github.com/googlefonts/noto-emoji", "blob": "https://github.com/C1710/blobmoji"}
COMMITS = {"noto": "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8", "blob": "437784e59a5dc524aca8b8ea520ea1d889d5643e"}


def run() -> None:
    noto, blob, out = parse_paths("python benchmarks/data/emoji_styles.py NOTO_EMOJI_CHECKOUT BLOBMOJI_CHECKOUT OUT", 3)
    copies = {}
    for style, checkout in (("noto", noto), ("blob", blob)):
        check_commit(checkout, REPOSITORIES[style], COMMITS[style])
        for split in ("train", "test"):
            for name in read_names(f"emoji_styles_{split}.txt"):
                copies[f"{split}/{style}/{name}"] = checkout / "png" / "128" / name
    build_folder(out, copies)


if __name__ == "__main__":
    main(run)
