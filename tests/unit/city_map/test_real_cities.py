"""What locals say in Porto, São Paulo and Helsinki is found in extracts of real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.city_map.osm_reader import read_osm
from console.city_map.places import write_places
from console.city_map.search import Gazetteer

LOOKED_AT = {"porto": (41.1496, -8.6110), "sao_paulo_centre": (-23.5505, -46.6400), "helsinki_centre": (60.168, 24.943)}
SAID = {
    "porto": [
        ("R. de Santa Catarina 112", "Rua de Santa Catarina", "street"),
        ("R Sta Catarina", "Rua Santa Catarina", "street"),
        ("Av. dos Aliados", "Avenida dos Aliados", "street"),
        ("R. S. João", "Rua de São João", "street"),
        ("praca da batalha", "Praça da Batalha", "street"),
        ("Tv. de Cedofeita", "Travessa de Cedofeita", "street"),
        ("estação de são bento", "Estação São Bento", "landmark"),
        ("perto da estacao de sao bento", "Estação São Bento", "beside"),
        ("esquina da Rua de Cedofeita com Rua da Torrinha", "Rua de Cedofeita / Rua da Torrinha", "crossing"),
        (
            "R. Formosa entre R. Santa Catarina e R. Sá da Bandeira",
            "Rua Formosa: Rua de Santa Catarina – Rua de Sá da Bandeira",
            "stretch",
        ),
    ],
    "sao_paulo_centre": [
        ("Av Paulista, 1578", "Avenida Paulista", "street"),
        ("R. Augusta, 500", "Rua Augusta", "street"),
        ("Al. Santos 1000", "Alameda Santos", "street"),
        ("pça da sé", "Praça da Sé", "street"),
        ("R. Consolação", "Rua da Consolação", "street"),
        ("R. 25 de Março", "Rua 25 de Março", "street"),
        ("Av. S. João 300", "Avenida São João", "street"),
        ("Rua Dr. Vieira de Carvalho", "Avenida Vieira de Carvalho", "street"),
        ("estação da luz", "Luz", "landmark"),
        ("esquina da Rua Augusta com Av. Paulista", "Rua Augusta / Avenida Paulista", "crossing"),
    ],
    "helsinki_centre": [
        ("Mannerheimintie 5", "Mannerheimintie", "house"),
        ("mannerheimint. 5", "Mannerheimintie", "house"),
        ("Mannerheimintie 5 A", "Mannerheimintie", "reckoned"),
        ("Aleksanterink. 52", "Aleksanterinkatu", "house"),
        ("kluuvikatu 3", "Kluuvikatu", "house"),
        ("Fabianinkatu 33", "Fabianinkatu", "house"),
        ("paarautatieasema", "Helsingin päärautatieasema", "landmark"),
        ("hotel kamp", "Hotel Kämp", "landmark"),
        ("Esplanadin puisto", "Esplanadinpuisto", "area"),
        ("risteys Mannerheimintie ja Kaivokatu", "Mannerheimintie / Kaivokatu", "crossing"),
    ],
}


@pytest.mark.parametrize("city", SAID)
def test_ten_addresses_as_locals_say_them(city: str, city_data: Path, tmp_path: Path) -> None:
    source = city_data / "osm" / f"{city}.osm.pbf"
    if not source.is_file():
        pytest.skip("no extracts of real cities here")
    write_places(tmp_path / "places.db", read_osm(source, None, tmp_path, lambda *_: None), lambda *_: None)
    gazetteer = Gazetteer(tmp_path / "places.db")
    for said, name, exactness in SAID[city]:
        found = gazetteer.find(said, LOOKED_AT[city])[0]
        assert (found.name, found.exactness, found.fits) == (name, exactness, True), said
    gazetteer.close()
