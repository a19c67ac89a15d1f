"""How the files of known cities name things: headings, status words, and a mapping file for the rest."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from console.domain.status import Status
from console.server.loader.raw import FIELDS
from console.server.loader.result import LoadError


class Dialect(msgspec.Struct, frozen=True):
    """One layout: `marks` are headings that only it has, `columns` our field -> headings in order of preference.

    Headings are compared by their letters and digits alone ("Unique Key" = unique_key). `day_first` decides
    12/11/2020 when nothing in the file does; None leaves that to the city's time zone. `constants` are values of
    fields that the file does not name because they hold for all of it.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    marks: tuple[str, ...] = ()
    statuses: Mapping[str, Status] = {}
    services: Mapping[str, str] = {}
    day_first: bool | None = None
    timezone: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    id_prefix: str = ""
    constants: Mapping[str, str] = {}

    def places(self, headings: Sequence[str]) -> dict[str, list[int]]:
        """Our field -> the columns that may hold it, best first."""
        at: dict[str, int] = {}
        for number, heading in enumerate(headings):
            at.setdefault(plain(heading), number)
        found = {
            field: [at[plain(heading)] for heading in wanted if plain(heading) in at]
            for field, wanted in self.columns.items()
        }
        return {field: columns for field, columns in found.items() if columns}

    def recognises(self, headings: Sequence[str]) -> bool:
        """Whether every mark stands among the headings."""
        present = {plain(heading) for heading in headings}
        return bool(self.marks) and all(plain(mark) in present for mark in self.marks)


def plain(heading: str) -> str:
    """A heading by its letters and digits alone, in small letters."""
    return re.sub(r"[\W_]+", "", heading).casefold()


_LOS_ANGELES: dict[str, tuple[str, ...]] = {
    "id": ("SRNumber",),
    "status": ("Status",),
    "service": ("RequestType",),
    "created": ("CreatedDate",),
    "updated": ("UpdatedDate",),
    "closed": ("ClosedDate",),
    "address": ("Address",),
    "lat": ("Latitude",),
    "lon": ("Longitude",),
    "point": ("Location",),
    "agency": ("Owner",),
    "channel": ("RequestSource",),
    "area": ("NCName",),
}

