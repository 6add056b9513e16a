r"""Text from outside as it is shown: names of files, labels and columns, and texts of exceptions, cannot control the terminal.

Letters of all languages stay. What has an effect instead of a shape becomes a visible escape such as ``\x1b``: control characters,
characters that change the direction of writing, and the surrogates that stand for bytes of file names that are no UTF-8.
"""

from __future__ import annotations

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # without tab and line feed
_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SEPARATORS = r"\u2028\u2029"  # which some terminals and editors take for ends of lines
_INVISIBLE = re.compile(rf"[{_CONTROL}{_DIRECTION}{_SEPARATORS}\ud800-\udfff]")
_LONG_WORD = re.compile(r"\S{500,}")  # longer than any path that can be opened on most systems
_LINE_END = re.compile(r"\n(?!  - )")  # a list of problems has one line for each, which begins with a dash


def make_visible(text: object) -> str:
    """Return a text for the terminal, with a visible escape for each character that has an effect instead of a shape.

    Tabs and ends of lines stay: a text may have several lines and columns.
    """
    return _INVISIBLE.sub(_escape, str(text))


def make_visible_line(text: object) -> str:
    """Return a message for the terminal as one line, or as a list with a line for each problem; see :func:`make_visible`.

    Words of 500 letters and more are shortened.
    """
    shown = _LINE_END.sub(r"\\n", make_visible(str(text).rstrip("\n")))
    return _LONG_WORD.sub(lambda match: f"{match[0][:100]}...{match[0][-50:]}", shown)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
