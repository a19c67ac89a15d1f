"""The two formats of GeoReport: which one a client asked for, and a document written in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from starlette.responses import Response

from console.rules.moments import can_be


class Format(StrEnum):
    """A format by the suffix of its addresses."""

    JSON = "json"
    XML = "xml"


MEDIA_TYPES = {Format.XML: "text/xml", Format.JSON: "application/json"}
_NAMES = {
    Format.JSON: ("application/json", "text/json"),
    Format.XML: ("text/xml", "application/xml"),
}
_ITEM_OF = {
    "services": "service",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
}
"""List -> the name that its items have in XML."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_ACCEPTED = 100


class GeoReportDocument(msgspec.Struct, frozen=True):
    """An answer: the name of its root in XML, and its content, which in JSON is all (the Spark convention).

    `following` is the place after which the next page begins, "" when this is no full page. `begins_before` says that
    there is more than this before it. `language` is that of its names, None where it is the same for every reader, ""
    where the city has not said which it is.
    """

    root: str
    content: Mapping[str, Any] | Sequence[Any]
    status: int = 200
    following: str = ""
    begins_before: bool = False
    language: str | None = None


def asked_format(path: str, accept: str | None) -> tuple[str, Format | None]:
    """The address without its suffix, and the format; None when the client takes neither."""
    stem, dot, suffix = path.rpartition(".")
    if dot and suffix.lower() in tuple(Format):
        return stem, Format(suffix.lower())
    return path, _accepted(accept)


def write(document: GeoReportDocument, form: Format, headers: Mapping[str, str] | None = None) -> Response:
    """The answer in this format."""
    body = _json(document) if form is Format.JSON else _xml(document)
    return Response(body, document.status, headers, f"{MEDIA_TYPES[form]}; charset=utf-8")


def w3c(at: datetime | None) -> str | None:
    """A time as the standard writes it, in whole seconds; None for one that cannot be, which a city may hold."""
    if at is None or not can_be(at):
        return None
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _accepted(accept: str | None) -> Format | None:
    """The format with the highest weight; JSON when both weigh the same."""
    if not accept or not accept.strip():
        return Format.JSON
    weights = [_weight_of(part) for part in accept.split(",")[:_MOST_ACCEPTED]]
    best = {form: _weight(form, weights) for form in Format}
    form = max(best, key=lambda each: best[each])
    return form if best[form] > 0 else None


def _weight(form: Format, weights: list[tuple[str, float]]) -> float:
    """What the most exact of the ranges says that this format is worth."""
    families = {f"{name.partition('/')[0]}/*" for name in _NAMES[form]}
    for names in (set(_NAMES[form]), families, {"*/*", "*"}):
        found = [weight for name, weight in weights if name in names]
        if found:
            return max(found)
    return 0.0


def _weight_of(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip().lower() for each in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            return name, float(value) if re.fullmatch(r"[01](\.\d{0,3})?", value.strip()) else 0.0
    return name, 1.0


def _json(document: GeoReportDocument) -> bytes:
    return msgspec.json.encode(document.content)


def _xml(document: GeoReportDocument) -> bytes:
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    _write_element(lines, document.root, document.content, "")
    lines.append("")
    return "\n".join(lines).encode("utf-8", "ignore")


def _write_element(lines: list[str], name: str, value: Any, indent: str) -> None:
    """One element. Names are our own; whatever a text holds is escaped, and what XML cannot hold is left out."""
    if value is None or value == "":
        lines.append(f"{indent}<{name} />")
    elif isinstance(value, str):
        text = value if value.isalnum() else escape(_NOT_IN_XML.sub("", value))
        lines.append(f"{indent}<{name}>{text}</{name}>")
    elif isinstance(value, dict):
        inner = f"{indent}  "
        lines.append(f"{indent}<{name}>")
        for key, each in value.items():
            _write_element(lines, key, each, inner)
        lines.append(f"{indent}</{name}>")
    elif isinstance(value, list | tuple):
        if not value:
            lines.append(f"{indent}<{name} />")
            return
        lines.append(f"{indent}<{name}>")
        item, inner = _ITEM_OF[name], f"{indent}  "
        for each in value:
            _write_element(lines, item, each, inner)
        lines.append(f"{indent}</{name}>")
    elif isinstance(value, bool):
        lines.append(f"{indent}<{name}>{'true' if value else 'false'}</{name}>")
    else:
        lines.append(f"{indent}<{name}>{value}</{name}>")
