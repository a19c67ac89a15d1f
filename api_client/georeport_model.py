"""The objects of Open311 GeoReport v2, as servers really send them: any of a field's usual types, anything left out."""

from __future__ import annotations

from typing import Any

import msgspec


class GeoService(msgspec.Struct, frozen=True):
    """A service of GeoReport v2."""

    service_code: str | int | None = None
    service_name: str | None = None
    description: str | None = None
    group: str | None = None
    keywords: str | list[str] | None = None


class GeoRequest(msgspec.Struct, frozen=True):
    """A service request of GeoReport v2, as servers really send it: numbers as texts, lists for texts."""

    service_request_id: str | int | None = None
    token: str | int | None = None
    status: str | None = None
    status_notes: Any = None
    service_name: str | None = None
    service_code: str | int | None = None
    title: str | None = None
    """FixMyStreet: a heading; its description is then "title: detail"."""
    detail: str | None = None
    description: str | None = None
    agency_responsible: Any = None
    requested_datetime: str | None = None
    updated_datetime: str | None = None
    address: str | None = None
    address_string: str | None = None
    lat: str | float | None = None
    long: str | float | None = None
    media_url: Any = None
    service_notice: Any = None


class GeoFault(msgspec.Struct, frozen=True):
    """One error of GeoReport v2."""

    code: str | int = ""
    description: str = ""


# msgspec looks at a struct when it is first decoded, and two threads that do so at once end the process with a
# segmentation fault (0.22). A module is imported by one thread, so here it is safe, and later it is done.
for _struct in [each for each in vars().values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]:
    msgspec.json.Decoder(_struct)
