"""How large a picture is by its own head, in few steps whatever that contains, and without making room for it."""

from __future__ import annotations

_MOST_SEGMENTS = 2_000
"""A camera writes a dozen before the picture; of 64 kB each 230 are a whole photo."""
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ANY_SCAN = 0xDA
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""Markers that no length follows."""


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a JPEG, PNG or WebP. Raises ValueError where its head says none, and for anything else."""
    try:
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg_size(content)
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png_size(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp_size(content)
    except IndexError as fault:
        raise ValueError("its head is cut off") from fault
    raise ValueError("no picture")


def is_moving_webp(content: bytes) -> bool:
    """Whether a WebP says of itself that it is several pictures."""
    return content[12:16] == b"VP8X" and bool(content[20:21]) and bool(content[20] & 0x02)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the header of its frame; ValueError where too much stands before it."""
    at = 2
    # protects: few-segments-are-walked
    for _ in range(_MOST_SEGMENTS):
        marker = content[at + 1]
        if content[at] != 0xFF or marker in (_ANY_SCAN, 0xD9):
            break
        if marker in _START_OF_FRAME:
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        if marker == 0xFF:  # one may stand there to fill up
            at += 1
        else:
            at += 2 if marker in _ALONE else 2 + max(2, int.from_bytes(content[at + 2 : at + 4]))
    raise ValueError("no JPEG")


def _png_size(content: bytes) -> tuple[int, int]:
    """Its header comes first, and has one length."""
    if content[8:16] != b"\0\0\0\rIHDR" or len(content) < 33:
        raise ValueError("no PNG")
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _webp_size(content: bytes) -> tuple[int, int]:
    """Read by hand: Pillow would make room for the whole picture."""
    if content[12:16] == b"VP8X":
        return _number(content[24:27]) + 1, _number(content[27:30]) + 1
    if content[12:16] == b"VP8L" and content[20] == 0x2F:
        bits = _number(content[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if content[12:16] == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        return _number(content[26:28]) & 0x3FFF, _number(content[28:30]) & 0x3FFF
    raise ValueError("no WebP")


def _number(little: bytes) -> int:
    return int.from_bytes(little, "little")