KNOWN: tuple[Dialect, ...] = (
    Dialect(
        "Los Angeles 2020",
        _LOS_ANGELES,
        marks=("srnumber", "requesttype", "createdbyuserorganization"),
        day_first=False,
    ),
    Dialect("Los Angeles 2018", _LOS_ANGELES, marks=("SRNumber", "RequestType", "CreatedDate"), day_first=False),
    Dialect(
        "Boston",
        {
            "id": ("case_enquiry_id",),
            "status": ("case_status",),
            "service": ("type",),
            "subservice": ("reason",),
            "title": ("case_title",),
            "created": ("open_dt",),
            "closed": ("closed_dt",),
            "due": ("sla_target_dt", "target_dt"),
            "disposition": ("closure_reason",),
            "address": ("location", "location_street_name"),
            "lat": ("latitude",),
            "lon": ("longitude",),
            "agency": ("department",),
            "channel": ("source",),
            "area": ("neighborhood",),
            "photo": ("submitted_photo", "submittedphoto"),
            "photo_after": ("closed_photo", "closedphoto"),
        },
        marks=("case_enquiry_id", "open_dt", "case_status"),
        day_first=False,
    ),
    Dialect(
        "New York",
        {
            "id": ("Unique Key",),
            "status": ("Status",),
            "service": ("Complaint Type",),
            "description": ("Descriptor",),
            "created": ("Created Date",),
            "updated": ("Resolution Action Updated Date",),
            "closed": ("Closed Date",),
            "due": ("Due Date",),
            "disposition": ("Resolution Description",),
            "address": ("Incident Address", "Street Name", "Intersection Street 1"),
            "zipcode": ("Incident Zip",),
            "lat": ("Latitude",),
            "lon": ("Longitude",),
            "point": ("Location",),
            "agency": ("Agency",),
            "channel": ("Open Data Channel Type",),
            "area": ("Community Board", "Borough"),
        },
        marks=("Unique Key", "Complaint Type"),
        day_first=False,
    ),
    Dialect(
        "Chicago",
        {
            "id": ("SR_NUMBER", "Service Request Number"),
            "status": ("STATUS",),
            "service": ("SR_TYPE", "Type of Service Request"),
            "service_code": ("SR_SHORT_CODE",),
            "created": ("CREATED_DATE", "Creation Date"),
            "updated": ("LAST_MODIFIED_DATE",),
            "closed": ("CLOSED_DATE", "Completion Date"),
            "address": ("STREET_ADDRESS", "Street Address"),
            "zipcode": ("ZIP_CODE", "ZIP Code"),
            "lat": ("LATITUDE",),
            "lon": ("LONGITUDE",),
            "point": ("LOCATION",),
            "agency": ("OWNER_DEPARTMENT",),
            "channel": ("ORIGIN",),
            "area": ("COMMUNITY_AREA", "Community Area"),
            "merged_into": ("PARENT_SR_NUMBER",),
        },
        marks=("SR_NUMBER", "SR_TYPE"),
        day_first=False,
    ),
    Dialect(
        "Chicago until 2018",
        {
            "id": ("Service Request Number",),
            "status": ("Status",),
            "service": ("Type of Service Request",),
            "created": ("Creation Date",),
            "closed": ("Completion Date",),
            "address": ("Street Address",),
            "zipcode": ("ZIP Code",),
            "lat": ("Latitude",),
            "lon": ("Longitude",),
            "point": ("Location",),
            "area": ("Community Area",),
        },
        marks=("Service Request Number", "Type of Service Request"),
        day_first=False,
    ),
    Dialect(
        "San Francisco",
        {
            "id": ("CaseID",),
            "status": ("Status",),
            "service": ("Category",),
            "subservice": ("Request Type",),
            "description": ("Request Details",),
            "created": ("Opened",),
            "updated": ("Updated",),
            "closed": ("Closed",),
            "disposition": ("Status Notes",),
            "address": ("Address",),
            "lat": ("Latitude",),
            "lon": ("Longitude",),
            "point": ("Point",),
            "agency": ("Responsible Agency",),
            "channel": ("Source",),
            "area": ("Neighborhood", "Analysis Neighborhood"),
            "photo": ("Media URL",),
        },
        marks=("CaseID", "Opened", "Category"),
        day_first=False,
    ),
    Dialect(
        "San Francisco (API names)",
        {
            "id": ("service_request_id",),
            "status": ("status_description",),
            "service": ("service_name",),
            "subservice": ("service_subtype",),
            "description": ("service_details",),
            "created": ("requested_datetime",),
            "updated": ("updated_datetime",),
            "closed": ("closed_date",),
            "disposition": ("status_notes",),
            "address": ("address",),
            "lat": ("lat",),
            "lon": ("long",),
            "point": ("point",),
            "agency": ("agency_responsible",),
            "channel": ("source",),
            "area": ("analysis_neighborhood", "neighborhoods_sffind_boundaries"),
            "photo": ("media_url",),
        },
        marks=("service_request_id", "status_description", "service_subtype"),
        day_first=False,
    ),
)

GEOREPORT = Dialect(
    "GeoReport",
    {
        "id": ("service_request_id", "token"),
        "status": ("status",),
        "service": ("service_name",),
        "service_code": ("service_code",),
        "title": ("title", "summary"),
        "description": ("description",),
        "created": ("requested_datetime", "requested_date"),
        "updated": ("updated_datetime",),
        "closed": ("closed_datetime", "closed_date"),
        "due": ("expected_datetime",),
        "reply": ("status_notes",),
        "address": ("address", "address_string"),
        "zipcode": ("zipcode",),
        "lat": ("lat", "latitude"),
        "lon": ("long", "lon", "lng", "longitude"),
        "agency": ("agency_responsible",),
        "channel": ("interface_used", "source", "channel"),
        "photo": ("media_url",),
        "priority": ("priority",),
        "area": ("area", "neighborhood", "ward"),
        "contact_name": ("first_name", "requestor_name"),
        "contact_last_name": ("last_name",),
        "contact_phone": ("phone",),
        "contact_email": ("email",),
    },
    marks=("service_request_id",),
)

