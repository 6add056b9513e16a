"""What a label means: exclusive groups, independent attributes and label sets that are known for a part of the data only.

The label of n label sets is one vector ``[c_1, ..., c_n, mask]`` (StarGAN, section 3.2): a set that is unknown for an image is
all zeros, and the mask has one entry a set, 1 where it is known. One set that is always known has no mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from i2ikit.errors import LabelError, UnknownNameError

YES = ("1", "1.0", "yes", "true", "y", "t", "on")
NO = ("0", "0.0", "-1", "-1.0", "no", "false", "n", "f", "off")
NONE = "none"  # a group of which an image has no value, such as the hair colour of a bald head


@frozen
class Attribute:
    """One thing that can be said of an image: one value of an exclusive group, or yes or no where there are no ``values``."""

    name: str
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """The number of label entries: one a value, or one for yes or no."""
        return len(self.values) or 1

    @property
    def choices(self) -> tuple[str, ...]:
        """The values as text, ``("no", "yes")`` for an independent attribute."""
        return self.values or ("no", "yes")

    def encode(self, value: object) -> list[float]:
        """Return the label entries of one known value.

        Raises:
            UnknownNameError: The group has no such value.
            LabelError: An independent attribute got something that is neither yes nor no.
        """
        text = str(value).strip()
        if not self.values:
            word = text.lower()
            if word not in YES + NO:
                raise LabelError(f'Attribute "{self.name}" is yes or no; found "{text}". Write 1 or 0.')
            return [float(word in YES)]
        if text == NONE and NONE not in self.values:
            return [0.0] * self.width
        if text not in self.values:
            raise UnknownNameError(f'value of "{self.name}"', text, self.values)
        return [float(text == each) for each in self.values]

    def decode(self, entries: Sequence[float]) -> str:
        """Return the value of label entries: the largest of a group, yes above one half."""
        if not self.values:
            return "yes" if entries[0] > 0.5 else "no"
        best = max(range(len(self.values)), key=lambda index: entries[index])
        return self.values[best] if entries[best] > 0 else NONE


@frozen
class LabelSet:
    """Attributes that are known together or not at all."""

    name: str
    attributes: tuple[Attribute, ...]

    @property
    def width(self) -> int:
        """The number of label entries, without the mask."""
        return sum(attribute.width for attribute in self.attributes)


@frozen
class DomainSpec:
    """The label sets of a data set, and where each stands in the label vector [D].

    ``masked`` says whether the vector ends in a mask; two or more sets always have one.
    """

    sets: tuple[LabelSet, ...] = ()
    masked: bool = field(default=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "masked", self.masked or len(self.sets) > 1)
        names = [part.name for part in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise LabelError(f'Label set "{name}" is declared twice. Give each a name of its own.')
        seen: set[str] = set()
        for attribute in self.attributes:
            if attribute.name in seen:
                raise LabelError(f'Attribute "{attribute.name}" is declared twice. Give each a name of its own.')
            if len(set(attribute.values)) < len(attribute.values) or len(attribute.values) == 1:
                raise LabelError(f'Group "{attribute.name}" needs two or more different values; found {list(attribute.values)}.')
            seen.add(attribute.name)

    @classmethod
    def parse(cls, labels: object) -> DomainSpec:
        """Read a declaration.

        Args:
            labels: A mapping ``{"hair": ("black", "blond"), "male": bool}`` (one set), a sequence of such mappings (several sets),
                a mapping of mappings (several named sets), a sequence of names (one group ``domain``), or a DomainSpec.
        """
        if isinstance(labels, DomainSpec):
            return labels
        if isinstance(labels, Mapping) and labels and all(isinstance(value, Mapping) for value in labels.values()):
            return cls(tuple(_label_set(str(name), part) for name, part in labels.items()))
        if isinstance(labels, Mapping):
            return cls((_label_set("labels", labels),)) if labels else cls()
        if isinstance(labels, Sequence) and not isinstance(labels, str):
            if labels and all(isinstance(part, str) for part in labels):
                return cls((_label_set("labels", {"domain": labels}),))
            if all(isinstance(part, Mapping) for part in labels):
                return cls(tuple(_label_set(f"set{index + 1}", part) for index, part in enumerate(labels)))
        raise LabelError(f'Labels are declared as {{"hair": ("black", "blond"), "male": bool}}; found {labels!r}.')

    def declaration(self) -> dict[str, Any]:
        """Return JSON data from which :meth:`restore` makes an equal spec."""
        sets = {part.name: {each.name: list(each.values) for each in part.attributes} for part in self.sets}
        return {"sets": sets, "masked": self.masked}

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> DomainSpec:
        """Read what :meth:`declaration` wrote."""
        return cls(tuple(_label_set(name, part) for name, part in data["sets"].items()), bool(data["masked"]))

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes in label order."""
        return tuple(attribute for part in self.sets for attribute in part.attributes)

    @property
    def names(self) -> tuple[str, ...]:
        """The domains of a single exclusive group, as unpaired systems use them; empty otherwise."""
        return self.attributes[0].values if len(self.attributes) == 1 else ()

    @property
    def content(self) -> int:
        """The number of label entries without the mask: the width of a discriminator's domain head."""
        return sum(part.width for part in self.sets)

    @property
    def width(self) -> int:
        """The number of label entries with the mask, D."""
        return self.content + (len(self.sets) if self.masked else 0)

    @property
    def entries(self) -> tuple[str, ...]:
        """The name of each label entry, such as ``"hair=black"``, ``"male"`` and ``"mask:labels"``."""
        named = [f"{each.name}={value}" if value else each.name for each in self.attributes for value in (each.values or ("",))]
        return tuple(named + [f"mask:{part.name}" for part in self.sets if self.masked])

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of that name, or raise UnknownNameError."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def slice_of(self, name: str) -> slice:
        """Return where an attribute stands in the label."""
        start = 0
        for attribute in self.attributes:
            if attribute.name == name:
                return slice(start, start + attribute.width)
            start += attribute.width
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def slice_of_set(self, index: int) -> slice:
        """Return where a label set stands in the label."""
        start = sum(part.width for part in self.sets[:index])
        return slice(start, start + self.sets[index].width)

    def set_of(self, name: str) -> int:
        """Return the index of the set that an attribute belongs to."""
        for index, part in enumerate(self.sets):
            if any(attribute.name == name for attribute in part.attributes):
                return index
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def encode(self, row: Mapping[str, object]) -> list[float]:
        """Return the label of one image; a value that is missing, None or empty makes its whole set unknown.

        Raises:
            LabelError: A value is unknown and the label has no mask to say so.
            UnknownNameError: An attribute or value that is not declared.
        """
        for name in row:
            self.attribute(name)
        label: list[float] = []
        mask: list[float] = []
        for part in self.sets:
            values = [row.get(attribute.name) for attribute in part.attributes]
            missing = [each.name for each, value in zip(part.attributes, values, strict=True) if value is None or str(value).strip() == ""]
            if missing and not self.masked:
                raise LabelError(
                    f'The value of "{missing[0]}" is unknown, but the labels have no mask. Declare them with a mask (masked=True).'
                )
            mask.append(float(not missing))
            for attribute, value in zip(part.attributes, values, strict=True):
                label += [0.0] * attribute.width if missing else attribute.encode(value)
        return label + (mask if self.masked else [])

    def decode(self, label: Sequence[float]) -> dict[str, str | None]:
        """Return the value of each attribute; None for those of an unknown set."""
        row: dict[str, str | None] = {}
        for index, part in enumerate(self.sets):
            known = not self.masked or label[self.content + index] > 0.5
            for attribute in part.attributes:
                row[attribute.name] = attribute.decode(label[self.slice_of(attribute.name)]) if known else None
        return row


def _label_set(name: str, attributes: Mapping[Any, Any]) -> LabelSet:
    return LabelSet(name, tuple(Attribute(str(key), _values(key, value)) for key, value in attributes.items()))


def _values(name: object, value: object) -> tuple[str, ...]:
    if value is bool or value == "bool":
        return ()
    if isinstance(value, (set, frozenset)):
        raise LabelError(f'The values of "{name}" are given as a set, which has no order. Write a tuple: {tuple(sorted(map(str, value)))}.')
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(str(each) for each in value)
    raise LabelError(f'Attribute "{name}" is declared by its values or by bool; found {value!r}.')
