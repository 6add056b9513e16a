"""Files that a data set does not use, by cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from i2ikit.data.source import SYSTEM, LeftOut, Source
from i2ikit.errors import format_count
from i2ikit.pixels import is_image
from i2ikit.pixels.formats import find_format

_KINDS = {
    "DICOM": ".dcm .dicom",
    "raw photograph": ".cr2 .cr3 .nef .arw .dng .orf .rw2 .raf .pef .srw .raw .x3f",
    "video": ".mp4 .mov .avi .mkv .webm .m4v .mpg .mpeg .wmv .flv .3gp",
    "layered image": ".psd .psb .xcf .kra .ora .clip .sketch .afphoto",
    "vector image": ".svg .eps .ps .pdf .ai .wmf .emf",
    "image of another format": ".jp2 .j2k .jpx .jxl .exr .hdr .tga .ico .dds .pcx .pfm .pnm .pbm .bpg .nii .mha .mhd .nrrd .fits .fit",
    "arrays": ".npz .mat .h5 .hdf5 .pt .pth .pkl .pickle .tfrecord .lmdb .zarr",
    "table": ".csv .tsv .jsonl .json .xlsx .xls .ods .parquet .feather .xml",
    "archive": ".zip .tar .gz .tgz .bz2 .xz .7z .rar",
    "text": ".txt .md .rst .html .htm .doc .docx .rtf .log .yml .yaml .toml .ini .cfg .py .ipynb .sh",
}
_KIND_OF_SUFFIX = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}
_EXPECTED = (SYSTEM, "text", "table")  # causes that begin with these are not told at each training
_MOST_HEADS = 20  # files without a suffix whose format is looked up


def find_other_files(source: Source, used: Iterable[str]) -> LeftOut:
    """Return the files of a source that are no images, by their kind and suffix.

    Args:
        source: The files.
        used: Files that are read, such as tables.
    """
    found: LeftOut = {}
    known = set(used)
    heads = 0
    for name in source.files:
        if is_image(name) or name in known:
            continue
        suffix = PurePosixPath(name).suffix.lower()
        if suffix:
            cause = f"{_KIND_OF_SUFFIX.get(suffix, 'unknown suffix')} ({suffix})"
        else:
            heads += 1
            form = find_format(source.read_head(name)) if heads <= _MOST_HEADS else None
            cause = "no suffix" if form is None else f"no suffix, although {form}"
        found.setdefault(cause, []).append(name)
    return found


def unite(*parts: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the names of several parts by cause, without causes that have none."""
    united: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for cause, names in part.items():
            if names:
                united[cause] = (*united.get(cause, ()), *names)
    return united


def summarise(left_out: Mapping[str, Sequence[str]]) -> str:
    """Return one sentence on what is left out and was probably meant to be used; an empty text if there is nothing."""
    told = [count_left_out(cause, names) for cause, names in left_out.items() if not cause.startswith(_EXPECTED)]
    if not told:
        return ""
    return f"Left out: {'; '.join(told)}. To list them: i2ikit data check."


def count_left_out(cause: str, names: Sequence[str]) -> str:
    """Return how many files or folders are left out, and why: ``"3 files, video (.mp4)"``."""
    if cause == SYSTEM:
        return f"{len(names):,} {cause}"
    folders = [name for name in names if name.endswith("/")]
    if folders and len(folders) < len(names):
        return f"{len(names):,} files and folders, {cause}"
    return f"{format_count(len(names), 'folder' if folders else 'file')}, {cause}"
