"""A photo that is more than a photo is refused with a sentence, and costs the server next to nothing."""

from __future__ import annotations

import contextlib
import hashlib
import io
import resource
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from PIL import Image

from console.server.city.media import MediaStore, check_photo
from console.server.city.photo_process import CPU_S, PhotoProcess
from console.server.city.work_threads import CancelToken, doing
from console.server.errors import Invalid, Overloaded, Refusal, TooLargeRefusal
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api


def of_many_scans(scans: int, size: tuple[int, int] = (1200, 900)) -> bytes:
    """A progressive JPEG whose last scan is repeated: few bytes, and the whole picture is gone over again for each."""
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 90)).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def moving_png() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (n, 0, 0)) for n in range(3)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def moving_webp() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (90 * n, 0, 0)) for n in range(3)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def grey_png(width: int, height: int) -> bytes:
    """A picture of one grey with transparency in few bytes: it is held twice while it is turned into colours."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(1)
    row = b"\0" * (width * 2 + 1)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def spent_s(work: object) -> float:
    """Processor time of this process and its ended children for a call."""

    def now() -> float:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    before = now()
    assert callable(work)
    with contextlib.suppress(Refusal):
        work()
    return now() - before


def test_very_many_scans_are_refused_before_anything_is_decoded() -> None:
    with pytest.raises(TooLargeRefusal, match="100 scans"):
        check_photo(of_many_scans(2_500))
    check_photo(of_many_scans(50))
    check_photo(picture() + b"\xff\xda" * 500)  # what follows the picture is not part of it


JPEG = picture()
TraceFunction = Callable[[FrameType, str, Any], Any]
FLOODS = {
    "empty segments": b"\xff\xe5\0\2",
    "comments": b"\xff\xfe\0\2",
    "indexes of many pictures": b"\xff\xe2\0\x08MPF\0\0\0",
    "markers alone": b"\xff\x01",
    "fill": b"\xff",
    "colour profiles": b"\xff\xe2\0\x10ICC_PROFILE\0\1\1",
}


def steps_of(content: bytes) -> int:
    """How many lines of Python a look at the headers takes."""
    steps = 0

    def seen(_: FrameType, event: str, __: object) -> TraceFunction:
        nonlocal steps
        steps += event == "line"
        return seen

    sys.settrace(seen)
    try:
        with contextlib.suppress(Refusal):
            check_photo(content)
    finally:
        sys.settrace(None)
    return steps


@pytest.mark.parametrize("flood", FLOODS)
def test_a_header_of_millions_of_parts_costs_the_server_nothing(flood: str) -> None:
    """They were walked in the process that answers everybody, which stood still for it for seconds."""
    parts = FLOODS[flood]
    assert steps_of(JPEG[:2] + parts * (2_000_000 // len(parts)) + JPEG[2:]) < 50_000
    assert steps_of(JPEG[:-2] + parts * 400_000) < 50_000
    with pytest.raises(Invalid, match="header"):
        check_photo(JPEG[:2] + parts * 3_000 + JPEG[2:])


def test_a_png_of_very_many_chunks_is_known_by_its_first() -> None:
    small = picture("PNG")
    chunk = struct.pack(">I", 0) + b"teXt" + struct.pack(">I", zlib.crc32(b"teXt"))
    assert steps_of(small[:33] + chunk * 100_000 + small[33:]) < 5_000


def test_cameras_fill_up_and_write_many_segments() -> None:
    exif = b"\xff\xe1\0\x08Exif\0\0"
    profile = b"\xff\xe2\xff\xff" + bytes(65_533)
    check_photo(JPEG[:2] + exif + b"\xff\xff" + profile * 200 + JPEG[2:])


@pytest.mark.parametrize("make", [moving_png, moving_webp])
def test_what_moves_is_no_photo(make: object) -> None:
    assert callable(make)
    with pytest.raises(Invalid, match="moves"):
        check_photo(make())


def test_what_takes_too_much_is_ended_and_refused_in_words() -> None:
    for content in (of_many_scans(85, (6_300, 6_300)), grey_png(6_300, 6_300)):
        check_photo(content)
        said: list[str] = []

        def look(content: bytes = content, said: list[str] = said) -> None:
            try:
                PhotoProcess().small(content)
            except Invalid as refusal:
                said.append(refusal.message)
                raise

        assert spent_s(look) < CPU_S + 1.5
        assert said
        assert ("2 s or 256 MB" in said[0]) or ("memory" in said[0]), said


def test_photos_as_cameras_make_them_are_taken() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        small = PhotoProcess().small(picture(kind, (1_600, 1_200)))
        with Image.open(io.BytesIO(small)) as shown:
            assert (shown.format, shown.size) == ("JPEG", (1_280, 960))


def test_a_child_that_hangs_is_ended_when_nobody_waits() -> None:
    endless = PhotoProcess([sys.executable, "-c", "import time; time.sleep(60)"])
    work = CancelToken()
    threading.Timer(0.3, work.stop).start()
    began = time.monotonic()
    with doing(work), pytest.raises(Overloaded):
        endless.small(picture())
    assert time.monotonic() - began < 15  # it would have slept for a minute


def test_a_stub_that_only_begins_like_a_photo_is_refused_and_not_kept(api: Api, tmp_path: Path) -> None:
    vp8x = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(10)
    truncated = picture("PNG", (200, 200))[:-40]
    for content in (b"RIFF\x04\0\0\0WEBP", vp8x, truncated, of_many_scans(300)):
        name = hashlib.sha256(content).hexdigest()
        answer = api.session.put(f"{api.url}/dispatch/v1/media/{name}", data=content, timeout=20)
        assert (answer.status_code in (413, 422), answer.json()["message"][-1]) == (True, "."), content[:20]
    assert list((tmp_path / "media").iterdir()) == []


def test_nobody_spoils_the_parts_of_another(tmp_path: Path) -> None:
    from console.server.city.media import UploadPart

    media = MediaStore(tmp_path / "media")
    content = picture(padding=bytes(5_000))
    name, half, size = hashlib.sha256(content).hexdigest(), len(content) // 2, len(content)
    first, last = UploadPart(f"bytes 0-{half - 1}/{size}"), UploadPart(f"bytes {half}-{size - 1}/{size}")
    assert media.put(name, content[:half], first, sender="rina") == half
    assert media.put(name, b"x" * half, first, sender="budi") == half
    with pytest.raises(Invalid, match="hash"):
        media.put(name, b"x" * (size - half), last, sender="budi")
    assert media.put(name, content[half:], last, sender="rina") is None
    assert media.find(name)[0].read_bytes() == content
    assert media.put(name, b"whatever", first, sender="budi") is None  # it is there


def test_parts_that_nobody_goes_on_with_are_dropped_after_a_week(tmp_path: Path) -> None:
    from console.server.city.media import UploadPart

    media = MediaStore(tmp_path / "media")
    media.put("0" * 64, b"123", UploadPart("bytes 0-2/9"), sender="rina")
    media.tidy(time.time() + 6 * 86_400)
    assert len(list((tmp_path / "media").iterdir())) == 1
    media.tidy(time.time() + 8 * 86_400)
    assert list((tmp_path / "media").iterdir()) == []
