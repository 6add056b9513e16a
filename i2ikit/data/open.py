"""``open_data``: opens a data set of any layout."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from i2ikit.core.arguments import a_path, a_text, check_arguments, names, whole
from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import CONTENTS, Content, ImageSpec
from i2ikit.data.arrangements import ARRANGEMENTS, get_arrangement
from i2ikit.data.dataset import Dataset, FileDataset, Item, Origin
from i2ikit.data.holdout import assign_splits
from i2ikit.data.images import Images, Reading, describe_floats, find_native_spec
from i2ikit.data.labels import declare_labels
from i2ikit.data.layout import find_source, read_manifest
from i2ikit.data.left_out import summarise, unite
from i2ikit.data.manifest import FIRST_RULES, RULES, Manifest, format_names
from i2ikit.data.missing_values import describe_missing_values
from i2ikit.data.open_faces import FACES, names_faces, open_faces
from i2ikit.data.random_crop import parse_random_crop
from i2ikit.data.source import Source
from i2ikit.errors import DataError, OptionError, suggest
from i2ikit.paths import path_exists, suggest_path
from i2ikit.pixels.decoding import read_size
from i2ikit.pixels.pictures import check_limit
from i2ikit.pixels.value_range import FLOATS, parse_range
from i2ikit.quoting import split_list

if TYPE_CHECKING:
    from typing import Any

FILE_BATCH_KINDS = (*ARRANGEMENTS, "glued")
"""What files can be read as; "glued" images hold a pair side by side and become paired batches."""


@check_arguments(
    path=a_path,
    labels=names,
    batch_kind=a_text,
    background=a_text,
    channels=whole(1, 4096),
    source_channels=whole(1, 4096),
    source_content=a_text,
    rules=whole(0),
)
def open_data(
    path: str | os.PathLike[str],
    *,
    labels: str | Sequence[str] | None = None,
    sets: Sequence[Sequence[str]] | None = None,
    batch_kind: str | None = None,
    pairs: bool | str | Sequence[str] | None = None,
    background: str | None = None,
    channels: int | None = None,
    source_channels: int | None = None,
    source_content: Content | None = None,
    crop: int | Sequence[int] | str | None = None,
    holdout: float | None = None,
    range: str | Sequence[float] | None = None,  # noqa: A002 - the name of the option everywhere
    max_pixels: int | None = None,
    rules: int = RULES,
) -> Dataset:
    """Open a data set of any layout. The layout is recognised, and ``notes`` of the data set tells what was chosen automatically.

    These layouts are recognised: one folder for each domain; two folders, as unpaired domains or as pairs of equal name; images A|B that
    hold a pair side by side; a table (CSV, JSON lines); CelebA's attribute list; RaFD's file names; a zip archive of any of these, which
    is read without unpacking. Folders ``train``, ``val`` and ``test`` are splits.

    ``"faces"`` opens the built-in faces. Options follow a colon: ``"faces:count=3000,size=64,seed=0,partial=1"``,
    ``"faces:view=sketch,target=image"`` for pairs, ``"faces:domains=hair"`` for unpaired domains.

    Args:
        path: A folder, a zip archive, a table, or ``"faces"``.
        labels: The attributes to use, in this order, as names or as text (``"tone,gender"``); the default is all.
        sets: The attributes of each label set; by default, attributes that are unknown for the same images form a set.
        batch_kind: ``"labelled"``, ``"unpaired"``, ``"paired"``, ``"images"`` (all images of a folder and its subfolders, without labels)
            or ``"glued"`` (pairs side by side in one image); the default depends on the layout.
        pairs: True reads two folders as pairs; two folder names are the source and the target.
        background: A colour behind transparent pixels, such as ``"white"`` or ``"#808080"``; None keeps alpha as a channel.
        channels: Number of channels to convert to, 1 to 4; None keeps the channels of the files.
        source_channels: Number of channels of the sources of pairs; the default is ``channels``. Of label maps: the number of classes.
        source_content: What the sources of pairs are: ``"picture"`` (default); ``"label_map"``, files of class indices, which are read as
            one plane for each class; or ``"instance_map"``, files with the number of an instance for each pixel.
        crop: A centre crop of every image: a size, or height and width. ``"random:256"`` or ``"random:256x192"``: a training crops a window
            of this size at a random place, from the image at its native scale; evaluation and sample grids use the window at the centre.
        holdout: The share of subjects that becomes the test split; the default is 0.1 if the data has no splits, else 0.
        range: The values of black and white in the files, such as ``(0, 4095)`` or ``"0,4095"``; they become -1 and 1. By default integers
            of 8 and 16 bits use their full depth, and floats are in [0, 1]. Files that cannot hold the range, such as the targets of 8
            bits of sources of 12 bits, use their full depth, too.
        max_pixels: The largest number of pixels that a file may declare; the default is 200 million.
        rules: The rules by which values and the hold-out are chosen. A run stores them, so that its data stays what it was: 2, the present
            rules; 1, those of version 0.1: the value "none" of a table had no label entry, the hold-out did not consider values, and floats
            in files were in [-1, 1].

    Raises:
        DataError: The path does not exist, has no images, or has an unknown layout.
        UnknownNameError: The data does not have a label.
    """
    if isinstance(labels, str):
        labels = split_list(labels)
    if isinstance(pairs, str):
        pairs = split_list(pairs)
    text, declared = os.fspath(path), parse_range(range)
    options: dict[str, Any] = {
        "sets": sets,
        "batch_kind": batch_kind,
        "pairs": pairs,
        "background": background,
        "channels": channels,
        "source_channels": source_channels,
        "source_content": source_content,
        "crop": crop,
        "holdout": holdout,
        "range": None if declared is None else list(declared),
        "max_pixels": max_pixels,
    }
    if batch_kind is not None and batch_kind not in FILE_BATCH_KINDS:
        raise OptionError(f'No batch kind is called "{batch_kind}". {suggest(batch_kind, FILE_BATCH_KINDS)}')
    _check_rules(rules)
    _check_content(source_content, source_channels)
    if isinstance(path, str) and names_faces(text):
        if Path(text).exists():
            raise DataError(
                f'"{text}" means the built-in faces, but a folder of this name exists too. Write "./{text}" for the folder, or '
                f'"{FACES}:size=128" for the faces.'
            )
        return open_faces(text, labels, options)
    existing = _check_path(text)
    source, table = find_source(existing)
    manifest = read_manifest(source, table, labels, batch_kind, pairs, rules)
    manifest = assign_splits(manifest, holdout, labels=labels, rules=rules)
    domain, rows, notes = declare_labels(manifest, None if manifest.labels_selected else labels, sets, rules=rules)
    if manifest.crop and crop is None and not _fits(source, manifest):
        manifest = evolve(manifest, crop=None)
    if crop is None and manifest.crop:
        notes.append(
            f"Images are cropped to {manifest.crop}x{manifest.crop} pixels at the centre, as usual for this data. crop= changes it."
        )
    window = _parse_crop(crop if crop is not None else manifest.crop)
    reading = Reading(
        background, channels, source_channels, window, manifest.glued, source_content or "picture", check_limit(max_pixels),
        declared, FLOATS if rules > FIRST_RULES else (-1.0, 1.0), random_crop=parse_random_crop(crop) is not None,
    )  # fmt: skip
    name = existing.stem if existing.suffix.lower() == ".zip" else source.path.resolve().name
    data = make_dataset(source, manifest, domain, rows, reading, notes, name=name)
    data.origin = Origin(text, {name: value for name, value in {"labels": labels, **options, "rules": rules}.items() if value is not None})
    return data


def _fits(source: Source, manifest: Manifest) -> bool:
    """Return whether the first image that can be read is at least as large as the usual crop of such data."""
    for record in manifest.records[:8]:
        with suppress(DataError):
            return min(read_size(source.read(record.file), record.file)) >= (manifest.crop or 0)
    return True


def open_stored(path: str, options: Mapping[str, Any]) -> Dataset:
    """Open the data set that a run describes. Its rules are the first ones if the run names none: it was started before there were others.

    Raises:
        DataError: As :func:`open_data`, or an option is unknown.
    """
    known = [*inspect.signature(open_data).parameters][1:]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise DataError(f'The data "{path}" is stored with the unknown option "{unknown[0]}". {suggest(unknown[0], known)}')
    return open_data(path, **{"rules": FIRST_RULES, **options})


def make_dataset(
    source: Source,
    manifest: Manifest,
    domain: DomainSpec,
    rows: Sequence[Mapping[str, str | None]],
    reading: Reading,
    notes: Sequence[str],
    *,
    name: str,
) -> FileDataset:
    """Return the data set of a manifest."""
    images = Images(source, reading)
    items = [Item(each.file, each.split, row, each.subject, each.target_file) for each, row in zip(manifest.records, rows, strict=True)]
    arrangement = get_arrangement(manifest)
    if arrangement.has_domains and not domain.names:
        names = [attribute.name for attribute in domain.attributes]
        raise DataError(
            f"Unpaired data requires exactly one categorical attribute, whose values are the domains; found "
            f"{format_names(names, 12) or 'no labels'}. Choose one with labels=."
        )
    unknown: list[str] = []
    if arrangement.has_domains:
        name_of_domain = domain.attributes[0].name
        unknown = [item.file for item in items if item.row[name_of_domain] is None]
        items = [item for item in items if item.row[name_of_domain] is not None]
    source_image, bits = find_native_spec(images, [item.file for item in items])
    image = source_image
    if arrangement.has_targets:
        image, target_bits = find_native_spec(images, [str(item.target_file) for item in items], is_target=True)
        bits = max(bits, target_bits)
    elif reading.source_content != "picture":
        raise OptionError(f'source_content="{reading.source_content}" is for the sources of pairs; "{name}" is {manifest.batch_kind} data.')
    images.expected_channels = {False: source_image.channels, True: image.channels}
    if reading.source_content != "picture":
        classes = reading.source_channels or 1
        source_image = ImageSpec(classes, source_image.height, source_image.width, reading.source_content)
    left_out = unite(manifest.left_out, {"without a domain": unknown})
    missing = describe_missing_values(domain, items)
    return FileDataset(
        images,
        items,
        name=name,
        batch_kind=manifest.batch_kind,
        domain=domain,
        image=image,
        source=source_image,
        bits=bits,
        notes=(*manifest.notes, *notes, *describe_floats(reading, bits), *([missing] if missing else [])),
        warnings=[text for text in (missing, summarise(left_out)) if text],
        left_out=left_out,
    )


def _check_rules(rules: int) -> None:
    available = range(FIRST_RULES, RULES + 1)
    if rules not in available:
        raise OptionError(f"rules={rules!r} does not exist. Available: {', '.join(map(str, available))}.")


def _check_content(content: str | None, channels: int | None) -> None:
    if content is not None and content not in CONTENTS:
        raise OptionError(f'source_content="{content}" does not exist. {suggest(content, CONTENTS)}')
    if content == "label_map" and channels is None:
        raise OptionError('source_content="label_map" requires the number of classes. Add it: source_channels=NUMBER.')


def _check_path(text: str) -> Path:
    path = Path(text).expanduser()
    if not path_exists(path):
        raise DataError(f'There is no data at "{text}". {suggest_path(path)}')
    return path


def _parse_crop(crop: int | Sequence[int] | str | None) -> tuple[int, int] | None:
    if crop is None or isinstance(crop, str):
        window = parse_random_crop(crop)
        if crop is not None and window is None:
            raise OptionError(f'crop="{crop}" is no crop. Give a size, height and width, or "random:SIZE" such as crop="random:256".')
        return window
    size = (crop, crop) if isinstance(crop, int) else tuple(crop)
    if len(size) != 2 or min(size) < 1:
        raise OptionError(f"crop must be a size, or height and width, of at least 1; found {crop}.")
    return int(size[0]), int(size[1])
