"""Pictures that are some, for servers that look at their headers."""

from __future__ import annotations

import io

from PIL import Image


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), *, padding: bytes = b"") -> bytes:
    """A picture of one colour, with `padding` after its end."""
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 90)).save(out, kind)
    return out.getvalue() + padding
