"""The same odd lines in every format come to the same; and what only one of the formats can have wrong."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pyogrio.raw import write

from api_client.model import Report, Status
from console.server.city.city import City
from console.server.city.records import LOCAL
from console.server.loader import LoadError, load_file
from tests.helpers.cityfiles import COLUMNS, FORMS, reports_in, write_lines


def line(number: int, **other: str) -> dict[str, str]:
    return {
        "id": f"M-{number}",
        "status": "open",
        "category": "Banjir",
        "description": f"air naik {number}",
        "created": "2026-01-05 10:00:00",
        "updated": "2026-01-06 10:00:00",
        "closed": "",
        "lat": "-6.2",
        "lon": "106.8",
        "address": "Jl. Uji 1",
        "priority": "2",
        "photo": "https://example.org/1.jpg",
    } | other


def test_a_date_that_cannot_be_is_left_empty(city: City, tmp_path: Path) -> None:
    """.NET writes its empty date as the first day of year 1, which is no day of 2001."""
    file = tmp_path / "a.json"
    odd = ["0001-01-01 00:00:00", "0001-01-01T00:00:00Z", "9999-12-31 23:59:59", "1969-07-20 00:00:00"]
    file.write_text(json.dumps([line(n, created=when) for n, when in enumerate([*odd, "2099-03-01 10:00:00"])]))
    result = load_file(file, city, timezone="UTC")
    found = {report.id: report for report in reports_in(city)}
    assert [found[f"M-{n}"].created.isoformat() for n in range(5)] == ["2026-01-06T10:00:00+00:00"] * 5
    assert all(any("earliest other time" in remark for remark in found[f"M-{n}"].remarks) for n in range(5))
    said = str(result)
    assert "'0001-01-01 00:00:00'" in said
    assert "lies ahead, '2099-03-01 10:00:00'" in said


ODD = [
    line(1),
    line(2, created="31/31/2026"),
    line(3, id=""),
    line(4, updated="2026-01-07 10:00:00", description="the newer one"),
    line(4, updated="2026-01-06 10:00:00", description="the older one"),
    line(5, status="Ditolak Camat"),
    line(6, lat="999", lon="999"),
    line(7, description="air\x07 naik\x1b[31m"),
    line(8, description="banjir " * 150_000),
    line(9, description='=HYPERLINK("http://198.51.100.1/","klik")'),
    line(10, description="\u202etxet\u202c 🌊 <b>&amp;</b>"),
    line(11, lat="", lon=""),
    line(12, category="", priority="ASAP!!", photo="javascript:alert(1)"),
    line(13, status="closed", closed="2026-01-04 10:00:00"),
    dict.fromkeys(COLUMNS, "") | {"status": "open"},
]
_FIELDS = ("status", "status_label", "service", "title", "description", "created", "updated", "closed_at", "lat", "lon",
           "address", "priority", "photos", "remarks")  # fmt: skip


def seen(report: Report) -> dict[str, Any]:
    return {name: getattr(report, name) for name in _FIELDS} | (
        {"id": report.id} if report.id.startswith("M-") else {"remarks": len(report.remarks)}
    )


def test_the_same_odd_lines_come_to_the_same_in_every_format(tmp_path: Path) -> None:
    told = {}
    for form in FORMS:
        city = City(f"sqlite:///{tmp_path / form}.db", name="Kota Uji")
        city.create_schema()
        path = write_lines(form, tmp_path / f"odd.{form}", ODD)
        result = load_file(path, city, timezone="Asia/Jakarta")
        reports = sorted(reports_in(city), key=lambda report: report.description)
        told[form] = (
            (result.loaded, result.remarked_count, result.repeated_count, result.refused_count, result.without_place),
            [seen(report) for report in reports],
        )
        city.close()
    first = told["csv"]
    assert first[0] == (13, 8, 1, 1, 2)
    by_id = {each["id"]: each for each in first[1] if "id" in each}
    assert by_id["M-4"]["description"] == "the newer one"
    assert (by_id["M-5"]["status"], by_id["M-5"]["status_label"]) == (Status.NEW, "Ditolak Camat")
    assert by_id["M-7"]["description"] == "air naik[31m"
    assert len(by_id["M-8"]["description"]) == 100_000
    assert by_id["M-10"]["description"] == ODD[10]["description"]
    for form in FORMS[1:]:
        assert told[form] == first, form


def test_a_broken_tail_of_xml_is_told_and_everything_before_it_loads(tmp_path: Path, city: City) -> None:
    path = write_lines("xml", tmp_path / "r.xml", [line(n) for n in range(1, 40)])
    text = path.read_text("utf-8").replace("</request>", "</request>\n")
    path.write_text(text[: text.index("M-31") + 40], "utf-8")
    result = load_file(path, city)
    assert (result.loaded, result.refused_count) == (30, 1)
    assert "the file breaks off on line 32" in str(result)
    assert "everything before was loaded" in str(result)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r SYSTEM "http://198.51.100.1/r.dtd">',
    ],
)
def test_document_types_and_entities_are_refused_in_words(tmp_path: Path, city: City, head: str) -> None:
    path = tmp_path / "r.xml"
    path.write_text(f'<?xml version="1.0"?>{head}<r><request><service_request_id>1</service_request_id></request></r>')
    with pytest.raises(LoadError, match="not allowed in a file of reports"):
        load_file(path, city)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<errors><error><code>404</code><description>none</description></error></errors>", "an error of the server"),
        ("<services><service><service_code>1</service_code></service></services>", "a list of services"),
        ("<service_request_updates><request_update/></service_request_updates>", "updates of reports"),
        ("<!doctype html><html><body>Sign in</body></html>", "a web page"),
        ("<kml><Document><name>x</name></Document></kml>", "no reports that are known"),
        ("<", "no XML"),
        ('<?xml version="1.0" encoding="klingon"?><r/>', "klingon"),
        ('[{"code": 500, "description": "broken"}]', "an error of the server"),
        ('[{"service_code": "1", "service_name": "x", "metadata": false}]', "a list of services"),
    ],
)
def test_other_answers_of_servers_are_told_in_a_sentence(tmp_path: Path, city: City, text: str, why: str) -> None:
    path = tmp_path / "answer.txt"
    path.write_text(text)
    with pytest.raises(LoadError, match=why) as caught:
        load_file(path, city)
    assert str(caught.value).endswith(".")


def test_xml_in_another_encoding_and_rows_within_a_row(tmp_path: Path, city: City) -> None:
    path = tmp_path / "rows.xml"
    path.write_bytes(
        '<?xml version="1.0" encoding="ISO-8859-1"?><response><row><row _id="1"><id>1</id><status>open</status>'
        "<category>Café</category></row><row><id>2</id><category>Café</category></row></row></response>".encode(
            "latin-1"
        )
    )
    assert load_file(path, city).loaded == 2
    assert city.services()[0].name == "Café"


def test_ampersands_and_letters_of_html_end_no_file(tmp_path: Path, city: City) -> None:
    path = tmp_path / "r.xml"
    said = ("Jalan & trotoar", "Caf&eacute;&nbsp;baru", "A&nosuch;B", "a &lt; b &amp; c")
    requests = "".join(
        f"<request><service_request_id>{n}</service_request_id><description>{text}</description></request>"
        for n, text in enumerate(said)
    )
    path.write_text(f"<service_requests>{requests}</service_requests>")
    assert load_file(path, city).loaded == 4
    assert [city.report(str(n)).description for n in range(4)] == [
        "Jalan & trotoar", "Café\xa0baru", "A&nosuch;B", "a < b & c"]  # fmt: skip


def test_rss_brings_places(tmp_path: Path, city: City) -> None:
    path = tmp_path / "feed.rss"
    path.write_text(
        '<rss xmlns:georss="http://www.georss.org/georss"><channel><title>x</title><item><title>Banjir</title>'
        '<guid isPermaLink="false">https://example.org/1</guid><category>Banjir</category>'
        "<pubDate>Wed, 22 Feb 2017 18:50:54 +0000</pubDate><georss:point>-6.23 106.9</georss:point></item>"
        "</channel></rss>"
    )
    load_file(path, city)
    (report,) = reports_in(city)
    assert (report.lat, report.lon, report.created.isoformat()) == (-6.23, 106.9, "2017-02-22T18:50:54+00:00")


@pytest.mark.parametrize(
    "wrap", ['{"requests": %s}', '{"statusCode": 200, "result": {"requests": %s}}', '{"response": {"features": %s}}']
)
def test_json_wrapped_by_a_server(tmp_path: Path, city: City, wrap: str) -> None:
    path = tmp_path / "r.json"
    requests = [{"service_request_id": n, "status": "open", "service_name": "Banjir"} for n in (1, 2)]
    path.write_text(wrap % json.dumps(requests))
    result = load_file(path, city)
    assert (result.loaded, result.remarked_count) == (2, 2)  # they have no time


def test_signalen(tmp_path: Path, city: City) -> None:
    signal = {
        "id": 7, "id_display": "SIG-7", "text": "Lampu mati", "source": "online",
        "created_at": "2026-01-05T10:00:00+01:00", "updated_at": "2026-01-06T10:00:00+01:00",
        "incident_date_start": "2026-01-05T09:00:00+01:00",
        "status": {"state": "b", "state_display": "In behandeling", "text": "Kami datang"},
        "location": {"area_code": "31.71.06", "area_name": "Menteng", "address_text": "Jl. Uji 1",
                     "geometrie": {"type": "Point", "coordinates": [106.83, -6.19]}},
        "category": {"sub": "Lampu jalan", "sub_slug": "lampu", "departments": "ASC"},
        "reporter": {"email": "a@example.org", "phone": ""}, "priority": {"priority": "high"}, "has_attachments": False,
    }  # fmt: skip
    path = tmp_path / "signals.json"
    path.write_text(json.dumps({"count": 1, "results": [signal]}))
    result = load_file(path, city)
    assert (result.format, result.remarked_count) == ("JSON of Signalen", 0)
    report = city.report("SIG-7")
    assert (report.status, report.status_label, report.service, report.priority, report.agency) == (
        Status.PROGRESS, "In behandeling", "lampu", 2, "ASC")  # fmt: skip
    assert (report.lat, report.lon, report.address) == (-6.19, 106.83, "Jl. Uji 1")
    assert city.contact("SIG-7", LOCAL).email == "a@example.org"


def test_floods_keep_their_depth_and_time_of_jakarta(tmp_path: Path, city: City) -> None:
    properties = {"pkey": "9", "created_at": "2017-02-20T07:58:22.262", "source": "grasp", "title": None,
                  "report_data": {"flood_depth": 77}, "text": "Banjir"}  # fmt: skip
    ring = [[106.85, -6.22], [106.86, -6.22], [106.86, -6.21], [106.85, -6.22]]
    reports = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [106.9, -6.2]}, "properties": properties}
    area = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"geom_id": 31, "changed": "2017-02-21T07:37:37.502", "state": 3}}  # fmt: skip
    for name, feature in (("reports", reports), ("floods", area)):
        path = tmp_path / f"{name}.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        load_file(path, city, timezone="Asia/Jakarta")
    assert city.report("9").title == "77 cm"
    assert city.report("9").created.isoformat() == "2017-02-20T00:58:22.262000+00:00"
    flood = city.report("31")
    assert "71 to 150 cm" in flood.description
    assert flood.lat == pytest.approx(-6.216667)
    assert flood.lon == pytest.approx(106.856667)


POINTS = [(106.8, -6.2), (106.81, -6.21), (106.82, -6.22)]


def points_file(path: Path, crs: str, points: list[tuple[float, float]], driver: str = "GPKG") -> Path:
    shapes = np.array([struct.pack("<BIdd", 1, 1, *point) for point in points], dtype=object)
    columns = [np.array([f"{word}{n}" for n in range(len(points))], dtype=object) for word in ("P-", "air ")]
    write(path, shapes, columns, ["id", "judul"], layer="laporan", geometry_type="Point", crs=crs, driver=driver)
    return path


@pytest.mark.parametrize(
    ("crs", "points"),
    [
        ("EPSG:4326", POINTS),
        ("EPSG:3857", [(11888921.6, -691555.0), (11890034.8, -692674.4), (11891147.9, -693793.8)]),
        ("EPSG:32748", [(699155.5, 9314368.2), (700258.2, 9313258.6), (701360.9, 9312148.9)]),
    ],
)
def test_points_of_any_reference_system(
    tmp_path: Path, city: City, crs: str, points: list[tuple[float, float]]
) -> None:
    result = load_file(points_file(tmp_path / "r.gpkg", crs, points), city)
    assert (result.loaded, result.without_place) == (3, 0)
    for number, (lon, lat) in enumerate(POINTS):
        report = city.report(f"P-{number}")
        assert report.lon == pytest.approx(lon, abs=2e-3)
        assert report.lat == pytest.approx(lat, abs=2e-3)
    assert ("were converted" in str(result)) == (crs != "EPSG:4326")


def test_flatgeobuf_and_a_zipped_shapefile(tmp_path: Path, city: City) -> None:
    result = load_file(points_file(tmp_path / "r.fgb", "EPSG:4326", POINTS, "FlatGeobuf"), city)
    assert (result.format, result.loaded) == ("FlatGeobuf of plain", 3)
    (tmp_path / "shp").mkdir()
    points_file(tmp_path / "shp/laporan.shp", "EPSG:4326", POINTS, "ESRI Shapefile")
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as packed:
        for path in (tmp_path / "shp").iterdir():
            packed.write(path, f"export/{path.name}")
        packed.writestr("../../outside.txt", "never written")
    result = load_file(tmp_path / "r.zip", city)
    assert (result.format, result.loaded, result.without_place) == ("Shapefile of plain", 3, 0)
    assert not (tmp_path.parent / "outside.txt").exists()


def test_of_several_layers_the_one_with_points_is_read(tmp_path: Path, city: City) -> None:
    path = points_file(tmp_path / "r.gpkg", "EPSG:4326", POINTS)
    ring = struct.pack("<BIII8d", 1, 3, 1, 4, 106.8, -6.2, 106.9, -6.2, 106.9, -6.1, 106.8, -6.2)
    shapes = np.array([ring] * 9, dtype=object)
    codes = np.array([f"K{n}" for n in range(9)], dtype=object)
    write(path, shapes, [codes], ["id"], layer="wards", geometry_type="Polygon", crs="EPSG:4326", append=True)
    result = load_file(path, city)
    assert result.loaded == 3
    assert "the layer laporan was read, not: wards" in str(result)


def spoil(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (
            (
                "CREATE VIEW slow AS WITH RECURSIVE n(id) AS (SELECT 1 UNION SELECT id + 1 FROM n) SELECT id FROM n",
                "UPDATE gpkg_contents SET table_name = 'slow'",
            ),
            "is a view",
        ),
        (("DROP TABLE gpkg_contents",), "no usable GeoPackage"),
    ],
)
def test_a_geopackage_that_would_run_something_is_refused(
    tmp_path: Path, city: City, statements: tuple[str, ...], why: str
) -> None:
    path = points_file(tmp_path / "r.gpkg", "EPSG:4326", POINTS)
    with pytest.raises(LoadError, match=why):
        load_file(spoil(path, "PRAGMA foreign_keys = OFF", *statements), city)


def test_a_computed_column_is_refused(tmp_path: Path, city: City) -> None:
    path = points_file(tmp_path / "r.gpkg", "EPSG:4326", POINTS)
    spoil(path, "ALTER TABLE laporan ADD COLUMN isi TEXT GENERATED ALWAYS AS (hex(zeroblob(500000000)))")
    with pytest.raises(LoadError, match="computes columns"):
        load_file(path, city)


def test_broken_map_files_are_told(tmp_path: Path, city: City) -> None:
    good = points_file(tmp_path / "r.gpkg", "EPSG:4326", POINTS).read_bytes()
    fgb = points_file(tmp_path / "r.fgb", "EPSG:4326", POINTS, "FlatGeobuf").read_bytes()
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as packed:
        packed.writestr("a.shp", b"x")
        packed.writestr("b.shp", b"y")
    for name, data in (
        ("torn.gpkg", good[: len(good) // 3]),
        ("head.gpkg", good[:100]),
        ("torn.fgb", fgb[:60]),
        ("two.zip", (tmp_path / "two.zip").read_bytes()),
        ("broken.zip", b"PK\x03\x04 no zip"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(LoadError) as caught:
            load_file(path, city)
        assert name in str(caught.value)
        assert str(caught.value).endswith(".")


def test_the_console_s_own_geopackage_comes_back(tmp_path: Path, city: City) -> None:
    from console.export.geopackage import Column, Feature, write_geopackage

    columns = [Column("id", "TEXT"), Column("status", "TEXT"), Column("created", "DATETIME")]
    rows = [
        Feature(-6.2, 106.8, ("E-1", "In progress", "2026-01-01T00:00:00.000Z")),
        Feature(None, None, ("E-2", "open", None)),
    ]
    write_geopackage(tmp_path / "out.gpkg", "reports", columns, rows)
    result = load_file(tmp_path / "out.gpkg", city)
    assert (result.loaded, result.without_place, result.assumed_zone) == (2, 1, 0)
    assert city.report("E-1").created.isoformat() == "2026-01-01T00:00:00+00:00"
    assert msgspec.structs.asdict(city.report("E-1"))["status"] == Status.PROGRESS
