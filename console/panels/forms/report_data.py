"""What edits carry of a new report and of a place, from the values of their forms, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api_client.model import Report
from console.cache.catalog import Catalog

BY_PHONE = "phone"
"""The channel of what a caller said."""


def new_report_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the form of a new report, from the data of a CREATE edit."""
    values = {name: data[name] for name in ("service", "address", "lat", "lon") if name in data}
    if data.get("channel") == BY_PHONE:
        values["middle_of"] = data.get("area") or ""
    caller = caller_values(data)
    if data.get("attributes"):
        values["answers"] = {code: list(said) for code, said in data["attributes"].items()}
    return values | caller | {"text": data.get("description", ""), "priority": str(data.get("priority", ""))}


def new_report_data(
    values: dict[str, Any], place: Mapping[str, Any], answers: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The data of a CREATE edit, from the values of the form, with its `place` and `answers` as edits carry them."""
    data: dict[str, Any] = {"service": values["service"], "description": values["text"], "channel": BY_PHONE}
    data |= {name: value for name, value in place.items() if value not in (None, "")}
    if values.get("middle_of"):  # the middle of a district lies in some quarter of it, which nobody has named
        data["area"] = values["middle_of"]
    if values.get("priority"):
        data["priority"] = int(values["priority"])
    if answers:
        data["answers"] = dict(answers)
    contact = caller_data(values)
    return data | ({"contact": contact} if contact else {})


def words_to_add(
    values: Mapping[str, Any], report: Report, catalog: Catalog, tr: Callable[[str], str], *, may_raise: bool
) -> str:
    """What was entered into the form of a new report, as words that are added to this one: what was said, and a line
    each for what the edit of an addition does not carry and the report does not say already: place, category, answers,
    and a priority by which it is not raised. `may_raise` tells whether the operator may change its priority.
    """
    service = catalog.shown.get(values["service"])
    lines = [values["text"]]
    place = place_data(values, tr)
    here = values["lat"] is not None and (values["lat"], values["lon"]) != (report.lat, report.lon)
    point = f"{values['lat']:.5f}, {values['lon']:.5f}" if here else ""
    if here or place["address"].casefold() != report.address.casefold():
        where = " · ".join(part for part in (place["address"], point) if part)
        lines.append(tr("Place: {text}").format(text=where) if where else "")
    if values["service"] and values["service"] != report.service:
        lines.append(tr("Category: {text}").format(text=catalog.service_name(values["service"])))
    asked = {one.code: one for one in service.attributes} if service is not None else {}
    for code, said in values["answers"].items():
        question = asked.get(code)
        names = {one.key: one.name for one in question.values} if question is not None else {}
        words = (question.description if question is not None else "") or code
        lines.append(f"{words}: {', '.join(names.get(one) or one for one in said)}" if any(said) else "")
    priority = values["priority"]
    if priority and (int(priority) > report.priority or (int(priority) < report.priority and not may_raise)):
        lines.append(tr("Priority, as entered: {text}").format(text=f"P{priority}"))
    return "\n".join(line for line in lines if line)


def caller_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What a form holds of the caller, from the contact in the data of an edit."""
    return {f"caller_{name}": text for name, text in (data.get("contact") or {}).items()}


def caller_data(values: Mapping[str, Any]) -> dict[str, str]:
    """The contact that an edit carries, of what a form holds of the caller; {} where he said nothing of himself."""
    return {name: values[f"caller_{name}"] for name in ("name", "phone") if values.get(f"caller_{name}")}


def place_data(values: Mapping[str, Any], tr: Callable[[str], str]) -> dict[str, Any]:
    """What an edit carries, of what a form holds of a place: the words say when the point is no address.

    Words that were said to be wrong follow, as what was reported: a crew told by radio hears the first ones.
    """
    address, instead, notes = str(values.get("address") or ""), str(values.get("instead") or ""), []
    if instead and not address.startswith(instead):
        notes.append(tr("reported as: {words}").format(words=address))
        address = instead
    notes += [values["roughly"]] if values.get("roughly") else []
    address = f"{address} ({'; '.join(notes)})" if notes else address
    place = {"lat": values.get("lat"), "lon": values.get("lon"), "address": address}
    within_m = values.get("within_m")
    return {**place, "within_m": within_m} if within_m else place
