"""The labels of a data set: categorical attributes, binary attributes, and label sets that are known for only a part of the images.

The label of n label sets is one vector ``[c_1, ..., c_n, mask]`` (StarGAN, section 3.2). If a set is unknown for an image, its entries
are all zero. The mask has one entry for each set, which is 1 if the set is known. A single set that is always known has no mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from i2ikit.errors import LabelError, UnknownNameError

YES = ("1", "1.0", "yes", "true", "y", "t", "on")
NO = ("0", "0.0", "-1", "-1.0", "no", "false", "n", "f", "off")
NONE = "none"  # the value of an attribute that can be none: no value applies, such as the hair colour of a bald head in CelebA


@frozen
class Attribute:
    """One property of an image: a categorical attribute, or a binary attribute if there are no ``values``.

    Attributes:
        name: The name.
        values: The values of a categorical attribute.
        can_be_none: Whether an image may have none of the values, as the hair colour in CelebA. Its value is then ``"none"``, and its label
            entries are all zero. If ``"none"`` is one of the values, it has an entry like any other.
    """

    name: str
    values: tuple[str, ...] = ()
    can_be_none: bool = field(default=False, eq=False, repr=False)  # labels are the same with and without it

    @property
    def width(self) -> int:
        """The number of label entries: one for each value of a categorical attribute, or one for a binary attribute."""
        return len(self.values) or 1

    @property
    def choices(self) -> tuple[str, ...]:
        """The values as text; ``("no", "yes")`` for a binary attribute."""
        return self.values or ("no", "yes")

    def encode(self, value: object) -> list[float]:
        """Return the label entries of one known value.

        Raises:
            UnknownNameError: The group has no such value.
            LabelError: The value of a binary attribute is neither yes nor no, nor a number from 0 to 1.
        """
        text = str(value).strip()
        if not self.values:
            word = text.lower()
            share = _parse_share(word)
            if share is None:
                raise LabelError(f'Attribute "{self.name}" must be yes or no, or a number from 0 to 1; found "{text}". Write 1 or 0.')
            return [share]
        if text == NONE and self.can_be_none and NONE not in self.values:
            return [0.0] * self.width
        if text not in self.values:
            raise UnknownNameError(f'value of "{self.name}"', text, self.values)
        return [float(text == each) for each in self.values]

    def decode(self, entries: Sequence[float]) -> str:
        """Return the value of label entries.

        It is that of the largest entry of a categorical attribute; of a binary attribute yes, no, or a number between 0 and 1 as text.
        """
        if not self.values:
            return f"{entries[0]:g}" if 0 < entries[0] < 1 else "yes" if entries[0] > 0 else "no"
        best = max(range(len(self.values)), key=lambda index: entries[index])
        return self.values[best] if entries[best] > 0 or NONE in self.values else NONE


@frozen
class LabelSet:
    """Attributes that are either all known or all unknown for an image."""

    name: str
    attributes: tuple[Attribute, ...]

    @property
    def width(self) -> int:
        """The number of label entries without the mask entry."""
        return sum(attribute.width for attribute in self.attributes)


@frozen
class DomainSpec:
    """The label sets of a data set, and the position of each in the label vector [D].

    Attributes:
        sets: The label sets in label order.
        masked: Whether the label vector ends with a mask. Two or more sets always have a mask.
    """

    sets: tuple[LabelSet, ...] = ()
    masked: bool = field(default=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "masked", self.masked or len(self.sets) > 1)
        names = [part.name for part in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise LabelError(f'Label set "{name}" is declared twice. Give each label set a different name.')
        seen: set[str] = set()
        for attribute in self.attributes:
            if attribute.name in seen:
                raise LabelError(f'Attribute "{attribute.name}" is declared twice. Give each attribute a different name.')
            if len(set(attribute.values)) < len(attribute.values) or len(attribute.values) == 1:
                raise LabelError(f'Attribute "{attribute.name}" must have two or more different values; found {list(attribute.values)}.')
            seen.add(attribute.name)

    @classmethod
    def parse(cls, labels: object) -> DomainSpec:
        """Make a DomainSpec from a declaration of labels.

        Args:
            labels: A mapping ``{"hair": ("black", "blond"), "male": bool}`` (one set), a sequence of such mappings (several sets),
                a mapping of such mappings (several named sets), a sequence of names (values of one attribute, ``domain``), or a DomainSpec.

        Raises:
            LabelError: The declaration has another form, a name occurs twice, or an attribute has one value only.
        """
        if isinstance(labels, DomainSpec):
            return labels
        if isinstance(labels, Mapping) and labels and all(isinstance(value, Mapping) for value in labels.values()):
            return cls(tuple(_make_label_set(str(name), part) for name, part in labels.items()))
        if isinstance(labels, Mapping):
            return cls((_make_label_set("labels", labels),)) if labels else cls()
        if isinstance(labels, Sequence) and not isinstance(labels, str):
            if labels and all(isinstance(part, str) for part in labels):
                return cls((_make_label_set("labels", {"domain": labels}),))
            if all(isinstance(part, Mapping) for part in labels):
                return cls(tuple(_make_label_set(f"set{index + 1}", part) for index, part in enumerate(labels)))
        raise LabelError(f'labels={labels!r} cannot be read. Declare labels like this: {{"hair": ("black", "blond"), "male": bool}}.')

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data from which :meth:`from_dict` makes an equal spec."""
        sets = {part.name: {each.name: list(each.values) for each in part.attributes} for part in self.sets}
        categorical = [each for each in self.attributes if _lacks_none(each.values)]
        none = [each.name for each in categorical if each.can_be_none]
        # In files of earlier versions every categorical attribute could be none. Therefore the list is left out if it names all of them.
        return {"sets": sets, "masked": self.masked, **({} if len(none) == len(categorical) else {"none": none})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DomainSpec:
        """Make a DomainSpec from the data that :meth:`to_dict` returned."""
        spec = cls(tuple(_make_label_set(name, part) for name, part in data["sets"].items()), bool(data["masked"]))
        return spec.allow_none(data["none"] if "none" in data else [each.name for each in spec.attributes if _lacks_none(each.values)])

    def allow_none(self, names: Iterable[str]) -> DomainSpec:
        """Return these labels, in which the named attributes can be none."""
        chosen = set(names)
        sets = (
            evolve(part, attributes=tuple(evolve(each, can_be_none=each.can_be_none or each.name in chosen) for each in part.attributes))
            for part in self.sets
        )
        return evolve(self, sets=tuple(sets))

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes in label order."""
        return tuple(attribute for part in self.sets for attribute in part.attributes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the domains if the labels are a single categorical attribute (CycleGAN, MUNIT); otherwise empty."""
        return self.attributes[0].values if len(self.attributes) == 1 else ()

    @property
    def num_values(self) -> int:
        """The number of label entries without the mask; also the number of domain logits of a discriminator."""
        return sum(part.width for part in self.sets)

    @property
    def width(self) -> int:
        """The number of label entries with the mask, D."""
        return self.num_values + (len(self.sets) if self.masked else 0)

    @property
    def entries(self) -> tuple[str, ...]:
        """The name of each label entry, such as ``"hair=black"``, ``"male"`` and ``"mask:labels"``."""
        names = [f"{each.name}={value}" if value else each.name for each in self.attributes for value in (each.values or ("",))]
        return tuple(names + [f"mask:{part.name}" for part in self.sets if self.masked])

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of that name, or raise UnknownNameError."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def get_slice(self, name: str) -> slice:
        """Return the position of an attribute in the label vector, or raise UnknownNameError."""
        start = 0
        for attribute in self.attributes:
            if attribute.name == name:
                return slice(start, start + attribute.width)
            start += attribute.width
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def get_set_slice(self, index: int) -> slice:
        """Return the position of a label set in the label vector."""
        start = sum(part.width for part in self.sets[:index])
        return slice(start, start + self.sets[index].width)

    def get_set_index(self, name: str) -> int:
        """Return the index of the set to which an attribute belongs, or raise UnknownNameError."""
        for index, part in enumerate(self.sets):
            if any(attribute.name == name for attribute in part.attributes):
                return index
        raise UnknownNameError("attribute", name, [attribute.name for attribute in self.attributes])

    def encode(self, row: Mapping[str, object]) -> list[float]:
        """Return the label vector of one image. If one value is missing, None or empty, its whole set is unknown.

        Raises:
            LabelError: A value is unknown, and the label has no mask.
            UnknownNameError: An attribute or a value is not declared.
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
                    f'The value of "{missing[0]}" is unknown, but the labels have no mask. '
                    f"Give a value, or declare the labels with a mask (masked=True)."
                )
            mask.append(float(not missing))
            for attribute, value in zip(part.attributes, values, strict=True):
                label += [0.0] * attribute.width if missing else attribute.encode(value)
        return label + (mask if self.masked else [])

    def decode(self, label: Sequence[float]) -> dict[str, str | None]:
        """Return the value of each attribute; None for the attributes of an unknown set."""
        row: dict[str, str | None] = {}
        for index, part in enumerate(self.sets):
            known = not self.masked or label[self.num_values + index] > 0.5
            for attribute in part.attributes:
                row[attribute.name] = attribute.decode(label[self.get_slice(attribute.name)]) if known else None
        return row


def _parse_share(word: str) -> float | None:
    """Return the label entry of a binary attribute: 1 for yes, 0 for no, or a number between them, a soft label; None for other texts."""
    if word in YES + NO:
        return float(word in YES)
    try:
        number = float(word)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _lacks_none(values: Sequence[str]) -> bool:
    return bool(values) and NONE not in values


def _make_label_set(name: str, attributes: Mapping[Any, Any]) -> LabelSet:
    return LabelSet(name, tuple(Attribute(str(key), _get_values(key, value)) for key, value in attributes.items()))


def _get_values(name: object, value: object) -> tuple[str, ...]:
    if value is bool or value == "bool":
        return ()
    if isinstance(value, (set, frozenset)):
        raise LabelError(f'The values of "{name}" are a set, which has no order. Write a tuple: {tuple(sorted(map(str, value)))}.')
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(str(each) for each in value)
    raise LabelError(f'The declaration of attribute "{name}" must be bool or a tuple of values; found {value!r}.')
