"""The picture of a sample grid: inputs, translations, and below each translation its target image; or images from noise alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

MIN_CELL, MAX_CELL = 128, 256  # pixels of the longer side of a cell
_BACKGROUND, _TEXT, _GRAY, _ACCENT = (255, 255, 255), (32, 36, 44), (110, 116, 128), (201, 74, 28)
# Pixels: the margin, the gap between columns, the gap between samples, the left and the top headings, a caption.
_MARGIN, _GAP, _ROW_GAP, _LEFT_HEADING, _TOP_HEADING, _CAPTION = 14, 8, 18, 58, 74, 18


class Grid:
    """A grid whose cells have the same positions during the whole training.

    Each sample has a line with its input at the left and its translations. If there are target images, a second line shows them. Images
    that are generated from noise have no inputs.

    Args:
        inputs: The input images, each [C H W] in [-1, 1]; None if there are none.
        titles: The heading of each column of translations.
        captions: For each column, the text below the translation of each sample.
        descriptions: The labels of each sample as text.
        target: For each column, the target image of each sample or None; None if the data has no target images.
        size: Height and width of the images, if there are no inputs.
        heading: What the rows are.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor] | None,
        titles: Sequence[str],
        captions: Sequence[Sequence[str]],
        descriptions: Sequence[str],
        target: Sequence[Sequence[Tensor | None]] | None = None,
        *,
        size: tuple[int, int] = (0, 0),
        heading: str = "samples",
    ) -> None:
        self.titles, self.captions, self.descriptions, self.target = list(titles), captions, descriptions, target
        self.has_inputs, self.heading = inputs is not None, heading
        height, width = inputs[0].shape[-2:] if inputs is not None else size
        longest = max(height, width)
        scale = max(1, -(-MIN_CELL // longest)) if longest <= MAX_CELL else MAX_CELL / longest
        self.height, self.width = round(height * scale), round(width * scale)
        self.size = (height, width)
        self.lines = 2 if target is not None else 1
        self._template = self._draw_template(inputs)

    def get_position(self, row: int, column: int, line: int = 0) -> tuple[int, int]:
        """Return left and top of a cell; column -1 is the input, line 1 the target image."""
        left = _MARGIN + _LEFT_HEADING + (column + self.has_inputs) * (self.width + _GAP) + (_GAP if column >= 0 else 0)
        top = _TOP_HEADING + row * (self.lines * (self.height + _CAPTION) + _ROW_GAP) + line * (self.height + _CAPTION)
        return left, top

    def get_positions(self) -> dict[str, Any]:
        """Return left and top of all cells as JSON data.

        Returns:
            "input": one position for each row; None if there are no inputs. "outputs" (the translations) and "target" (None if the data has
            no target images): for each column one position for each row, None where the cell is empty.
        """
        rows, columns = range(len(self.descriptions)), range(len(self.titles))
        target = self.target
        return {
            "input": [self.get_position(row, -1) for row in rows] if self.has_inputs else None,
            "outputs": [[self.get_position(row, column) for row in rows] for column in columns],
            "target": None
            if target is None
            else [[None if target[column][row] is None else self.get_position(row, column, 1) for row in rows] for column in columns],
        }

    def draw(self, translations: Sequence[Sequence[Tensor | None]], step: int) -> Image.Image:
        """Return the picture of a step, given the translations of each column."""
        canvas = self._template.copy()
        draw = ImageDraw.Draw(canvas)
        draw.text((_MARGIN, 12), f"{self.heading}, step {step:,}", _TEXT, get_font(18))
        for column, images in enumerate(translations):
            for row, image in enumerate(images):
                left, top = self.get_position(row, column)
                if image is None:
                    draw.text((left + self.width // 2, top + self.height // 2), "-", _GRAY, get_font(18), anchor="mm")
                    continue
                canvas.paste(self._make_cell(image), (left, top))
                draw.rectangle((left - 2, top - 2, left + self.width + 1, top + self.height + 1), outline=_ACCENT, width=2)
        return canvas

    def _draw_template(self, inputs: Sequence[Tensor] | None) -> Image.Image:
        """Draw everything that is the same at each step: inputs, target images and texts."""
        right, bottom = self.get_position(len(self.descriptions) - 1, len(self.titles) - 1, self.lines - 1)
        canvas = Image.new("RGB", (right + self.width + _MARGIN, bottom + self.height + _CAPTION + _MARGIN), _BACKGROUND)
        draw = ImageDraw.Draw(canvas)
        for column, title in enumerate(["input", *self.titles] if self.has_inputs else self.titles, start=-int(self.has_inputs)):
            left, top = self.get_position(0, column)
            for number, text in enumerate(reversed(_wrap(title, self.width)[:2])):
                draw.text((left + self.width // 2, top - 10 - 17 * number), text, _TEXT, get_font(14), anchor="ms")
        for row, description in enumerate(self.descriptions):
            left, top = self.get_position(row, -1)
            if inputs is not None:
                canvas.paste(self._make_cell(inputs[row]), (left, top))
                for number, text in enumerate(_wrap(description, self.width)[: 5 if self.lines == 2 else 2]):
                    draw.text((left + self.width // 2, top + self.height + 10 + 15 * number), text, _GRAY, get_font(12), anchor="mm")
            heading = "output" if inputs is not None else description
            draw.text((_MARGIN, top + self.height // 2), heading, _ACCENT, get_font(15), anchor="lm")
            if self.lines == 2:
                draw.text((_MARGIN, self.get_position(row, 0, 1)[1] + self.height // 2), "target", _GRAY, get_font(15), anchor="lm")
            for column in range(len(self.titles)):
                self._draw_caption_and_target(canvas, draw, row, column)
        return canvas

    def _draw_caption_and_target(self, canvas: Image.Image, draw: ImageDraw.ImageDraw, row: int, column: int) -> None:
        left, top = self.get_position(row, column)
        caption = _shorten(self.captions[column][row], self.width)
        draw.text((left + self.width // 2, top + self.height + 10), caption, _GRAY, get_font(12), anchor="mm")
        target = None if self.target is None else self.target[column][row]
        if target is not None:
            canvas.paste(self._make_cell(target), self.get_position(row, column, 1))

    def _make_cell(self, image: Tensor) -> Image.Image:
        picture = to_picture(image)
        return picture if picture.size == (self.width, self.height) else picture.resize((self.width, self.height), Image.Resampling.LANCZOS)


def to_picture(image: Tensor) -> Image.Image:
    """Convert an image [C H W] in [-1, 1] of 1 to 4 channels to an RGB picture of 8 bits; transparent pixels become white."""
    image = image.detach().float().cpu().clamp(-1, 1)
    if image.shape[0] in (2, 4):
        alpha = (image[-1:] + 1) / 2
        image = image[:-1] * alpha + (1 - alpha)
    if image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    pixels = ((image[:3] + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def encode_png(picture: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def get_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's default font."""
    return ImageFont.load_default(size)


def _shorten(text: str, width: int) -> str:
    most = max(8, width // 7)
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrap(text: str, width: int) -> list[str]:
    """Break a text at its commas into lines that fit a width in pixels."""
    lines: list[str] = []
    for word in text.split(", "):
        joined = f"{lines[-1]}, {word}" if lines else word
        name, colon, value = word.partition(": ")
        if lines and len(joined) <= width // 7:
            lines[-1] = joined
        elif colon and len(word) > width // 7:
            lines += [_shorten(f"{name}:", width), _shorten(value, width)]
        else:
            lines.append(_shorten(word, width))
    return lines
