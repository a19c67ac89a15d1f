"""The child process that decodes one photo: it reads place and time, drops all metadata, shrinks and re-encodes.

`python -m console.images.worker [SIDE_PX MEMORY_MB CPU_S] < photo > answer`, limited in memory, time and file size.
One is started for each photo: what it does not load (msgspec is a quarter of a start) each photo does not wait for.
"""

from __future__ import annotations

import binascii
import io
import json
import math
import sys
import warnings
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from console.images.perceptual_hash import perceptual_hash

MAX_BYTES = 15 * 2**20
MAX_PIXELS = 40_000_000
PHOTO_PX, THUMBNAIL_PX = 1600, 320
TIMEOUT_S = 5.0
MEMORY_BYTES = 512 * 2**20

_FORMATS = ("JPEG", "PNG", "WEBP")
_PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
_BAD = (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_CHANGED, _TAKEN, _TAKEN_ZONE = 0x0132, 0x9003, 0x9011


class Made(NamedTuple):
    """The answer, a JSON array; `body` and `thumbnail` are JPEG, `problem` says in words why there are none.

    `picture_hash` is the perceptual hash of the picture.
    """

    body: bytes = b""
    thumbnail: bytes = b""
    width: int = 0
    height: int = 0
    taken_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    problem: str = ""
    picture_hash: bytes = b""

    def as_json(self) -> bytes:
        """As msgspec decodes it."""
        taken_at = self.taken_at.isoformat() if self.taken_at is not None else None
        packed = (self.body, self.thumbnail, self.picture_hash)
        body, thumbnail, picture_hash = (binascii.b2a_base64(one, newline=False).decode() for one in packed)
        return json.dumps([body, thumbnail, *self[2:4], taken_at, *self[5:8], picture_hash]).encode()


def kind_of(body: bytes) -> str | None:
    """JPEG, PNG or WEBP by the first bytes; None for anything else, whatever it is called."""
    if body.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return "WEBP"
    return None


def main() -> int:
    """Read one photo from standard input, answer on standard output."""
    side_px, memory_mb, cpu_s = map(int, sys.argv[1:]) if sys.argv[1:] else (PHOTO_PX, 0, 0)
    _limit(memory_mb * 2**20 or MEMORY_BYTES, cpu_s or int(TIMEOUT_S) + 1)
    body = sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        made = make(body, side_px)
    except MemoryError:
        made = Made(problem="The photo needs too much memory.")
    sys.stdout.buffer.write(made.as_json())
    return 0


def make(body: bytes, side_px: int = PHOTO_PX) -> Made:
    """Decode and encode again, at most so many pixels a side; what can't be read is said in `problem`."""
    Image._initialized = 2  # noqa: SLF001 - Pillow has no other way: no other decoder is ever loaded, whatever the bytes look like
    Image.MAX_IMAGE_PIXELS = None  # our own, smaller limit stands below
    warnings.simplefilter("ignore")
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return Made(problem="The photo has more than 40 megapixels.")
            exif = image.getexif()
            taken_at, (lat, lon) = _taken_at(exif), _place(exif)
            small = _shrunk(image, side_px)
            small = ImageOps.exif_transpose(small)
        photo = _flat(small)
        thumbnail = photo.copy()
        thumbnail.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
        picture_hash = perceptual_hash(photo)
        return Made(
            _jpeg(photo, 85), _jpeg(thumbnail, 80), photo.width, photo.height, taken_at, lat, lon, "", picture_hash
        )
    except _BAD:
        return Made(problem="The photo can't be read.")


def _limit(memory_bytes: int = MEMORY_BYTES, cpu_s: int = int(TIMEOUT_S) + 1) -> None:
    """No more memory than allowed, no files, and so much processor time: by default a little more than is waited."""
    try:
        import resource
    except ImportError:  # Windows has none of these; the parent's clock still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _shrunk(image: Image.Image, side_px: int) -> Image.Image:
    """At most so large, before anything makes a copy at full size. The orientation stays in its metadata."""
    if image.format == "JPEG":
        image.draft("RGB", (side_px, side_px))  # decodes only as much as is needed
    exif = image.getexif()
    if image.mode.startswith("I"):  # 16 bits of grey: `convert` would make all above 255 white
        image = image.convert("I").point([grey >> 8 for grey in range(1 << 16)], "L")
    shrunk = image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    shrunk.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    shrunk.getexif()[0x0112] = exif.get(0x0112, 1)
    return shrunk


def _flat(image: Image.Image) -> Image.Image:
    """RGB, on white where it is transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _jpeg(image: Image.Image, quality: int) -> bytes:
    bare = Image.frombytes("RGB", image.size, image.tobytes())  # carries no metadata along
    packed = io.BytesIO()
    bare.save(packed, "JPEG", quality=quality, optimize=True)
    return packed.getvalue()


def _taken_at(exif: Image.Exif) -> datetime | None:
    details = exif.get_ifd(_EXIF_IFD)
    text = details.get(_TAKEN) or exif.get(_CHANGED)
    if not isinstance(text, str):
        return None
    try:
        when = datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - cameras mostly know no zone
    except ValueError:
        return None
    return when.replace(tzinfo=_zone(details.get(_TAKEN_ZONE)))


def _zone(text: object) -> timezone | None:
    """+07:00 and the like."""
    try:
        sign, hours, minutes = str(text)[0], int(str(text)[1:3]), int(str(text)[4:6])
    except (ValueError, IndexError):
        return None
    if sign not in "+-" or hours > 14 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(offset if sign == "+" else -offset)


def _place(exif: Image.Exif) -> tuple[float | None, float | None]:
    gps = exif.get_ifd(_GPS_IFD)
    lat, lon = _degrees(gps.get(2), gps.get(1), "S", 90), _degrees(gps.get(4), gps.get(3), "W", 180)
    return (lat, lon) if lat is not None and lon is not None and (lat, lon) != (0, 0) else (None, None)


def _degrees(parts: object, reference: object, negative: str, most: float) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except _BAD:
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return -value if str(reference).strip("\0 ").upper() == negative else value


if __name__ == "__main__":
    sys.exit(main())
