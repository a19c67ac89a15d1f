"""A stranger's photo comes back plain, or not at all."""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from PIL import Image

from console.images.process import ImageError, ImageProcess, store_photo


def patient() -> ImageProcess:
    """How long a child takes to start depends on what else the computer does."""
    return ImageProcess(timeout_s=60)


def photo(size: tuple[int, int] = (400, 300), kind: str = "JPEG", mode: str = "RGB", **more: object) -> bytes:
    picture = Image.radial_gradient("L").resize(size).convert(mode)
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


def exif() -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "SECRETCAMERA"
    data[0x0112] = 6  # turned by a quarter
    data[0x8769] = {0x9003: "2026:11:24 10:00:00", 0x9011: "+07:00"}
    data[0x8825] = {1: "S", 2: (6.0, 13.0, 12.0), 3: "E", 4: (106.0, 51.0, 0.0)}
    return data


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
)
def test_photo_becomes_small_plain_jpeg(kind: str, mode: str) -> None:
    made = patient().prepare_bytes(photo((2400, 1200), kind, mode))
    assert (made.width, made.height) == (1600, 800)
    with Image.open(io.BytesIO(made.body)) as body, Image.open(io.BytesIO(made.thumbnail)) as small:
        assert body.format == small.format == "JPEG"
        assert body.mode == "RGB"
        assert small.size == (320, 160)


def test_sixteen_bits_of_grey_are_not_all_white() -> None:
    greys = [20_000] * 200 + [45_000] * 200
    picture = Image.frombytes("I;16", (400, 100), struct.pack("<400H", *greys) * 100)
    out = io.BytesIO()
    picture.save(out, "PNG")
    made = patient().prepare_bytes(out.getvalue())
    with Image.open(io.BytesIO(made.body)) as body:
        left, right = (body.convert("L").getpixel((x, 50)) for x in (50, 350))
    assert left == pytest.approx(20_000 >> 8, abs=2)
    assert right == pytest.approx(45_000 >> 8, abs=2)


def test_place_and_time_are_read_then_dropped() -> None:
    made = patient().prepare_bytes(photo((400, 300), exif=exif(), comment=b"SECRETCOMMENT"))
    assert made.taken_at == datetime(2026, 11, 24, 10, tzinfo=timezone(timedelta(hours=7)))
    assert made.lat == pytest.approx(-6.22)
    assert made.lon == pytest.approx(106.85)
    assert (made.width, made.height) == (300, 400), "the turn is applied, not kept as metadata"
    with Image.open(io.BytesIO(made.body)) as body:
        assert not body.getexif()
    assert b"SECRET" not in made.body + made.thumbnail


def test_nonsense_metadata_costs_only_itself() -> None:
    data = exif()
    data[0x8769] = {0x9003: "yesterday", 0x9011: "???"}
    data[0x8825] = {1: "S", 2: (600.0, 13.0, 12.0), 3: "E", 4: (106.0, 51.0, 0.0)}
    made = patient().prepare_bytes(photo(exif=data))
    assert (made.taken_at, made.lat, made.lon) == (None, None, None)


def png_of(width: int, height: int) -> bytes:
    """A tiny file that claims, and unpacks to, a huge picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = zlib.compress(bytes((width // 8 + 1) * min(height, 4000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
HOSTILE = {
    "empty": (b"", "not a JPEG"),
    "svg": (SVG, "not a JPEG"),
    "gif": (photo(kind="GIF", mode="P"), "not a JPEG"),
    "tiff": (photo(kind="TIFF"), "not a JPEG"),
    "text that calls itself a photo": (b"\xff\xd8\xff" + SVG, "can't be read"),
    "a web page behind a PNG's first bytes": (b"\x89PNG\r\n\x1a\n<html><script>", "can't be read"),
    "truncated": (photo((2000, 2000))[:-2000], "can't be read"),
    "cut in the head": (photo()[:20], "can't be read"),
    "bomb": (png_of(60_000, 60_000), "more than 40 megapixels"),
    "too large": (photo() + bytes(15 * 2**20), "larger than 15 MB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_in_words(name: str) -> None:
    body, words = HOSTILE[name]
    with pytest.raises(ImageError, match=words):
        patient().prepare_bytes(body)


def test_polyglot_loses_its_second_face() -> None:
    body = photo() + b"PK\x03\x04<script>alert(1)</script>"
    made = patient().prepare_bytes(body)
    assert b"script" not in made.body


def test_slow_child_is_ended() -> None:
    endless = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ImageError, match="too long"):
        ImageProcess(endless, timeout_s=0.3).prepare_bytes(photo())


def test_child_that_dies_or_lies_is_a_refusal() -> None:
    for code in ("import os; os.kill(os.getpid(), 9)", "print('{}')", "print('<html>')"):
        with pytest.raises(ImageError, match="can't be read"):
            ImageProcess([sys.executable, "-c", code]).prepare_bytes(photo())


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
def test_child_runs_under_its_limits(tmp_path: Path) -> None:
    written = str(tmp_path / "child")
    code = (
        "import sys; import console.images.worker as c; c._limit()\n"
        "try:\n bytearray(600 * 2**20)\nexcept MemoryError: pass\nelse: sys.exit(3)\n"
        f"try:\n open({written!r}, 'w').write('x' * 99999)\nexcept OSError: pass\nelse: sys.exit(4)\n"
        "sys.stdout.buffer.write(c.Made(problem='held').as_json())"
    )
    with pytest.raises(ImageError, match="held"):
        ImageProcess([sys.executable, "-P", "-c", code]).prepare_bytes(photo())


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe held the one thread of photos, without end and without a word."""
    os.mkfifo(tmp_path / "IMG_0001.jpg")
    for path in (tmp_path, tmp_path / "IMG_0001.jpg"):
        with pytest.raises(ImageError, match="no photo"):
            patient().prepare(path)
    with pytest.raises(FileNotFoundError):
        patient().prepare(tmp_path / "none.jpg")


def test_stored_under_its_hash_private_and_repeatable(tmp_path: Path) -> None:
    source = tmp_path / "IMG_0001.jpg"
    source.write_bytes(photo())
    made = patient().prepare(source)
    folder = tmp_path / "work-media"
    first = store_photo(folder, made)
    os.utime(first, (1, 1))
    second = store_photo(folder, made)
    assert first.stat().st_mtime > 1, "who stores it again needs it again"
    assert first == second == folder / made.sha256
    assert first.read_bytes() == made.body
    assert [path.name for path in folder.iterdir()] == [made.sha256]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_half_written_file_is_written_again(tmp_path: Path) -> None:
    made = patient().prepare_bytes(photo())
    (tmp_path / made.sha256).write_bytes(made.body[:10])
    assert store_photo(tmp_path, made).read_bytes() == made.body
