"""Write what filling the demo city takes from its streets: a sample of them, and the borders of its wards.

.venv/bin/python tools/write_demo_streets.py

Needed after a change to the facts in resources/demo/streets or to console/server/demo/streets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "resources" / "demo"
SAMPLES = DEMO / "streets" / "samples.csv"
AREAS = DEMO / "city" / "areas.geojson"


def areas_text(document: str, geometries: Mapping[str, object]) -> str:
    """The file of areas with these borders, by area; one area a line."""
    features = json.loads(document)["features"]
    for feature in features:
        feature["geometry"] = geometries.get(feature["properties"]["code"]) or feature["geometry"]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def main() -> None:
    """Make the streets, and write both files."""
    sys.path.insert(0, str(ROOT))
    from console.server.demo.areas import read_wards
    from console.server.demo.streets.facts import read_street_facts
    from console.server.demo.streets.network import STREET_SEED, make_streets
    from console.server.demo.streets.sampling import sample_rows, samples_text, ward_geometry

    wards = read_wards()
    streets = make_streets(wards, read_street_facts())
    SAMPLES.write_text(samples_text(list(sample_rows(wards, streets, STREET_SEED))), encoding="utf-8")
    borders = {ward.code: ward_geometry(ward, streets) for ward in wards}
    AREAS.write_text(areas_text(AREAS.read_text(encoding="utf-8"), borders), encoding="utf-8")
    print(SAMPLES, AREAS, sep="\n")


if __name__ == "__main__":
    main()
