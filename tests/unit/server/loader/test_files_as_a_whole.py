"""Rules for a whole file: layouts, orders of dates, encodings, mapping files, and files that are of no use."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from api_client.model import Area, PhotoRole, Service, Status
from console.server.city.city import City
from console.server.city.records import LOCAL
from console.server.loader import LoadError, load_areas, load_file

HEAD = "id,status,category,description,created,lat,lon\n"


def write(folder: Path, text: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


LAYOUTS = {
    "Los Angeles 2018": (
        "SRNumber,CreatedDate,UpdatedDate,Owner,RequestType,Status,ClosedDate,Address,Latitude,Longitude",
        "1-1,12/31/2018 11:55:30 PM,01/02/2019 10:20:06 PM,B,Graffiti Removal,Closed,01/02/2019 10:20 PM,,34.2,-118.5",
        ("1-1", Status.RESOLVED, "Graffiti Removal", "2019-01-01T07:55:30+00:00", 34.2, -118.5),
    ),
    "Los Angeles 2020": (
        '"srnumber","createddate","updateddate","requesttype","status","createdbyuserorganization","latitude","longitude"',
        '"1-2","2020-01-01 00:05:00","2020-01-02 08:43:00","Illegal Dumping Pickup","Cancelled","BOS",34.1,-118.4',
        ("1-2", Status.CLOSED, "Illegal Dumping Pickup", "2020-01-01T08:05:00+00:00", 34.1, -118.4),
    ),
    "Boston": (
        "case_enquiry_id,open_dt,closed_dt,case_status,closure_reason,case_title,type,department,location,latitude,longitude",
        "101,2014-01-01 02:57:13,,Open, ,Animal,Animal Generic Request,INFO,69 Paris St,42.37,-71.03",
        ("101", Status.NEW, "Animal Generic Request", "2014-01-01T10:57:13+00:00", 42.37, -71.03),
    ),
    "New York": (
        "Unique Key,Created Date,Closed Date,Complaint Type,Descriptor,Incident Address,Status,Latitude,Longitude",
        "5001,01/13/2021 01:02:03 AM,,Noise,Loud Music,1 BROADWAY,In Progress,40.7,-74.0",
        ("5001", Status.PROGRESS, "Noise", "2021-01-13T09:02:03+00:00", 40.7, -74.0),
    ),
    "Chicago": (
        "SR_NUMBER,SR_TYPE,STATUS,CREATED_DATE,CLOSED_DATE,STREET_ADDRESS,LATITUDE,LONGITUDE",
        "SR19,Pothole in Street Complaint,Completed,07/15/2020 10:00:00 AM,07/16/2020 10:00:00 AM,1 STATE,41.8,-87.6",
        ("SR19", Status.RESOLVED, "Pothole in Street Complaint", "2020-07-15T17:00:00+00:00", 41.8, -87.6),
    ),
    "San Francisco": (
        "CaseID,Opened,Closed,Status,Category,Request Type,Request Details,Address,Latitude,Longitude,Media URL",
        "77,07/15/2021 10:00:00 AM,,Open,Street and Sidewalk Cleaning,Bulky Items,a sofa,1 MAIN ST,37.7,-122.4,https://example.org/a.jpg",
        ("77", Status.NEW, "Street and Sidewalk Cleaning", "2021-07-15T17:00:00+00:00", 37.7, -122.4),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_of_cities_are_recognised(tmp_path: Path, city: City, layout: str) -> None:
    head, line, (key, status, service, created, lat, lon) = LAYOUTS[layout]
    result = load_file(write(tmp_path, f"{head}\n{line}\n"), city, timezone="America/Los_Angeles")
    assert result.format == f"CSV of {layout}"
    assert (result.loaded, result.refused_count, result.remarked_count) == (1, 0, 0), str(result)
    report = city.report(key)
    names = {each.code: each.name for each in city.services()}
    assert (report.status, names[report.service or ""], report.created.isoformat(), report.lat, report.lon) == (
        status, service, created, lat, lon)  # fmt: skip


def test_an_unknown_layout_needs_a_mapping(tmp_path: Path, city: City) -> None:
    path = write(tmp_path, "Vorgang;Zustand;Was;Wo N;Wo E;Wann\n1;erledigt;Loch;52,5;13,4;03.04.2020 10:00\n")
    with pytest.raises(LoadError, match="Vorgang;Zustand"):
        load_file(path, city)
    mapping = write(
        tmp_path,
        'name = "Berlin"\ntimezone = "Europe/Berlin"\nday_first = true\n[columns]\nid = "Vorgang"\nstatus = "Zustand"\n'
        'service = "Was"\nlat = "Wo N"\nlon = "Wo E"\ncreated = ["Wann"]\n[statuses]\nerledigt = "resolved"\n'
        '[services]\nLoch = "pothole"\n',
        "berlin.toml",
    )
    city.put_services([Service("pothole", "Schlagloch", glyph="road")])
    result = load_file(path, city, mapping=mapping)
    assert (result.loaded, result.remarked_count, result.format) == (1, 0, "CSV of Berlin"), str(result)
    report = city.report("1")
    assert (report.status, report.service, report.lat, report.lon) == (Status.RESOLVED, "pothole", 52.5, 13.4)
    assert report.created.isoformat() == "2020-04-03T08:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("columns = 3", "no table named columns"),
        ("= =", "cannot be understood"),
        ("columns" + ".a" * 20_000 + " = 1", "a name has at most 32 parts"),
        ("[columns]\nspeed = 'x'", "'speed'"),
        ("[columns]\nid = 'x'\n[statuses]\nx = 'gone'", "'gone'"),
    ],
)
def test_a_broken_mapping_is_told(tmp_path: Path, city: City, text: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        load_file(write(tmp_path, HEAD + "1,open,x,y,,,\n"), city, mapping=write(tmp_path, text, "m.toml"))


@pytest.mark.parametrize(
    ("dates", "expected", "said"),
    [
        (["03/04/2020 10:00", "25/12/2020 10:00"], "2020-04-03", "day/month/year"),
        (["03/04/2020 10:00", "12/25/2020 10:00"], "2020-03-04", "month/day/year"),
        (["03/04/2020 10:00", "01/02/2020 10:00"], "2020-04-03", "assumed for Asia/Jakarta"),
        (["03/04/2020 10:00", "25/12/2020", "26/12/2020", "12/27/2020"], "2020-04-03", "1 contradict it"),
    ],
)
def test_day_and_month_are_told_apart_once_for_the_column(
    tmp_path: Path, city: City, dates: list[str], expected: str, said: str
) -> None:
    lines = "".join(f"{n},open,Sampah,x,{date},-6.2,106.8\n" for n, date in enumerate(dates, start=1))
    result = load_file(write(tmp_path, HEAD + lines), city, timezone="Asia/Jakarta")
    assert city.report("1").created.date().isoformat() == expected
    assert said in result.order_decided
    assert result.remarked_count == ("contradict" in said)


def test_a_time_without_zone_is_marked(tmp_path: Path, city: City) -> None:
    lines = "1,open,Sampah,x,2020-01-01 07:00:00,,\n2,open,Sampah,x,2020-01-01T07:00:00+07:00,,\n"
    result = load_file(write(tmp_path, HEAD + lines), city, timezone="Asia/Jakarta")
    one, two = city.report("1"), city.report("2")
    assert one.created == two.created
    assert one.remarks == ("time zone assumed: Asia/Jakarta",)
    assert two.remarks == ()
    assert (result.assumed_zone, result.remarked_count) == (1, 0)


def test_what_is_unknown_keeps_the_city_s_own_word(tmp_path: Path, city: City) -> None:
    city.put_services([Service("banjir", "Banjir")])
    result = load_file(write(tmp_path, HEAD + "1,Ditolak Camat,Air pasang,x,2020-01-01T00:00:00Z,,\n"), city)
    report = city.report("1")
    assert (report.status, report.status_label) == (Status.NEW, "Ditolak Camat")
    names = {service.code: service.name for service in city.services()}
    assert names[report.service or ""] == "Air pasang"
    assert "Ditolak Camat" in result.remarked[0].why
    assert "Air pasang" in result.remarked[0].why


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(tmp_path: Path, city: City, encoding: str) -> None:
    text = (
        HEAD + "1,open,Sampah,Café – déjà vu,2020-01-01T00:00:00Z,,\n" + "2,open,Sampah,x,2020-01-01T00:00:00Z,,\n" * 9
    )
    load_file(write(tmp_path, text.encode(encoding)), city)
    assert city.report("1").description == "Café – déjà vu"


def test_packed_files_and_other_delimiters(tmp_path: Path, city: City) -> None:
    text = (HEAD + "1,open,Sampah,a;b,2020-01-01T00:00:00Z,,\n").replace(",", "\t")
    result = load_file(write(tmp_path, gzip.compress(text.encode()), "file.csv.gz"), city)
    assert (result.loaded, city.report("1").description) == (1, "a;b")


def test_titles_above_the_headings_are_passed_over(tmp_path: Path, city: City) -> None:
    result = load_file(write(tmp_path, "Export of 2020\n\n" + HEAD + "1,open,Sampah,x,2020-01-01T00:00:00Z,,\n"), city)
    assert (result.loaded, result.refused_count) == (1, 0)


def test_a_lost_quotation_mark_takes_no_neighbour_along(tmp_path: Path, city: City) -> None:
    lines = [f'{n},open,Sampah,"teks {n}, panjang",2020-01-01T00:00:00Z,-6.2,106.8\n' for n in range(1, 400)]
    lines[100] = lines[100].replace('"teks', '""teks').replace('panjang"', "panjang")
    lines[200] = lines[200].replace('panjang"', "panjang")
    result = load_file(write(tmp_path, HEAD + "".join(lines)), city)
    assert result.loaded == 399, str(result)
    assert result.remarked_count <= 2


def test_json_per_line_and_a_single_object(tmp_path: Path, city: City) -> None:
    one = '{"service_request_id": "1", "status": "open", "service_name": "Banjir", "description": "a"}'
    two = '{"service_request_id": 2, "status": "closed", "service_name": "Banjir", "description": "b"}'
    assert load_file(write(tmp_path, f"{one}\n{two}\n", "a.ndjson"), city).loaded == 2
    assert load_file(write(tmp_path, one, "b.json"), city).loaded == 1


def test_georeport_brings_contact_photo_reply_and_expected_time(tmp_path: Path, city: City) -> None:
    text = """[{"service_request_id": "9", "status": "closed", "service_name": "Pohon", "service_code": 12,
      "description": "tumbang",
      "requested_datetime": "2020-01-01T00:00:00Z", "updated_datetime": "2020-01-02T00:00:00Z",
      "lat": "-6.2", "long": 106.8, "media_url": ["https://example.org/1.jpg", "https://example.org/2.jpg"],
      "status_notes": "sudah dipotong", "agency_responsible": {"recipient": ["Dinas"]}, "first_name": "Warga",
      "last_name": "Satu", "phone": "0800"}]"""
    load_file(write(tmp_path, text, "r.json"), city)
    report = city.report("9")
    assert [(photo.role, photo.url) for photo in report.photos] == [
        (PhotoRole.REPORT, "https://example.org/1.jpg"), (PhotoRole.REPORT, "https://example.org/2.jpg")]  # fmt: skip
    assert (report.service, report.agency) == ("12", "Dinas")
    assert [(entry.kind, entry.text) for entry in city.entries("9")][:2] == [
        ("created", ""),
        ("reply", "sudah dipotong"),
    ]
    assert city.contact("9", LOCAL).name == "Warga Satu"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "   \n\n", "empty"),
        ("a.csv", "x,y,z\n1,2,3\n", "headings"),
        ("a.csv", ",".join(f"c{n}" for n in range(2_001)) + "\n1,2\n", "more than 2,000 columns"),
        ("a.csv", "<html><body>Sign in</body></html>", "web page"),
        ("a.json", "{}", "no reports"),
        ("a.json", '{"error": "sign in"}', "no reports"),
        ("a.json", '"banjir"', "no list"),
        ("a.csv.gz", b"\x1f\x8b\x08nonsense", "gzip"),
    ],
)
def test_a_useless_file_is_told_in_a_sentence(
    tmp_path: Path, city: City, name: str, text: str | bytes, why: str
) -> None:
    with pytest.raises(LoadError, match=why) as caught:
        load_file(write(tmp_path, text, name), city)
    assert str(caught.value).endswith(".")
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("a.csv", HEAD), ("a.json", "[]"), ("a.json", '{"features": []}')])
def test_a_file_without_reports_is_no_error(tmp_path: Path, city: City, name: str, text: str) -> None:
    assert load_file(write(tmp_path, text, name), city).loaded == 0


def test_a_missing_file_and_an_unknown_zone(tmp_path: Path, city: City) -> None:
    with pytest.raises(LoadError, match="cannot be read"):
        load_file(tmp_path / "nowhere.csv", city)
    with pytest.raises(LoadError, match="Mars/Olympus"):
        load_file(write(tmp_path, HEAD), city, timezone="Mars/Olympus")


@pytest.mark.parametrize("wrapped", ["%s", '{"result": %s}'])
def test_places_that_are_steps_on_a_grid_are_not_taken_for_degrees(tmp_path: Path, city: City, wrapped: str) -> None:
    point = '{"type": "Point", "coordinates": [%s], "properties": {"id": "1", "description": "transform"}}'
    whole = '{"type": "Topology", %s"objects": {"all": {"type": "GeometryCollection", "geometries": [%s]}}, "arcs": []}'
    steps = whole % ('"transform" : {"scale": [0.001, 0.001], "translate": [106, -7]}, ', point % "12, 34")
    with pytest.raises(LoadError, match="save it as GeoJSON"):
        load_file(write(tmp_path, wrapped % steps, "steps.json"), city)
    load_file(write(tmp_path, wrapped % (whole % ("", point % "106.5, -6.5")), "degrees.json"), city)
    assert (city.report("1").lat, city.report("1").lon) == (-6.5, 106.5)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"type": "FeatureCollection",\n "features": [\n{"type": "Feature",}\n]}', "line 3"),
        ("", "empty"),
        ('{"type": "Topology"}', "features"),
        ('{"features": [{"type": "Feature", "properties": {}, "geometry": null}]}', "no usable area"),
    ],
)
def test_broken_areas_name_the_place(tmp_path: Path, city: City, text: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        load_areas(write(tmp_path, text, "areas.geojson"), city)


def test_the_area_of_a_file_counts_where_there_is_no_place(tmp_path: Path, city: City) -> None:
    ring = [[106, -7], [107, -7], [107, -6], [106, -6], [106, -7]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    city.put_areas([Area("K1", "Tebet", 3, geometry=geometry), Area("K2", "Cawang", 3)])
    text = "id,description,area,lat,lon\n1,a,Cawang,-6.5,106.5\n2,b,Cawang,,\n3,c,Nowhere,,\n"
    load_file(write(tmp_path, text), city)
    assert [(city.report(key).area, city.report(key).area_rule) for key in "123"] == [
        ("K1", "smallest"), ("K2", "given"), (None, None)]  # fmt: skip


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the lines take about the same memory: nothing is kept per line but eight bytes and its remarks."""

    class Counting:
        def areas(self) -> list[Area]:
            return []

        def services(self) -> list[Service]:
            return [Service("sampah", "Sampah")]

        def put_areas(self, areas: object) -> None: ...

        def put_services(self, services: object) -> None: ...

        def put_agencies(self, agencies: object) -> None: ...

        def load(self, rows: Iterable[object]) -> None:
            self.count = sum(1 for _ in rows)

    peaks = []
    for count in (500, 5_000):
        lines = "".join(f"{n},open,Sampah,{'x' * 200},2020-01-01T00:00:00Z,-6.2,106.8\n" for n in range(count))
        path = write(tmp_path, HEAD + lines)
        city = Counting()
        tracemalloc.start()
        load_file(path, city)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert city.count == count
    assert peaks[1] < peaks[0] + 1_000_000
