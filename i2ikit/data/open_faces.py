"""Opens the built-in faces by their name and options: ``"faces:count=3000,size=64"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset, Origin
from i2ikit.errors import DataError, OptionError

if TYPE_CHECKING:
    from typing import Any

FACES = "faces"
_INTEGERS = ("count", "size", "seed", "partial", "hats")
_WORDS = ("view", "target", "domains")
_EXAMPLE = "faces:count=3000,size=64,seed=0,partial=1"
_BY_KIND = {"paired": "faces:view=sketch,target=image", "unpaired": "faces:domains=hair", "labelled": "faces"}


def names_faces(text: str) -> bool:
    """Return whether a text means the built-in faces."""
    return text == FACES or text.startswith(f"{FACES}:")


def open_faces(text: str, labels: Sequence[str] | None, others: Mapping[str, Any]) -> Dataset:
    """Open the built-in faces with the options in their name.

    Raises:
        OptionError: An option does not exist, or one of ``others`` is for files.
        DataError: The faces are of another batch kind than the requested one.
    """
    given = [name for name, value in others.items() if value is not None and name != "batch_kind"]
    if given:
        raise OptionError(f'The built-in faces do not support {given[0]}=. Write their options after a colon, such as "{_EXAMPLE}".')
    options: dict[str, Any] = {}
    for part in filter(None, text.partition(":")[2].split(",")):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in {*_INTEGERS, *_WORDS} or not value or (name in _INTEGERS and not value.isdigit()):
            raise OptionError(f'"{part}" is not an option of the built-in faces. Write options such as "{_EXAMPLE}".')
        options[name] = int(value) if name in _INTEGERS else value
    options |= {name: bool(options[name]) for name in ("partial", "hats") if name in options}
    from i2ikit.data.faces import FacesDataset

    if labels is not None:
        options["labels"] = tuple(labels)
    faces = FacesDataset(**options)
    requested = others["batch_kind"]
    if requested not in (None, faces.batch_kind, *(("images",) if get_arrangement(faces).has_labels else ())):
        kept = [part for part in text.partition(":")[2].split(",") if part and part.partition("=")[0].strip() not in _WORDS]
        name, _, needed = _BY_KIND.get(requested, FACES).partition(":")
        suggested = ",".join([*kept, needed] if needed else kept)
        example = f"{name}:{suggested}" if suggested else name
        raise DataError(f'Requested {requested} data, but "{text}" is {faces.batch_kind}. Use "{example}".')
    selected = {} if labels is None else {"labels": list(labels)}
    faces.origin = Origin(text, selected if requested is None else {**selected, "batch_kind": requested})
    return faces