PETABENCANA = Dialect(
    "PetaBencana",
    {
        "id": ("pkey", "id"),
        "service": ("disaster_type",),
        "status": ("status",),
        "title": ("title",),
        "description": ("text",),
        "created": ("created_at",),
        "channel": ("source",),
        "photo": ("image_url",),
    },
    marks=("created_at", "source", "text"),
    day_first=True,
    id_prefix="petabencana",
    constants={"service": "Flood"},
)

PLAIN = Dialect(
    "plain",
    {
        "id": ("id", "report_id", "request_id", "case_id", "ticket", "ticket_id", "number", "nomor", "no_tiket",
               "reference", "key", "gid", "objectid"),
        "status": ("status", "state", "case_status", "progress"),
        "service": ("service", "service_name", "category", "kategori", "type", "request_type", "complaint_type",
                    "jenis", "tag2"),
        "service_code": ("service_code", "category_code", "kode_kategori"),
        "title": ("title", "judul", "subject", "case_title", "summary"),
        "description": ("description", "text", "isi", "deskripsi", "details", "keterangan", "body", "message"),
        "created": ("created", "created_at", "created_date", "opened", "open_dt", "reported", "reported_at", "date",
                    "tanggal", "timestamp", "waktu", "requested_datetime"),
        "updated": ("updated", "updated_at", "updated_date", "modified", "last_modified", "updated_datetime"),
        "closed": ("closed", "closed_at", "closed_date", "completed", "resolved_at", "done_at", "selesai"),
        "due": ("due", "due_date", "expected", "expected_datetime", "target"),
        "address": ("address", "alamat", "location_text", "street", "lokasi", "jalan"),
        "zipcode": ("zipcode", "zip", "postcode", "kode_pos"),
        "lat": ("lat", "latitude", "y", "lintang"),
        "lon": ("lon", "long", "lng", "longitude", "x", "bujur"),
        "point": ("point", "location", "geometry", "geom", "wkt", "the_geom"),
        "agency": ("agency", "department", "dinas", "owner", "agency_responsible"),
        "channel": ("channel", "source", "kanal", "origin", "sumber"),
        "area": ("area", "area_code", "kode_kelurahan", "kelurahan", "ward", "neighborhood", "neighbourhood",
                 "district"),
        "priority": ("priority", "prioritas", "severity", "urgency"),
        "photo": ("photo", "photo_url", "image_url", "media_url", "foto"),
        "photo_after": ("photo_after", "closed_photo"),
        "disposition": ("disposition", "resolution", "closure_reason"),
        "reply": ("reply", "status_notes", "answer"),
        "merged_into": ("merged_into", "duplicate_of", "parent"),
        "contact_name": ("contact_name", "reporter", "nama_pelapor"),
        "contact_phone": ("contact_phone", "phone", "telepon"),
        "contact_email": ("contact_email", "email"),
    },
)  # fmt: skip

