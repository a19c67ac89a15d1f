"""What can be reported and how: the discovery document, the services, and the questions that a service asks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from api_client.model import Service, ServiceAttribute
from console.rules.names import language_of, service_in
from console.server.city import schema
from console.server.city.city import City
from console.server.city.meta import read_meta
from console.server.georeport.faults import not_found
from console.server.georeport.formats import MEDIA_TYPES, GeoReportDocument

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"


def discovery(city: City, url: str, jurisdiction: str) -> GeoReportDocument:
    """The discovery document; `url` is the address of this side. Its changeset grows when a service changes."""
    with city.database.read() as connection:
        newest = connection.scalar(sa.select(sa.func.max(schema.services.c.seq))) or 0
        name = read_meta(connection)["name"]
    who = name or jurisdiction or "the city"
    changeset = f"{newest:015d}"
    endpoint = {
        "specification": SPECIFICATION,
        "url": url,
        "changeset": changeset,
        "type": "production",
        "formats": list(MEDIA_TYPES.values()),
    }
    content = {
        "changeset": changeset,
        "contact": f"Ask {who}.",
        "key_service": f"Ask {who} for an api_key.",
        "endpoints": [endpoint],
    }
    return GeoReportDocument("discovery", content)


def services(city: City, wanted: tuple[str, ...] = ()) -> GeoReportDocument:
    """The list of services, each in the first of the `wanted` languages in which it has a name."""
    offered, own = city.offered_services(), city.language()
    told = [_service(service_in(each, wanted, own)) for each in offered]
    return GeoReportDocument("services", told, language=language_of(offered, wanted, own))


def definition(city: City, code: str, wanted: tuple[str, ...] = ()) -> GeoReportDocument:
    """The questions of one service, in the `wanted` languages; GeoReportRefusal (404) when there is no such service."""
    own, offered = city.language(), city.offered_services()
    for service in offered:
        if service.code == code:
            questions = service_in(service, wanted, own).questions
            attributes = [_attribute(order, each) for order, each in enumerate(questions, start=1)]
            content = {"service_code": code, "attributes": attributes}
            return GeoReportDocument("service_definition", content, language=language_of(offered, wanted, own))
    raise not_found("service_code", code)


def _service(service: Service) -> dict[str, Any]:
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": service.name,
        "metadata": bool(service.attributes),
        "type": "realtime",
        "keywords": ", ".join(service.keywords.replace(",", " ").split()),
        "group": service.group,
    }


def _attribute(order: int, attribute: ServiceAttribute) -> dict[str, Any]:
    content: dict[str, Any] = {
        "variable": attribute.variable,
        "code": attribute.code,
        "datatype": attribute.datatype.value,
        "required": attribute.required and attribute.variable,
        "datatype_description": attribute.datatype_description or None,
        "order": order,
        "description": attribute.description,
    }
    if attribute.values:
        content["values"] = [{"key": each.key, "name": each.name} for each in attribute.values]
    return content
