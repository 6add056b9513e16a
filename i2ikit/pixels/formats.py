"""The image formats that the library reads and writes, by suffix and by the first bytes of a file."""

from __future__ import annotations

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy", ".heic", ".heif", ".avif",
)  # fmt: skip
"""Suffixes of the files that data sets and commands take as images."""

READABLE = ("PNG", "JPEG", "WebP", "TIFF", "GIF", "BMP", "PPM", "HEIC", "AVIF", "NPY")
"""The formats that are read. No file of another format is decoded, whatever its name."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NETPBM = tuple(f"P{digit}".encode() for digit in range(1, 7))  # without P7 and Pf, which other programs define differently
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
# What files of other formats begin with, to name them in messages.
_OTHERS = {
    b"%!PS": "PostScript", b"\xc5\xd0\xd3\xc6": "PostScript", b"%PDF": "PDF", b"<svg": "SVG", b"<?xml": "XML", b"<!DOC": "HTML",
    b"<html": "HTML", b"8BPS": "Photoshop", b"PK\x03\x04": "a zip archive", b"\0\0\0\x0cjP  ": "JPEG 2000", b"\x76\x2f\x31\x01": "OpenEXR",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"#?RADIANCE": "Radiance HDR",
}  # fmt: skip


def is_image(file: str) -> bool:
    """Return whether a file name has the suffix of an image."""
    return file.lower().endswith(IMAGE_SUFFIXES)


def find_format(data: bytes) -> str | None:
    """Return the format that the first bytes of a file belong to, one of :data:`READABLE`, or None."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] in _TIFF:
        return "TIFF"
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return "GIF"
    if data[:2] == b"BM":
        return "BMP"
    if data[:2] in _NETPBM and data[2:3].isspace():
        return "PPM"
    if data[:6] == b"\x93NUMPY":
        return "NPY"
    return _find_brand(data)


def describe_unknown(data: bytes) -> str:
    """Return ``"PostScript"``, or another name of a format that is not read, for the first bytes of a file; "" if it is not known."""
    if data[128:132] == b"DICM":
        return "DICOM"
    return next((name for start, name in _OTHERS.items() if data.lstrip()[: len(start)] == start or data[: len(start)] == start), "")


def read_webp_size(data: bytes) -> tuple[int, int] | None:
    """Return height and width in the header of a WebP file, or None for a file of another format."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[start : start + 2], "little") & 0x3FFF for start in (26, 28))
    return height, width


def is_deep_avif(data: bytes) -> bool:
    """Return whether an AVIF file has 10 or 12 bits, by the flag "high_bitdepth" in the configuration of its codec (AV1-ISOBMFF, 2.3)."""
    start = data.find(b"av1C", 0, 1 << 16)
    return start >= 0 and bool(data[start + 6 : start + 7] > b"\x3f" and data[start + 6] & 0x40)


def _find_brand(data: bytes) -> str | None:
    """Return the format of a file of boxes (ISO 14496-12): its brand, or one of the brands that it is compatible with."""
    if data[4:8] != b"ftyp":
        return None
    box = data[8 : max(16, min(int.from_bytes(data[:4], "big"), 256))]
    brands = [box[start : start + 4] for start in (0, *range(8, len(box), 4))]
    if not {b"avif", b"avis"}.isdisjoint(brands):
        return "AVIF"
    return "HEIC" if not set(_HEIC_BRANDS).isdisjoint(brands) else None