_S = Status
STATUS_WORDS: dict[str, Status] = {
    # ours
    **{status.value: status for status in Status},
    "in progress": _S.PROGRESS,
    "awaiting validation": _S.VALIDATION,
    "closed without work": _S.CLOSED,
    # GeoReport and the 311 exports: "closed" there is work done
    "open": _S.NEW,
    "opened": _S.NEW,
    "submitted": _S.NEW,
    "received": _S.NEW,
    "unspecified": _S.NEW,
    "draft": _S.NEW,
    "wait": _S.NEW,
    "waiting": _S.NEW,
    "menunggu": _S.NEW,
    "acknowledged": _S.NEW,
    "closed": _S.RESOLVED,
    "completed": _S.RESOLVED,
    "complete": _S.RESOLVED,
    "fixed": _S.RESOLVED,
    "done": _S.RESOLVED,
    "selesai": _S.RESOLVED,
    "closed - fixed": _S.RESOLVED,
    "cancelled": _S.CLOSED,
    "canceled": _S.CLOSED,
    "cancel": _S.CLOSED,
    "duplicate": _S.CLOSED,
    "duplicate (closed)": _S.CLOSED,
    "completed - dup": _S.CLOSED,
    "open - dup": _S.CLOSED,
    "no further action": _S.CLOSED,
    "archived": _S.CLOSED,
    "rejected": _S.CLOSED,
    "invalid": _S.CLOSED,
    "referred out": _S.COORDINATION,
    "referred": _S.COORDINATION,
    "email sent": _S.COORDINATION,
    "internal referral": _S.COORDINATION,
    "koordinasi": _S.COORDINATION,
    "disposisi": _S.COORDINATION,
    "pending": _S.COORDINATION,
    "planned": _S.ASSIGNED,
    "action scheduled": _S.ASSIGNED,
    "started": _S.PROGRESS,
    "process": _S.PROGRESS,
    "proses": _S.PROGRESS,
    "investigating": _S.PROGRESS,
    "ews": _S.PROGRESS,
    "menunggu validasi": _S.VALIDATION,
    "closure requested": _S.VALIDATION,
    "reopened": _S.RETURNED,
    "tl ditolak": _S.RETURNED,
}
"""Status words of cities in small letters. What is not here keeps its own word and counts as open."""

OWN_WORDS = frozenset(status.value for status in Status)


def recognise(headings: Sequence[str]) -> Dialect | None:
    """The dialect of these headings; None when they name neither an id nor anything to work on."""
    for dialect in (*KNOWN, GEOREPORT, PETABENCANA):
        if dialect.recognises(headings):
            return dialect
    found = PLAIN.places(headings)
    return PLAIN if found.keys() & {"id", "description", "title", "service", "service_code"} else None


def read_mapping(path: Path) -> Dialect:
    """A dialect from a mapping file (TOML, or JSON by its suffix).

    Tables: `columns` {our field: heading or list of headings}, `statuses` {the city's word: ours}, `services` {the
    city's word: service code}; keys: name, day_first, timezone, delimiter, encoding. Raises LoadError.
    """
    try:
        text = path.read_text("utf-8-sig")
        table: Any = json.loads(text) if path.suffix.casefold() == ".json" else tomllib.loads(text)
    except OSError as fault:
        raise LoadError(f"The mapping file {path} cannot be read: {fault.strerror or fault}.") from fault
    except ValueError as fault:
        raise LoadError(f"The mapping file {path} cannot be understood: {fault}.") from fault
    if not isinstance(table, dict) or not isinstance(table.get("columns"), dict):
        raise LoadError(f"The mapping file {path} has no table named columns.")
    columns: dict[str, tuple[str, ...]] = {}
    for name, wanted in table["columns"].items():
        if name not in FIELDS:
            raise LoadError(f"The mapping file {path} maps {name!r}, which is not one of: {', '.join(FIELDS)}.")
        columns[name] = tuple(map(str, wanted)) if isinstance(wanted, list) else (str(wanted),)
    statuses: dict[str, Status] = {}
    for word, ours in _table(table, "statuses", path).items():
        try:
            statuses[word.strip().casefold()] = Status(str(ours))
        except ValueError as fault:
            raise LoadError(
                f"The mapping file {path} maps the status {word!r} to {ours!r}, which is not one of: "
                f"{', '.join(Status)}."
            ) from fault
    day_first = table.get("day_first")
    return Dialect(
        str(table.get("name", f"mapping {path.name}")),
        columns,
        statuses=statuses,
        services={word.strip().casefold(): str(code) for word, code in _table(table, "services", path).items()},
        day_first=day_first if isinstance(day_first, bool) else None,
        timezone=_text(table, "timezone"),
        delimiter=_text(table, "delimiter"),
        encoding=_text(table, "encoding"),
    )


def _table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    inner = table.get(name, {})
    if not isinstance(inner, dict):
        raise LoadError(f"The mapping file {path} has {name}, but it is not a table.")
    return inner


def _text(table: dict[str, Any], name: str) -> str | None:
    value = table.get(name)
    return str(value) if value is not None else None
