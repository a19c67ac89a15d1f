"""Knows a file's layout by its names: a city's, a system's, or plain words of several languages."""

from __future__ import annotations

from collections.abc import Sequence

from api_client.model import Status
from console.server.loader.cities import KNOWN
from console.server.loader.dialect import Dialect

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
        "depth": ("report_data.flood_depth",),
    },
    marks=("created_at", "source", "text"),
    day_first=True,
    usual_zone="Asia/Jakarta",
    id_prefix="petabencana",
    constants={"service": "Flood"},
)

FLOODS = Dialect(
    "PetaBencana flood areas",
    {"id": ("geom_id", "area_id"), "created": ("changed", "last_updated"), "description": ("state",)},
    marks=("geom_id", "changed", "state"),
    day_first=True,
    usual_zone="Asia/Jakarta",
    constants={"service": "Flood"},
    words={
        "description": {
            "1": "Use caution: water is rising or the depth is not known.",
            "2": "The water is 10 to 70 cm deep.",
            "3": "The water is 71 to 150 cm deep.",
            "4": "The water is more than 150 cm deep.",
        }
    },
)

SIGNALEN = Dialect(
    "Signalen",
    {
        "id": ("id_display", "id"),
        "status": ("status.state_display", "status.state"),
        "service": ("category.sub",),
        "service_code": ("category.sub_slug",),
        "description": ("text",),
        "reply": ("status.text",),
        "created": ("created_at",),
        "updated": ("updated_at",),
        "due": ("category.deadline",),
        "address": ("location.address_text",),
        "zipcode": ("location.postcode",),
        "lat": ("location.geometrie.coordinates.1",),
        "lon": ("location.geometrie.coordinates.0",),
        "area": ("location.area_code", "location.area_name"),
        "agency": ("category.departments",),
        "channel": ("source",),
        "priority": ("priority.priority",),
        "contact_email": ("reporter.email",),
        "contact_phone": ("reporter.phone",),
    },
    marks=("id_display", "incident_date_start"),
    usual_zone="Europe/Amsterdam",
    statuses={
        "gemeld": Status.NEW,
        "in afwachting van behandeling": Status.NEW,
        "in behandeling": Status.PROGRESS,
        "ingepland": Status.ASSIGNED,
        "afgehandeld": Status.RESOLVED,
        "geannuleerd": Status.CLOSED,
        "gesplitst": Status.CLOSED,
        "heropend": Status.RETURNED,
        "verzoek tot heropening": Status.RETURNED,
        "verzoek tot afhandeling": Status.VALIDATION,
        "extern: verzoek tot afhandeling": Status.VALIDATION,
        "extern: te verzenden": Status.COORDINATION,
        "extern: verzonden": Status.COORDINATION,
        "extern: mislukt": Status.COORDINATION,
        "extern: afgehandeld": Status.COORDINATION,
        "reactie gevraagd": Status.COORDINATION,
        "reactie ontvangen": Status.COORDINATION,
        "doorgezet naar extern": Status.COORDINATION,
        "m": Status.NEW,
        "i": Status.NEW,
        "b": Status.PROGRESS,
        "h": Status.COORDINATION,
        "o": Status.RESOLVED,
        "a": Status.CLOSED,
    },
)

PLAIN = Dialect(
    "plain",
    {
        "id": ("id", "report_id", "request_id", "case_id", "ticket", "ticket_id", "number", "nomor", "no_tiket",
               "reference", "key", "gid", "objectid", "guid"),
        "status": ("status", "state", "case_status", "progress"),
        "service": ("service", "service_name", "category", "kategori", "type", "request_type", "complaint_type",
                    "jenis", "tag2"),
        "service_code": ("service_code", "category_code", "kode_kategori"),
        "title": ("title", "judul", "subject", "case_title", "summary"),
        "description": ("description", "text", "isi", "deskripsi", "details", "keterangan", "body", "message"),
        "created": ("created", "created_at", "created_date", "opened", "open_dt", "reported", "reported_at", "date",
                    "tanggal", "timestamp", "waktu", "requested_datetime", "pubDate"),
        "updated": ("updated", "updated_at", "updated_date", "modified", "last_modified", "updated_datetime"),
        "closed": ("closed", "closed_at", "closed_date", "completed", "resolved_at", "done_at", "selesai"),
        "due": ("due", "due_date", "expected", "expected_datetime", "target"),
        "address": ("address", "alamat", "location_text", "street", "lokasi", "jalan"),
        "zipcode": ("zipcode", "zip", "postcode", "kode_pos"),
        "lat": ("lat", "latitude", "y", "lintang"),
        "lon": ("lon", "long", "lng", "longitude", "x", "bujur"),
        "point": ("point", "location", "geometry", "geom", "wkt", "the_geom", "georss:point"),
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
        "depth": ("flood_depth", "report_data.flood_depth"),
    },
)  # fmt: skip


def recognise(headings: Sequence[str]) -> Dialect | None:
    """The dialect of these headings; None when they name neither an id nor anything to work on."""
    for dialect in (*KNOWN, GEOREPORT, SIGNALEN, FLOODS, PETABENCANA):
        if dialect.recognises(headings):
            return dialect
    found = PLAIN.places(headings)
    return PLAIN if found.keys() & {"id", "description", "title", "service", "service_code"} else None


def other_than_reports(headings: Sequence[str]) -> str | None:
    """What a GeoReport answer with these names holds, when it is no list of reports."""
    names = set(headings)
    if names and names <= {"code", "description"}:
        return "an error of the server that it came from"
    if {"service_code", "metadata"} <= names:
        return "a list of services"
    return "updates of reports" if "update_id" in names else None
