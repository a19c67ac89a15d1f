"""A mapping is guessed for a file of any layout, and the file loads by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api_client.model import Status
from console.server.city.city import City
from console.server.loader import LoadError, guess_and_tell, load_file
from tests.helpers.cityfiles import reports_in

GERMAN = """Export vom 1.2.2024
Meldungsnummer;Eingangsdatum;Abschluss;Zustand;Rubrik;Beschreibung;Straße;Breite;Länge;Foto;Melder-Mail;Bemerkung
M-1;13.01.2024 10:15;15.01.2024;erledigt;Loch;Tief, vor der Schule;Ring 3;48,1;11,5;https://x.de/1.jpg;a@b.de;x"y\\
M-2;14.01.2024 11:15;;in Bearbeitung;Loch;Loch;Ring 4;48,2;11,6;;c@b.de;
M-3;14.01.2024 11:15;;Sonderfall;Müll;Liegt seit Wochen;Ring 5;48,3;11,7;;c@b.de;y
"""
SPANISH = {
    "radicado": "A1", "estado": "cerrado", "tipo": {"nombre": "Bache"}, "descripcion": "Un bache",
    "fechaCreacion": "2024-05-01T10:00:00Z", "ubicacion": {"lat": 4.6, "lng": -74.1, "direccion": "Calle 1"},
}  # fmt: skip


def guessed(path: Path, folder: Path) -> tuple[Path, str]:
    mapping = folder / "guess.toml"
    told: list[str] = []
    guess_and_tell(path, mapping, told.append)
    return mapping, "\n".join(told)


def test_a_table_in_german(tmp_path: Path, city: City) -> None:
    path = tmp_path / "g.csv"
    path.write_text(GERMAN, "utf-8")
    mapping, said = guessed(path, tmp_path)
    assert "Tief, vor der Schule" in said
    assert "what these words of the status mean: sonderfall" in said
    assert mapping.stat().st_mode & 0o077 == 0
    assert "a@b.de" not in mapping.read_text("utf-8")
    result = load_file(path, city, mapping=mapping)
    assert result.fields_found == (
        "id", "status", "service", "description", "created", "closed", "address", "lat", "lon", "photo",
        "contact_email",
    )  # fmt: skip
    assert [report.status for report in reports_in(city)] == [Status.RESOLVED, Status.PROGRESS, Status.NEW]
    folder = tmp_path / "dialects"
    folder.mkdir()
    mapping.rename(folder / "g.toml")
    assert load_file(path, city, mapping=folder).format == "CSV of g"


def test_whole_names_go_before_parts_of_others_and_months_may_come_first(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "Location,ServiceDate,CreatedDate,UpdatedDate,AddressVerified,Address,Request Type\n"
        "Corner of some streets of it,01/13/2019,12/31/2018 10:50:56 PM,01/18/2019 12:49:55 PM,Y,3 Ring,Tree\n"
    )
    _, said = guessed(path, tmp_path)
    found = {line.split()[0]: line.split()[1] for line in said.splitlines()[1:] if line.startswith("  ")}
    assert (found["created"], found["updated"], found["address"]) == ("CreatedDate", "UpdatedDate", "Address")


def test_objects_in_a_list_of_any_name(tmp_path: Path, city: City) -> None:
    path = tmp_path / "s.json"
    half = {"h\ud800": "half a letter \ud800"}
    second = SPANISH | {"radicado": "A2", "estado": "abierto"} | half
    path.write_text(json.dumps({"n": 2, "incidencias": [SPANISH, second]}))
    mapping, _ = guessed(path, tmp_path)
    load_file(path, city, mapping=mapping)
    one, two = reports_in(city)
    assert (one.id, one.status, two.status) == ("A1", Status.RESOLVED, Status.NEW)
    assert (one.lat, one.lon, one.address, one.service) == (4.6, -74.1, "Calle 1", "bache")


def test_a_table_without_headings(tmp_path: Path, city: City) -> None:
    path = tmp_path / "n.csv"
    rows = ("1,2024-01-01,open,Hole near the old school,13.4,52.5", "2,2024-01-02,open,Tree on the road,113.5,2.5")
    path.write_text("\n".join(rows))
    mapping, _ = guessed(path, tmp_path)
    load_file(path, city, mapping=mapping)
    assert [(r.id, r.description[:4], r.lat) for r in reports_in(city)] == [("1", "Hole", 52.5), ("2", "Tree", 2.5)]
    with pytest.raises(LoadError, match="is there already"):
        guessed(path, tmp_path)


@pytest.mark.parametrize("text", ["", "just a letter to the mayor\nand nothing else\n", "a;b;c\n"])
def test_what_is_no_table_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(LoadError, match=r"x\.csv"):
        guessed(path, tmp_path)
    assert not (tmp_path / "guess.toml").exists()
