"""A hash of what a picture shows: packed again, made smaller or darker, a picture keeps nearly all of its bits.

The low frequencies of its brightness (a discrete cosine transform), each against their median. In plain Python, as the
process that decodes photos loads as little as it can.
"""

from __future__ import annotations

from math import cos, pi

from PIL import Image

_SIDE, _KEPT = 32, 16
_WAVES = [[cos(pi * wave * (at + 0.5) / _SIDE) for at in range(_SIDE)] for wave in range(_KEPT)]


def perceptual_hash(picture: Image.Image) -> bytes:
    """The hash of a picture: 32 bytes, of which the first bit is always 0; the mean brightness does not count."""
    grey = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).tobytes()
    rows = [grey[at : at + _SIDE] for at in range(0, _SIDE * _SIDE, _SIDE)]
    across = [[sum(map(float.__mul__, wave, map(float, row))) for row in rows] for wave in _WAVES]
    parts = [sum(map(float.__mul__, down, column)) for down in _WAVES for column in across][1:]
    middle = sorted(parts)[len(parts) // 2]
    bits = 0
    for part in parts:
        bits = bits << 1 | (part > middle)
    return bits.to_bytes(_KEPT * _KEPT // 8, "big")
