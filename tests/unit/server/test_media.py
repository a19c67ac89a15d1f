"""Photos by their hash: whole or in parts, harmless to repeat, never another's bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import requests

from tests.unit.server.conftest import Api

CONTENT = b"\xff\xd8\xff" + bytes(range(256)) * 40
NAME = hashlib.sha256(CONTENT).hexdigest()


def put(api: Api, content: bytes, name: str = NAME, span: tuple[int, int, int] | None = None) -> requests.Response:
    headers = {"Content-Range": "bytes {}-{}/{}".format(*span)} if span else {}
    return api.session.put(f"{api.url}/dispatch/v1/media/{name}", data=content, headers=headers, timeout=10)


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
