"""What is known of an option: type, default, allowed values and meaning, from signatures, docstrings and validators. Imports no torch."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import frozen

from i2ikit.core.component import get_annotation
from i2ikit.core.contract import list_options
from i2ikit.core.docstrings import Docstring, read_docstring
from i2ikit.errors import OptionError

_ALLOWED = re.compile(r"\s*Allowed: (.+?)\.(?=\s|$)")
_REFERENCE = re.compile(r"`([\w.]+)`")
_NAMES = {bool: "True or False", type(None): "None"}


@frozen
class OptionDoc:
    """An option of a component, or a setting.

    Attributes:
        name: Its name.
        kind: Its type, or the words that it can be, as text.
        default: Its default as text; None if it is required.
        description: What it does.
        allowed: Its allowed values beyond the type, as text; empty if every value of the type is allowed.
    """

    name: str
    kind: str
    default: str | None
    description: str
    allowed: str = ""


def list_option_docs(role: str, factory: Callable[..., Any]) -> list[OptionDoc]:
    """Return the options of a component that a user sets.

    The docstring of the factory describes each in its section "Args", where "Allowed: 1 or more." names the allowed values. An option that
    is described as "Options of `x`.", or not at all, has the description of the function or class that the docstring mentions.
    """
    entries, docs = _find_entries(factory), []
    for name, option in list_options(role, factory).items():
        annotation = get_annotation(factory, option)
        kind = describe_type(annotation) or inspect.formatannotation(option.annotation).strip("'")
        if option.annotation is option.empty:
            kind = ""
        default = None if option.default is option.empty else format_value(option.default)
        description, allowed = _split_allowed(entries(name))
        docs.append(OptionDoc(name, kind, default, description, allowed))
    return docs


def list_setting_docs(owner: type, names: Sequence[str]) -> list[OptionDoc]:
    """Return settings of a data class, such as a player. The validators of its attributes know the allowed values."""
    entries, docs = read_docstring(owner).list_entries("Attributes"), []
    fields = {each.name: each for each in attrs.fields(owner)}
    hints = inspect.get_annotations(owner, eval_str=False)
    for name in names:
        field = fields[name]
        annotation = get_annotation(owner, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(name, field.type)))
        description, allowed = _split_allowed(entries.get(name, ""))
        docs.append(
            OptionDoc(
                name,
                describe_type(annotation) or str(field.type),
                _find_default(owner, field),
                description,
                allowed or _ask_validator(field),
            )
        )
    return docs


def describe_type(annotation: Any) -> str:
    """Return a type as text: ``int``, ``True or False``, ``"reflect" or "zero"``, ``int or None``; empty if it is unknown."""
    if annotation in _NAMES or annotation is None:
        return _NAMES.get(annotation, "None")
    origin = get_origin(annotation)
    if origin is Literal:
        return _join([format_value(each) for each in get_args(annotation)])
    if origin in (Union, types.UnionType):
        parts = [describe_type(each) for each in get_args(annotation)]
        return _join(parts) if all(parts) else ""
    if origin is tuple:
        parts = [describe_type(each) for each in get_args(annotation) if each is not Ellipsis]
        if not all(parts):
            return ""
        return f"sequence of {parts[0]}" if Ellipsis in get_args(annotation) else f"sequence: {', '.join(parts)}"
    return annotation.__name__ if isinstance(annotation, type) and origin is None else ""


def _find_entries(factory: Callable[..., Any]) -> Callable[[str], str]:
    """Return a function that finds the description of an option."""
    docstring = read_docstring(factory)
    own = docstring.list_entries("Args")

    def find(name: str) -> str:
        text = own.get(name, "")
        if text and not re.fullmatch(r"Options? (of|as in) `[\w.]+`\.", text):
            return text
        for other in _list_references(factory, docstring, text):
            found = read_docstring(other).list_entries("Args").get(name, "")
            if found:
                return found
        return text

    return find


def _list_references(factory: Callable[..., Any], docstring: Docstring, text: str) -> Iterator[Any]:
    """Yield the functions and classes that a description, or else the paragraphs of a docstring, mention."""
    module = sys.modules.get(getattr(factory, "__module__", ""))
    for reference in _REFERENCE.findall(" ".join([text, *docstring.paragraphs])):
        package, _, last = reference.rpartition(".")
        found = getattr(module, last, None) or getattr(sys.modules.get(package), last, None)
        if callable(found):
            yield found


def _split_allowed(text: str) -> tuple[str, str]:
    found = _ALLOWED.search(text)
    return (text, "") if found is None else ((text[: found.start()] + text[found.end() :]).strip(), found[1])


def _find_default(owner: type, field: Any) -> str | None:
    """Return the default of an attribute as text; None if it is required."""
    default = field.default
    if default is attrs.NOTHING:  # the class may have a constructor of its own
        parameter = inspect.signature(owner).parameters.get(field.name)
        default = attrs.NOTHING if parameter is None or parameter.default is inspect.Parameter.empty else parameter.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    return None if default is attrs.NOTHING else format_value(default)


def _ask_validator(field: Any) -> str:
    """Return what the validator of an attribute accepts: its message about values that no attribute accepts."""
    for value in (object(), ()):
        try:
            if field.validator is not None:
                field.validator(types.SimpleNamespace(name=""), field, value)
        except OptionError as error:
            text = str(error).partition("; it must be ")[2].removesuffix(".")
            if not re.match(r"(one of |True or False|a text$|a number$)", text):  # else the type tells as much
                return re.sub(r"^a (whole )?number (of )?", "", text)
        except Exception:  # noqa: BLE001, S112 - a validator that expects something with a length
            continue
    return ""


def format_value(value: object) -> str:
    """Return a default or another value as text, with words in quotes."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
