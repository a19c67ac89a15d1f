"""Photos by their hash: whole or in parts, harmless to repeat, never another's bytes."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from console.server.city.media import check_photo
from console.server.errors import Refusal, TooLargeRefusal
from tests.helpers import hostile
from tests.helpers.pictures import picture
from tests.unit.server.conftest import Api

CONTENT = picture(padding=bytes(range(256)) * 40)
NAME = hashlib.sha256(CONTENT).hexdigest()


def put(api: Api, content: bytes, name: str = NAME, span: tuple[int, int, int] | None = None) -> requests.Response:
    headers = {"Content-Range": "bytes {}-{}/{}".format(*span)} if span else {}
    return api.session.put(f"{api.url}/dispatch/v1/media/{name}", data=content, headers=headers, timeout=60)


def test_a_photo_comes_back_as_it_went(api: Api) -> None:
    assert api.session.head(f"{api.url}/dispatch/v1/media/{NAME}").status_code == 404
    assert put(api, CONTENT).status_code == 201
    assert put(api, CONTENT).status_code == 201
    back = api.get(f"/media/{NAME}")
    assert (back.content, back.headers["Content-Type"]) == (CONTENT, "image/jpeg")
    assert "sandbox" in back.headers["Content-Security-Policy"]
    part = api.get(f"/media/{NAME}", headers={"Range": "bytes=3-6"})
    assert (part.status_code, part.content) == (206, CONTENT[3:7])


def test_a_wrong_hash_leaves_nothing_behind(api: Api, tmp_path: Path) -> None:
    assert put(api, CONTENT, "0" * 64).json()["error"] == "invalid"
    assert list((tmp_path / "media").iterdir()) == []
    assert put(api, CONTENT, "..%2F..%2Fcity.db").status_code == 404
    assert put(api, b"x" * 15_000_001).status_code == 413


def test_parts_go_on_where_they_were_cut(api: Api) -> None:
    size = len(CONTENT)
    first = put(api, CONTENT[:1000], span=(0, 999, size))
    assert (first.status_code, first.headers["Range"]) == (308, "bytes=0-999")
    ahead = put(api, CONTENT[5000:], span=(5000, size - 1, size))
    assert (ahead.status_code, ahead.headers["Range"]) == (308, "bytes=0-999")
    assert put(api, CONTENT[500:2000], span=(500, 1999, size)).headers["Range"] == "bytes=0-1999"
    assert api.get(f"/media/{NAME}").status_code == 404
    assert put(api, CONTENT[2000:], span=(2000, size - 1, size)).status_code == 201
    assert api.get(f"/media/{NAME}").content == CONTENT
    assert put(api, CONTENT, span=(5, 2, 9)).status_code == 422


def test_photos_of_the_three_kinds_are_taken_and_nothing_else_is(api: Api, tmp_path: Path) -> None:
    kept = 0
    for content, status in (
        (picture("JPEG"), 201),
        (picture("PNG"), 201),
        (picture("WEBP"), 201),
        (hostile.photos()["huge_sides"], 413),
        (b"\xff\xd8\xff", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        (b"GIF89a" + b"x" * 99, 415),
        (b"%PDF-1.4", 415),
        (b"", 415),
    ):
        sha256 = hashlib.sha256(content).hexdigest()
        assert put(api, content, sha256).status_code == status
        assert api.get(f"/media/{sha256}").status_code == (200 if status == 201 else 404)
        kept += status == 201
    assert len(list((tmp_path / "media").iterdir())) == kept


def test_a_header_alone_says_whether_a_photo_is_taken() -> None:
    said = {}
    for name, content in hostile.photos().items():
        try:
            check_photo(content)
        except Refusal as refusal:
            said[name] = refusal.status
    assert said == {"bomb": 413, "header_only": 422, "svg_inside": 422, "huge_sides": 413, "webp_garbage": 422}


def test_a_lossless_and_an_extended_webp_are_measured() -> None:
    lossless, extended = io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (20, 10), (1, 2, 3, 4)).save(lossless, "WEBP", lossless=True)
    Image.new("RGB", (20, 10)).save(extended, "WEBP", exif=b"Exif\0\0" + b"x" * 9)
    assert extended.getvalue()[12:16] == b"VP8X"
    for content in (lossless.getvalue(), extended.getvalue()):
        check_photo(content)
    huge = bytearray(extended.getvalue())
    huge[24:30] = b"\xff\x3f\0\xff\x3f\0"
    with pytest.raises(TooLargeRefusal):
        check_photo(bytes(huge))


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 ", b""]), st.binary(max_size=300))
def test_no_bytes_make_the_header_check_fail_otherwise_than_in_words(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(Refusal):
        check_photo(start + rest)
