"""The picture of one visit to the samples: input, translations, and the target below each where the data has it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SMALLEST, LARGEST = 128, 256  # pixels of a cell's longer side in the picture
_PAPER, _INK, _PALE, _ACCENT = (255, 255, 255), (32, 36, 44), (110, 116, 128), (201, 74, 28)
_EDGE, _GAP, _BETWEEN, _SIDE, _HEAD, _NOTE = 14, 8, 18, 58, 74, 18


class Grid:
    """An arrangement of cells that stays the same through a training.

    Each sample has a line of translations with its input at the left and, where there is a target, a second line with that.

    Args:
        inputs: The samples, each [C H W] in [-1, 1].
        titles: The heading of each column of translations.
        captions: For each column what stands below each sample's translation.
        said: What is known of each sample, in words.
        target: For each column the true translation of each sample or None; None where the data has no target at all.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor],
        titles: Sequence[str],
        captions: Sequence[Sequence[str]],
        said: Sequence[str],
        target: Sequence[Sequence[Tensor | None]] | None = None,
    ) -> None:
        self.titles, self.captions, self.said, self.target = list(titles), captions, said, target
        height, width = inputs[0].shape[-2:]
        longest = max(height, width)
        scale = max(1, -(-SMALLEST // longest)) if longest <= LARGEST else LARGEST / longest
        self.height, self.width = round(height * scale), round(width * scale)
        self.lines = 2 if target is not None else 1
        self._blank = self._drawn_blank(inputs)

    def place(self, row: int, column: int, line: int = 0) -> tuple[int, int]:
        """Return left and top of a cell; column -1 is the input, line 1 the target."""
        left = _EDGE + _SIDE + (column + 1) * (self.width + _GAP) + (_GAP if column >= 0 else 0)
        top = _HEAD + row * (self.lines * (self.height + _NOTE) + _BETWEEN) + line * (self.height + _NOTE)
        return left, top

    def places(self) -> dict[str, Any]:
        """Return left and top of every cell: "input" by row, "ours" and "target" by column and row, None where there is no picture."""
        rows, columns = range(len(self.said)), range(len(self.titles))
        target = self.target
        return {
            "input": [self.place(row, -1) for row in rows],
            "ours": [[self.place(row, column) for row in rows] for column in columns],
            "target": None
            if target is None
            else [[None if target[column][row] is None else self.place(row, column, 1) for row in rows] for column in columns],
        }

    def drawn(self, translations: Sequence[Sequence[Tensor | None]], step: int) -> Image.Image:
        """Return the picture with the translations of each column."""
        canvas = self._blank.copy()
        draw = ImageDraw.Draw(canvas)
        draw.text((_EDGE, 12), f"held-out samples, step {step:,}", _INK, font(18))
        for column, made in enumerate(translations):
            for row, image in enumerate(made):
                left, top = self.place(row, column)
                if image is None:
                    draw.text((left + self.width // 2, top + self.height // 2), "-", _PALE, font(18), anchor="mm")
                    continue
                canvas.paste(self._cell(image), (left, top))
                draw.rectangle((left - 2, top - 2, left + self.width + 1, top + self.height + 1), outline=_ACCENT, width=2)
        return canvas

    def _drawn_blank(self, inputs: Sequence[Tensor]) -> Image.Image:
        right, bottom = self.place(len(self.said) - 1, len(self.titles) - 1, self.lines - 1)
        canvas = Image.new("RGB", (right + self.width + _EDGE, bottom + self.height + _NOTE + _EDGE), _PAPER)
        draw = ImageDraw.Draw(canvas)
        for column, title in enumerate(["input", *self.titles], start=-1):
            left, top = self.place(0, column)
            for number, words in enumerate(reversed(_wrapped(title, self.width)[:2])):
                draw.text((left + self.width // 2, top - 10 - 17 * number), words, _INK, font(14), anchor="ms")
        for row, image in enumerate(inputs):
            left, top = self.place(row, -1)
            canvas.paste(self._cell(image), (left, top))
            draw.text((_EDGE, top + self.height // 2), "ours", _ACCENT, font(15), anchor="lm")
            for number, words in enumerate(_wrapped(self.said[row], self.width)[: 5 if self.lines == 2 else 1]):
                draw.text((left + self.width // 2, top + self.height + 10 + 15 * number), words, _PALE, font(12), anchor="mm")
            if self.lines == 2:
                draw.text((_EDGE, self.place(row, 0, 1)[1] + self.height // 2), "target", _PALE, font(15), anchor="lm")
            for column in range(len(self.titles)):
                self._draw_notes(canvas, draw, row, column)
        return canvas

    def _draw_notes(self, canvas: Image.Image, draw: ImageDraw.ImageDraw, row: int, column: int) -> None:
        left, top = self.place(row, column)
        note = _cut(self.captions[column][row], self.width)
        draw.text((left + self.width // 2, top + self.height + 10), note, _PALE, font(12), anchor="mm")
        true = None if self.target is None else self.target[column][row]
        if true is not None:
            canvas.paste(self._cell(true), self.place(row, column, 1))

    def _cell(self, image: Tensor) -> Image.Image:
        picture = shown(image)
        return picture if picture.size == (self.width, self.height) else picture.resize((self.width, self.height), Image.Resampling.LANCZOS)


def shown(image: Tensor) -> Image.Image:
    """Return an image [C H W] in [-1, 1] of 1 to 4 channels as people see it: RGB of 8 bits, transparent parts on white."""
    image = image.detach().float().cpu().clamp(-1, 1)
    if image.shape[0] in (2, 4):
        alpha = (image[-1:] + 1) / 2
        image = image[:-1] * alpha + (1 - alpha)
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    pixels = ((image[:3] + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def png(picture: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow brings."""
    return ImageFont.load_default(size)


def _cut(text: str, width: int) -> str:
    most = max(8, width // 7)
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split(", "):
        joined = f"{lines[-1]}, {word}" if lines else word
        name, colon, value = word.partition(": ")
        if lines and len(joined) <= width // 7:
            lines[-1] = joined
        elif colon and len(word) > width // 7:
            lines += [_cut(f"{name}:", width), _cut(value, width)]
        else:
            lines.append(_cut(word, width))
    return lines
