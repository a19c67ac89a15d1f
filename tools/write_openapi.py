"""Write the server's OpenAPI documents into docs/dispatch-api, as they are served but for the line breaks.

.venv/bin/python tools/write_openapi.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "dispatch-api"
FILES = {"/dispatch/v1/openapi.json": DOCS / "openapi.json", "/open311/v2/openapi.json": DOCS / "georeport.json"}
"""Address -> file."""


def as_file(document: bytes) -> bytes:
    """A document as it stands in its file."""
    return msgspec.json.format(document, indent=1) + b"\n"


def main() -> None:
    """Write every document of an empty city."""
    sys.path.insert(0, str(ROOT))
    from console.server.city.city import City
    from console.server.http.app import make_app

    with tempfile.TemporaryDirectory(prefix="sigap-openapi-") as name:
        city = City(f"sqlite:///{name}/city.db")
        city.create_schema()
        documents = make_app(city, Path(name) / "media").state.documents
        for address, path in FILES.items():
            path.write_bytes(as_file(documents[address].body))
            print(path)
        city.close()


if __name__ == "__main__":
    main()
