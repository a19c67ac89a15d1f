"""Reads a city's services, with the questions they ask of a reporter, from a JSON file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from api_client.decoding import decode
from api_client.model import Datatype, Service
from console.server.city.city import City
from console.server.errors import Invalid

_LISTS = (Datatype.SINGLEVALUELIST, Datatype.MULTIVALUELIST)


def load_services(path: Path, city: City) -> int:
    """Take over the services of a file; returns how many. Raises as read_services does."""
    services = read_services(path)
    city.put_services(services)
    return len(services)


def read_services(path: Path) -> list[Service]:
    """The services of a file, a JSON list of api_client.model.Service.

    Raises Invalid when it is no such file, OSError when it cannot be read.
    """
    try:
        services = decode(path.read_bytes(), list[Service])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Invalid(f"The file {path} is no list of services: {fault}.") from fault
    for service in services:
        if (why := _service_fault(service)) is not None:
            raise Invalid(f"The file {path}, service “{service.code}”: {why}.")
    if len({service.code for service in services}) < len(services):
        raise Invalid(f"The file {path} has a service twice.")
    return services


def _service_fault(service: Service) -> str | None:
    """Why this can be no service; None when it can."""
    if not service.code.strip() or not service.code.isprintable() or not service.name.strip():
        return "it needs a code and a name"
    return questions_fault(service)


def questions_fault(service: Service) -> str | None:
    """What is wrong with the questions of a service; None when nothing is."""
    codes = [attribute.code for attribute in service.attributes]
    if len(set(codes)) < len(codes) or not all(
        code.isprintable() and code.strip(" []") == code != "" for code in codes
    ):
        return "each question needs a code of its own, without brackets"
    for attribute in service.attributes:
        if attribute.variable and attribute.datatype in _LISTS and not attribute.values:
            return f"question “{attribute.code}” is a list without values"
    return None
