"""The Dispatch API: the table of its addresses under /dispatch/v1, and what answers at each."""

from __future__ import annotations

import re
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from api_client.decoding import convert
from api_client.model import (
    CallerNumber,
    CallerReports,
    Changes,
    Contact,
    DayReports,
    Digest,
    EditAnswer,
    EditBody,
    Entry,
    ExportNote,
    Handover,
    HandoverOffer,
    HandoverSignature,
    Kept,
    Key,
    Kind,
    Looking,
    Me,
    NewErasure,
    NewPin,
    Position,
    Received,
    Report,
    Snapshot,
    Stats,
    StatusRow,
    Welcome,
)
from console.rules.edit import ALARMS, CLOSURES, INSTEAD_OF, LOG_LINES, MESSAGES, OFFERS, ON_NO_REPORT
from console.rules.rights import Rights, may_make, may_set_up
from console.rules.status import RULES
from console.server.admin.apply import Done, apply_setup, compare_setup, present_setup, refuse_faults, setup_mark
from console.server.admin.sent_folder import FolderReading, SentFolder, packed_folder, read_sent
from console.server.admin.setup import CitySetup, check_setup
from console.server.city import audit, digest, feed
from console.server.city.callers import reports_of_caller
from console.server.city.change_watcher import ChangeWatcher
from console.server.city.city import City
from console.server.city.dates import Dated, check_date
from console.server.city.edit_service import NEEDS_VERSION
from console.server.city.erased_files import finish_erasing
from console.server.city.handovers import offer_handover, sign_handover
from console.server.city.media import MEDIA_TYPES, MOST_BYTES, MOST_PIXELS, MediaStore, UploadPart
from console.server.city.pins import change_own_pin
from console.server.city.records import Actor
from console.server.city.rights import check_scope, check_unit_scope, may_see_contacts
from console.server.city.setup_work import DraftNote, SetupWork, note_draft
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import (
    AlreadyThereRefusal,
    AnotherReport,
    BusyRefusal,
    CityChanged,
    ConflictRefusal,
    Expired,
    ForbiddenRefusal,
    GoneRefusal,
    InProgressRefusal,
    Invalid,
    KeyReused,
    NotFound,
    Precondition,
    Refusal,
    WrongType,
)
from console.server.http.bodies import SMALL_BODY
from console.server.http.endpoint import JSON, HttpEndpoint, Pool, RequestContext, check_own_page, json_response
from console.server.http.event_stream import Subscribers
from console.server.http.openapi import (
    EditOf,
    OpenApiDocument,
    Operation,
    Parameter,
    ResponseSpec,
    describe,
    is_known,
    routes_of,
)
from console.server.pages.jobs import UnitJobs, jobs_of

CITY_BODY = 20_000_000
"""The borders of a large city fit into so many bytes."""
_HANDOVER_BODY = 2_000_000
_LONGEST_MARK = 64
_CONSOLE_WORD = re.compile(r"[\x21-\x7e]{1,64}")
_POSITION_ROLES = frozenset({"field", "operator", "supervisor"})
_MEDIA_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",
}


_ANY_OBJECT = {"type": "object"}
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["seq", "presence"]},
        "data": {"type": "string", "contentMediaType": JSON},
    },
}
_ETAG = {"ETag": "What it bears until it changes."}
_UNCHANGED = ResponseSpec("It is what the client has.", headers=_ETAG)
_IF_NONE_MATCH = Parameter("If-None-Match", str, "The ETag of what the client has.", "header")
_IF_MATCH = Parameter(
    "If-Match",
    Annotated[str, msgspec.Meta(pattern='^("[0-9]{1,18}"|[0-9]{1,18})$')],
    "The version of the report that the operator saw, in quotation marks.",
    "header",
)
_CONSOLE = Parameter(
    "Sigap-Console",
    str,
    "Which of the user's consoles it is: any word of up to 64 letters and signs that each keeps while it runs.",
    "header",
)
_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    Annotated[str, msgspec.Meta(min_length=8, max_length=128, pattern="^[\\x21-\\x7e]+$")],
    "The edit's id. The same key with the same body gets the stored answer.",
    "header",
    required=True,
)
_Number = Annotated[int, msgspec.Meta(ge=0, le=10**18 - 1)]
_LIMIT = Parameter("limit", _Number, f"How many objects at most; {feed.MOST} at the most.")
_APPLIED = ResponseSpec(
    "What became of it. A creation that is taken for the first time, or again, answers 201.",
    EditAnswer,
    headers={"Idempotent-Replay": "true when this is the stored answer."},
)
_EDIT_REFUSALS: tuple[type[Refusal], ...] = (
    NotFound,
    InProgressRefusal,
    GoneRefusal,
    ConflictRefusal,
    BusyRefusal,
    WrongType,
    Invalid,
    Expired,
    KeyReused,
    Precondition,
)
_ON_REPORTS = tuple(kind for kind in Kind if kind is not Kind.CREATE and kind not in ON_NO_REPORT)
_LINKS = {
    "read": {"operationId": "readReport", "parameters": {"report": "$response.body#/report/id"}},
    "history": {"operationId": "readHistory", "parameters": {"report": "$response.body#/report/id"}},
    "edit": {"operationId": "editReport", "parameters": {"report": "$response.body#/report/id"}},
}


class Dispatch:
    """What answers under /dispatch/v1."""

    def __init__(
        self,
        city: City,
        http_endpoint: HttpEndpoint,
        media: MediaStore,
        change_watcher: ChangeWatcher,
        subscribers: Subscribers,
        *,
        public_name: str = "",
    ) -> None:
        """`public_name` is the host by which the administration page is reached from elsewhere, "" for none."""
        self._city = city
        self._public_name = public_name
        self._change_watcher = change_watcher
        self._http_endpoint = http_endpoint
        self._media = media
        self._subscribers = subscribers
        self.document = OpenApiDocument(self.description)

    def routes(self) -> list[BaseRoute]:
        """The addresses, and their description at /openapi.json."""
        return routes_of(self.table(), self._http_endpoint)

    def description(self) -> dict[str, Any]:
        """The OpenAPI document of these addresses."""
        return describe(
            self.table(),
            title="Sigap Dispatch API",
            version="1",
            text="What a console speaks with a city's server. Every answer carries the headers Sigap-Server and "
            "Sigap-Time. GET addresses answer HEAD, all answer OPTIONS.",
            server="/dispatch/v1",
        )

    def table(self) -> list[Operation]:
        """One row for each operation. A report's id may hold slashes, so the longer addresses stand first."""
        return [
            Operation(
                "GET",
                "/",
                "recognise",
                "The server's name, version and city: how a client knows it",
                self._root,
                {200: ResponseSpec("The server.", Welcome)},
                public=True,
            ),
            Operation(
                "GET",
                "/openapi.json",
                "describe",
                "This document",
                self._openapi,
                {200: ResponseSpec("OpenAPI 3.1.", _ANY_OBJECT, headers=_ETAG), 304: _UNCHANGED},
                parameters=(_IF_NONE_MATCH,),
                public=True,
            ),
            Operation(
                "GET",
                "/stats",
                "countEverything",
                "Counts of everything, and the box that holds the city",
                self._stats,
                {200: ResponseSpec("The counts.", Stats)},
                public=True,
            ),
            Operation(
                "GET",
                "/changes",
                "readChanges",
                "What changed after a number: each object once, as it is now, in commit order",
                self._changes,
                {200: ResponseSpec("A page of the feed. Read on from `upto` while `more` is true.", Changes)},
                text="410: the number is older than the kept deletions, or not reached; begin with a snapshot.",
                parameters=(
                    Parameter("after", _Number, "The last number that the client has; 0 for everything."),
                    _LIMIT,
                ),
                refusals=(Invalid, GoneRefusal),
            ),
            Operation(
                "GET",
                "/snapshot",
                "readSnapshot",
                "A page of everything, for a first fill",
                self._snapshot,
                {200: ResponseSpec("A page; the next one begins after `next_key`, the last one has none.", Snapshot)},
                text="Afterwards read changes after the first page's `seq`, and keep the higher `seq` of each object.",
                parameters=(
                    Parameter(
                        "after_key", Annotated[str, msgspec.Meta(max_length=1000)], "`next_key` of the page before."
                    ),
                    _LIMIT,
                ),
                refusals=(Invalid,),
            ),
            Operation(
                "GET",
                "/digest",
                "readDigest",
                "Count and hash of each day's reports, to compare a copy with",
                self._digest,
                {200: ResponseSpec("The days that have reports, as they were at `seq`.", Digest)},
                text="Days are of creation, in UTC; at most 400 at once. `hash` is the sum, modulo 2^64, of BLAKE2b "
                "with 8 bytes over “seq id” of each report, `seq` being the number of its last change.",
                parameters=(
                    Parameter("from", date, "The first day.", required=True),
                    Parameter("to", date, "The last day.", required=True),
                ),
                refusals=(Invalid,),
            ),
            Operation(
                "GET",
                "/digest/{day}",
                "readDigestOfDay",
                "The reports behind one day's hash",
                self._digest_of_day,
                {200: ResponseSpec("Each report's id and the number of its last change.", DayReports)},
                refusals=(Invalid,),
            ),
            Operation(
                "GET",
                "/stream",
                "listen",
                "Server-sent events that wake a client when the feed grows, and carry positions and presence",
                self._stream,
                {200: ResponseSpec("Events without end.", _EVENT, ("text/event-stream",))},
                text="`seq`: {seq}. `presence`: {positions: {unit: [lat, lon, at]}, looking: {user: report or null},"
                " since: {user: when he came}}.",
                parameters=(_CONSOLE,),
            ),
            Operation(
                "GET",
                "/statuses",
                "listStatuses",
                "The statuses of reports, and what each may become",
                self._statuses,
                {200: ResponseSpec("The statuses, in order.", list[StatusRow])},
            ),
            Operation(
                "GET",
                "/me",
                "whoAmI",
                "Who the token belongs to",
                self._me,
                {200: ResponseSpec("Name, role and scope; empty lists mean the whole city.", Me)},
            ),
            Operation(
                "GET",
                "/jobs",
                "listJobs",
                "A unit with its jobs, P1 first, then the newest order, and their reports: what a crew works by",
                self._jobs,
                {
                    200: ResponseSpec("The unit and its jobs; ended ones for a day.", UnitJobs, headers=_ETAG),
                    304: _UNCHANGED,
                },
                parameters=(
                    Parameter(
                        "unit",
                        Key,
                        "The unit's id or code; without it, or for a crew, that of the user's name.",
                    ),
                    Parameter("lang", str, "The language of services' names, before those of Accept-Language."),
                    _IF_NONE_MATCH,
                ),
                refusals=(NotFound,),
            ),
            Operation(
                "PUT",
                "/presence",
                "look",
                "Tell which report the user looks at",
                self._presence,
                {204: ResponseSpec("Told.")},
                text="To be repeated every 30 s, also for none: the user is gone after 75 s, or 5 s after his stream.",
                takes=Looking,
                most=SMALL_BODY,
                parameters=(_CONSOLE,),
                refusals=(Invalid, WrongType),
            ),
            Operation(
                "DELETE",
                "/presence",
                "signOut",
                "Tell that the user has signed out",
                self._sign_out,
                {204: ResponseSpec("Told.")},
                text="The open reports that he has taken are offered to everybody from now on: see `offer` of a claim. "
                "Whoever only loses his network tells nothing, and keeps them. With the next presence he is back, and "
                "what nobody has taken over is his. Nothing is offered while he listens with another console. The "
                "token stays valid.",
                parameters=(_CONSOLE,),
            ),
            Operation(
                "PUT",
                "/media/{sha256}",
                "putMedia",
                "Send a photo, whole or in parts",
                self._put_media,
                {
                    201: ResponseSpec("The photo is there.", Kept),
                    308: ResponseSpec("A part has come; go on after it.", Received, headers={"Range": "bytes=0-LAST"}),
                },
                text=f"At most {MOST_BYTES:,} bytes and {MOST_PIXELS:,} pixels. Harmless to repeat. "
                "422: the bytes do not have this hash, or cannot be decoded within 2 s and 256 MB. "
                "415: no JPEG, PNG or WebP.",
                role="Everybody but viewers and admins.",
                parameters=(
                    Parameter(
                        "Content-Range",
                        Annotated[str, msgspec.Meta(pattern=r"^bytes [0-9]{1,12}-[0-9]{1,12}/[0-9]{1,12}$")],
                        "Of a part: bytes FIRST-LAST/TOTAL.",
                        "header",
                    ),
                ),
                takes={"type": "string", "format": "binary"},
                takes_media="application/octet-stream",
                most=MOST_BYTES,
                pool=Pool.UPLOAD,
                refusals=(NotFound, Invalid, WrongType),
            ),
            Operation(
                "GET",
                "/media/{sha256}",
                "getMedia",
                "The bytes of a photo",
                self._get_media,
                {200: ResponseSpec("The photo.", {"type": "string", "format": "binary"}, MEDIA_TYPES)},
                text="Ranges are served (206, 416).",
                refusals=(NotFound,),
            ),
            Operation(
                "PUT",
                "/units/{unit:path}/position",
                "putPosition",
                "Tell where a unit is",
                self._position,
                {204: ResponseSpec("Told.")},
                role="field (for the unit of its own name), operator and supervisor (in their scope).",
                takes=Position,
                most=SMALL_BODY,
                refusals=(NotFound, Invalid, WrongType),
            ),
            Operation(
                "POST",
                "/units/{unit:path}/edits",
                "editUnit",
                "Change a unit's own state",
                self._edit_unit,
                {200: _APPLIED},
                role="field (for the unit of its own name), operator and supervisor (in their scope).",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.UNIT_STATE,), undo=(Kind.UNIT_STATE,)),
                most=SMALL_BODY,
                refusals=_EDIT_REFUSALS,
            ),
            Operation(
                "POST",
                "/closures/{closure:path}/edits",
                "editClosure",
                "Make, change or end a closed street or flooded area",
                self._edit_closure,
                {200: _APPLIED},
                text="The client chooses the id of a new one. It ends by itself at its `until`, by the server's clock. "
                "422: its border crosses itself, it lies outside of the city or is larger than 30 km, it would end "
                "before it begins, somebody has changed it since the version `seen`.",
                role="operator and supervisor, where a part of it lies in their areas.",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.CLOSURE,), undo=(Kind.CLOSURE,)),
                most=SMALL_BODY,
                refusals=_EDIT_REFUSALS,
            ),
            Operation(
                "POST",
                "/alarms/edits",
                "editAlarms",
                "Acknowledge or shelve alarms",
                self._edit_alarms,
                {200: _APPLIED},
                text="Clients find out themselves what an alarm is; the server keeps what operators did about it, as "
                "objects of the kind “alarm”. An acknowledgement holds for the occurrence that began at `since`. A P1 "
                "is shelved by a supervisor only, for 15 minutes at most; anything else for 12 hours at most. All that "
                "are named, or none. It cannot be undone.",
                role="operator and supervisor, of reports and units in their scope.",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.ALARM,)),
                most=SMALL_BODY,
                refusals=_EDIT_REFUSALS,
            ),
            Operation(
                "GET",
                "/messages",
                "readMessages",
                "The messages and read marks that the user may read, after a number",
                self._messages,
                {200: ResponseSpec("A page. Read on from `upto` while `more` is true.", Changes)},
                text="Messages stand in no feed. A reader gets those that are to his unit, his role, his areas or "
                "everyone, his own, and as a supervisor those of his scope; `to_you` is told to each. An entry of the "
                "feed of the kind “message” or “read” says that there is something new. When the scope version has "
                "changed, read them anew from 0. 410: the number is not reached.",
                role="operator, supervisor, validator and field.",
                parameters=(
                    Parameter("after", _Number, "The last number that the client has; 0 for all."),
                    _LIMIT,
                ),
                refusals=(Invalid, GoneRefusal),
            ),
            Operation(
                "POST",
                "/messages/edits",
                "editMessages",
                "Write a message, or mark messages as read",
                self._edit_messages,
                {200: _APPLIED},
                text="A message's id is that of its edit. It is to a unit; or to a role, everywhere or in an area; or "
                "to an area; or, with nothing named, to everyone. The entry bears no words of it. Of messages that are "
                "marked as read those that are gone, or not for the user, are left out. It cannot be undone.",
                role="operator and supervisor (units in their scope, all others); validator (to operators, supervisors "
                "and validators); field (to operators).",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.MESSAGE, Kind.READ)),
                most=SMALL_BODY,
                refusals=_EDIT_REFUSALS,
            ),
            Operation(
                "POST",
                "/log/edits",
                "writeLog",
                "Write a line of the control room's log",
                self._write_log,
                {200: _APPLIED},
                text="The line is the entry of the edit: it stands in the feed for everybody, as the entries of all "
                "other edits, which together are the log. It is never changed and cannot be undone: another line "
                "corrects it.",
                role="operator and supervisor.",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.LOG,)),
                most=SMALL_BODY,
                refusals=_EDIT_REFUSALS,
            ),
            Operation(
                "POST",
                "/reports",
                "createReport",
                "Make a new report",
                self._create,
                {201: _APPLIED},
                role="field, operator, supervisor.",
                parameters=(_IDEMPOTENCY_KEY,),
                takes=EditOf((Kind.CREATE,)),
                most=SMALL_BODY,
                refusals=(*_EDIT_REFUSALS, AlreadyThereRefusal),
                links=_LINKS,
            ),
            Operation(
                "POST",
                "/reports/{report:path}/edits",
                "editReport",
                "Do one thing to a report",
                self._edit_report,
                {200: _APPLIED, 201: _APPLIED},
                text="If-Match is needed (428) by every kind but note, reply, photo, me_too and what takes back.",
                role="by kind and scope: docs/dispatch-api/edits.md.",
                parameters=(_IDEMPOTENCY_KEY, _IF_MATCH),
                takes=EditOf(_ON_REPORTS, undo=(Kind.CREATE, *_ON_REPORTS)),
                most=SMALL_BODY,
                refusals=(*_EDIT_REFUSALS, AnotherReport),
            ),
            Operation(
                "GET",
                "/reports/{report:path}/entries",
                "readHistory",
                "The history of a report, the oldest entry first",
                self._entries,
                {200: ResponseSpec("The entries.", list[Entry])},
                parameters=(Parameter("edit", str, "Only the entry that this edit made."),),
                refusals=(NotFound,),
            ),
            Operation(
                "POST",
                "/exports",
                "tellExport",
                "Tell the audit log that reports were written to a file; harmless to repeat",
                self._export,
                {204: ResponseSpec("It is in the log.")},
                takes=ExportNote,
                most=SMALL_BODY,
                refusals=(WrongType, Invalid),
            ),
            Operation(
                "GET",
                "/city",
                "readCity",
                "What the city consists of: services, agencies, areas, units, calendars, texts, limits, cards, users",
                self._read_city,
                {
                    200: ResponseSpec(
                        "The city, without what is retired and without any secret.", CitySetup, headers=_ETAG
                    ),
                    304: _UNCHANGED,
                },
                role="admin; supervisor of the whole city.",
                parameters=(_IF_NONE_MATCH,),
            ),
            Operation(
                "PUT",
                "/city",
                "setUpCity",
                "Set the city up: all that the body speaks of, in one transaction",
                self._set_up_city,
                {
                    200: ResponseSpec(
                        "What was changed, or would be; the tokens of new users, which are kept nowhere.", Done
                    )
                },
                text="A list of the body is all there is of its kind; a list that is not there stays as it is. Nothing "
                "that reports refer to is deleted: it is retired, and a unit with open jobs stays. 422 names all "
                "`faults`, and in `places` where each is (list, place in it from 0, field, why); 412 `city_changed`: "
                "the difference is another one than that of `seen`, or the city than that of If-Match. 403 also to a "
                "browser that shows another page than this server's own.",
                role="admin; supervisor of the whole city.",
                parameters=(
                    Parameter("dry_run", Literal["true", "false"], "true: only say what would change."),
                    Parameter(
                        "seen",
                        Annotated[str, msgspec.Meta(max_length=_LONGEST_MARK)],
                        "The `mark` of the difference that somebody has agreed to.",
                    ),
                    Parameter(
                        "If-Match",
                        Annotated[str, msgspec.Meta(max_length=_LONGEST_MARK)],
                        "The ETag of the city that the body was made from.",
                        "header",
                    ),
                ),
                takes=CitySetup,
                most=CITY_BODY,
                refusals=(CityChanged, WrongType, Invalid),
            ),
            Operation(
                "POST",
                "/city/files",
                "writeCityFiles",
                "A city, as the files of its folder, packed; nothing is changed",
                self._city_files,
                {200: ResponseSpec("The files.", {"type": "string", "format": "binary"}, ("application/zip",))},
                role="admin; supervisor of the whole city.",
                takes=CitySetup,
                most=CITY_BODY,
                pool=Pool.READ,
                refusals=(WrongType, Invalid),
            ),
            Operation(
                "PUT",
                "/city/draft",
                "noteDraft",
                "Tell that a draft of the city is open at an administration page",
                self._note_draft,
                {
                    200: ResponseSpec(
                        "The drafts of others, what was applied last, and how many consoles are open.", SetupWork
                    )
                },
                text="To be repeated every minute: the draft is gone after three. Nothing of what it says is told.",
                role="admin; supervisor of the whole city.",
                takes=DraftNote,
                most=SMALL_BODY,
                refusals=(WrongType, Invalid),
            ),
            Operation(
                "POST",
                "/city/folder",
                "readCityFolder",
                "What the files of a city's folder say; nothing is changed",
                self._read_folder,
                {200: ResponseSpec("What they say, and what is wrong in them.", FolderReading)},
                text="A file that is not there says nothing. One whose name ends with .zip is unpacked.",
                role="admin; supervisor of the whole city.",
                takes=SentFolder,
                most=CITY_BODY,
                pool=Pool.READ,
                refusals=(WrongType, Invalid),
            ),
            Operation(
                "GET",
                "/reports/{report:path}/contact",
                "readContact",
                "Who reported it; that it was read is logged",
                self._contact,
                {200: ResponseSpec("Name, telephone and e-mail address; empty where not known.", Contact)},
                text="404 as well when the reporter left none of them, or when they are no longer kept.",
                role="operator, supervisor and validator, in their scope.",
                pool=Pool.WRITE,  # the audit log is written first
                refusals=(NotFound,),
            ),
            Operation(
                "POST",
                "/handovers",
                "offerHandover",
                "Hand over a shift: what is offered is signed by who is signed in",
                self._offer_handover,
                {200: ResponseSpec("The hand-over. Once it is signed by who takes over, it stays as it is.", Handover)},
                text="The client chooses the id; offered again by the same user it takes the earlier one's place.",
                role="operator and supervisor.",
                takes=HandoverOffer,
                most=_HANDOVER_BODY,
                refusals=(ForbiddenRefusal, WrongType, Invalid),
            ),
            Operation(
                "POST",
                "/handovers/{handover:path}/signature",
                "signHandover",
                "Take a hand-over over, by name and PIN, at the desk of who hands over or at one's own",
                self._sign_handover,
                {200: ResponseSpec("The signed hand-over.", Handover)},
                text="Each P1 has to be confirmed. What the outgoing had taken, and whose lines are confirmed, is "
                "taken by who signs, in the same transaction; nothing outside his scope. 429: after five wrong PINs, "
                "with `retry_after_s`.",
                role="operator and supervisor.",
                takes=HandoverSignature,
                most=_HANDOVER_BODY,
                refusals=(NotFound, ForbiddenRefusal, WrongType, Invalid),
            ),
            Operation(
                "PUT",
                "/me/pin",
                "setPin",
                "Set one's own PIN, by which one signs at a colleague's desk",
                self._set_pin,
                {204: ResponseSpec("It is set.")},
                text="6 to 12 digits. Who has one already says it in `before`; who has forgotten it gets another one "
                "by `sigap user pin`.",
                takes=NewPin,
                most=SMALL_BODY,
                refusals=(ForbiddenRefusal, WrongType, Invalid),
            ),
            Operation(
                "POST",
                "/callers/reports",
                "findCallerReports",
                "The reports of a telephone number, however it is spelled; that they were looked for is logged",
                self._caller_reports,
                {200: ResponseSpec("Their ids, the newest first; at most 20.", CallerReports)},
                text="The number is in no address and no log. Reports whose contacts are no longer kept are not found.",
                role="operator, supervisor and validator, in their scope.",
                takes=CallerNumber,
                most=SMALL_BODY,
                pool=Pool.WRITE,  # the audit log is written first
                refusals=(ForbiddenRefusal, WrongType, Invalid),
            ),
            Operation(
                "POST",
                "/reports/{report:path}/erasure",
                "eraseReport",
                "Erase what was said and shown of a report: its texts, photos, answers, contacts, history and messages",
                self._erase,
                {200: ResponseSpec("The report as it is now. Erased before, it is answered as it is.", Report)},
                text="What happened and when stays, with the place. An open P1, and an open report without a point, is "
                "refused.",
                role="supervisor, in his scope.",
                takes=NewErasure,
                most=SMALL_BODY,
                refusals=(ForbiddenRefusal, NotFound, WrongType, Invalid),
            ),
            Operation(
                "GET",
                "/reports/{report:path}/audit",
                "readAudit",
                "Who saw the reporter's data, changed or exported the report: what the audit log says of it",
                self._audit,
                {200: ResponseSpec("The rows, the oldest first.", list[audit.Line])},
                role="supervisor, in his scope.",
                refusals=(NotFound,),
            ),
            Operation(
                "GET",
                "/reports/{report:path}",
                "readReport",
                "One report as it is now",
                self._report,
                {200: ResponseSpec("The report.", Report, headers=_ETAG), 304: _UNCHANGED},
                parameters=(_IF_NONE_MATCH,),
                refusals=(NotFound,),
            ),
        ]

    def _root(self, _: RequestContext) -> Response:
        epoch, facts = self._city.facts()
        can = (INSTEAD_OF, CLOSURES, ALARMS, MESSAGES, LOG_LINES, OFFERS)
        return json_response(Welcome("sigap", _version(), epoch, facts, can))

    def _openapi(self, context: RequestContext) -> Response:
        return self.document.answer(context)

    async def _changes(self, context: RequestContext) -> Response:
        page = await self._change_watcher.changes(context.number("after", 0), context.number("limit", feed.MOST))
        return Response(page, media_type=JSON)

    def _digest(self, context: RequestContext) -> Response:
        first, last = (_day(context.request.query_params.get(name, "")) for name in ("from", "to"))
        return json_response(digest.digest(self._city.database, first, last))

    def _digest_of_day(self, context: RequestContext) -> Response:
        return json_response(digest.reports_of_day(self._city.database, _day(context.path("day"))))

    def _snapshot(self, context: RequestContext) -> Response:
        page = self._city.snapshot(context.request.query_params.get("after_key"), context.number("limit", feed.MOST))
        return json_response(page)

    def _stream(self, context: RequestContext) -> Response:
        headers = {"X-Accel-Buffering": "no"}
        if not context.actor.tokenless:
            self._subscribers.check_room(context.actor.name)
        if context.request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        events = self._subscribers.events(context.actor.name, context.still_known, _console_of(context))
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    def _stats(self, context: RequestContext) -> Response:
        # protects: counts-tell-nothing-confidential
        is_staff = self._http_endpoint.is_known(context.request)
        return json_response(self._city.stats() if is_staff else self._city.public_stats())

    def _statuses(self, _: RequestContext) -> Response:
        return json_response(
            [StatusRow(rule.status, rule.letter, rule.label, rule.is_open, rule.may_become) for rule in RULES]
        )

    def _me(self, context: RequestContext) -> Response:
        # protects: rights-of-the-database
        actor = self._http_endpoint.asked_anew(
            context
        )  # a page that told of new rights may be younger than what is remembered
        return json_response(Me(actor.name, actor.role, actor.agencies, actor.areas))

    def _jobs(self, context: RequestContext) -> Response:
        return jobs_of(self._city, context)

    def _presence(self, context: RequestContext) -> Response:
        report, console = context.json(Looking).report, _console_of(context)
        has_come = self._city.presence.look(context.actor.name, report, self._city.clock(), console)
        if has_come:
            # protects: who-comes-back-has-his-reports
            self._city.come_back(context.actor.name)
        return Response(status_code=204)

    def _sign_out(self, context: RequestContext) -> Response:
        self._city.sign_out(context.actor, _console_of(context))
        return Response(status_code=204)

    def _position(self, context: RequestContext) -> Response:
        if context.actor.role not in _POSITION_ROLES:
            raise ForbiddenRefusal(f"The role {context.actor.role} may not move units.")
        place = context.json(Position)
        with self._city.database.read() as connection:
            unit_of_work = UnitOfWork(self._city.database, connection, self._city.clock())
            unit = unit_of_work.unit(context.path("unit"))
            if unit is None:
                raise NotFound(f"There is no unit {context.path('unit')}.")
            check_unit_scope(unit_of_work, context.actor, unit)
            check_date(connection, unit_of_work.now, Dated("time of the position", place.at))
        at = min(place.at, unit_of_work.now)
        self._city.presence.put_position(unit.id, place.lat, place.lon, at)
        return Response(status_code=204)

    def _put_media(self, context: RequestContext) -> Response:
        if not may_make(context.actor.role, Kind.PHOTO):
            raise ForbiddenRefusal(f"The role {context.actor.role} may not send photos.")
        self._http_endpoint.count_upload(context.actor, len(context.body))
        header = context.request.headers.get("content-range")
        part = UploadPart(header) if header is not None else None
        have = self._media.put(context.path("sha256"), context.body, part, sender=context.actor.name)
        if have is None:
            return json_response(Kept(context.path("sha256")), 201)
        headers = {"Range": f"bytes=0-{have - 1}"} if have else {}
        return json_response(Received(have), 308, headers)

    def _get_media(self, context: RequestContext) -> Response:
        path, kind = self._media.find(context.path("sha256"))
        return FileResponse(path, headers=_MEDIA_HEADERS, media_type=kind)

    def _create(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind is not Kind.CREATE:
            raise Invalid("Here only new reports are made; other edits go to the report.")
        return self._apply(context, edit, None)

    def _edit_report(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind in ON_NO_REPORT or (edit.kind is Kind.CREATE and edit.undoes is None):
            raise Invalid(f"A {edit.kind.value} does not go to a report.")
        return self._apply(context, edit, context.path("report"))

    def _edit_unit(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind is not Kind.UNIT_STATE:
            raise Invalid("To a unit goes its own state only; orders go to the report.")
        if edit.data.setdefault("unit", context.path("unit")) != context.path("unit"):
            raise Invalid("The edit names another unit than its address.")
        return self._apply(context, edit, None)

    def _edit_closure(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind is not Kind.CLOSURE:
            raise Invalid("A closure is made, changed and ended by the kind “closure” only.")
        if edit.data.setdefault("closure", context.path("closure")) != context.path("closure"):
            raise Invalid("The edit names another closure than its address.")
        return self._apply(context, edit, None)

    def _edit_alarms(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind is not Kind.ALARM:
            raise Invalid("Alarms are acknowledged and shelved by the kind “alarm” only.")
        return self._apply(context, edit, None)

    def _edit_messages(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind not in (Kind.MESSAGE, Kind.READ):
            raise Invalid("Messages are written by the kind “message”, and marked by the kind “read” only.")
        return self._apply(context, edit, None)

    def _write_log(self, context: RequestContext) -> Response:
        edit = _edit_of(context)
        if edit.kind is not Kind.LOG:
            raise Invalid("Lines of the log are written by the kind “log” only.")
        return self._apply(context, edit, None)

    def _messages(self, context: RequestContext) -> Response:
        after, limit = context.number("after", 0), context.number("limit", feed.MOST)
        return json_response(self._city.messages(context.actor, after, limit))

    def _apply(self, context: RequestContext, edit: EditBody, report: str | None) -> Response:
        if_match = _if_match(context.request.headers.get("if-match"))
        if if_match is None and edit.kind in NEEDS_VERSION and edit.undoes is None:
            raise Precondition("This edit needs If-Match: the version of the report that the operator saw.")
        applied = self._city.apply(edit, report=report, actor=context.actor, if_match=if_match)
        headers = {"Idempotent-Replay": "true"} if applied.replayed else {}
        return Response(applied.body, applied.status, headers, "application/json")

    def _report(self, context: RequestContext) -> Response:
        report = self._city.report(context.path("report"))
        headers = {"ETag": f'"{report.version}"'}
        if is_known(context.request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return json_response(report, headers=headers)

    def _erase(self, context: RequestContext) -> Response:
        # protects: supervisors-erase
        if context.actor.role != "supervisor":
            raise ForbiddenRefusal(f"The role {context.actor.role} may not erase.")
        report = self._city.erase(context.path("report"), context.actor, context.json(NewErasure).reason)
        finish_erasing(self._city.database, self._media.folder)
        return json_response(report)

    def _entries(self, context: RequestContext) -> Response:
        report = self._city.report(context.path("report"))
        return json_response(self._city.entries(report.id, context.request.query_params.get("edit")))

    def _contact(self, context: RequestContext) -> Response:
        report = self._city.report(context.path("report"))
        with self._city.database.read() as connection:
            unit_of_work = UnitOfWork(self._city.database, connection, self._city.clock())
            if not may_see_contacts(unit_of_work, context.actor, report):
                check_scope(unit_of_work, context.actor, report)
                raise ForbiddenRefusal(f"The role {context.actor.role} may not see who reported it.")
        return json_response(self._city.contact(report.id, context.actor))

    def _caller_reports(self, context: RequestContext) -> Response:
        number = context.json(CallerNumber)
        self._http_endpoint.count_caller(context.actor)
        now = self._city.clock()
        return json_response(reports_of_caller(self._city.database, number.phone, context.actor, now))

    def _offer_handover(self, context: RequestContext) -> Response:
        now = self._city.clock()
        return json_response(offer_handover(self._city.database, context.json(HandoverOffer), context.actor, now))

    def _sign_handover(self, context: RequestContext) -> Response:
        signature, now = context.json(HandoverSignature), self._city.clock()
        return json_response(
            sign_handover(self._city.database, context.path("handover"), signature, context.actor, now)
        )

    def _set_pin(self, context: RequestContext) -> Response:
        if context.actor.tokenless:
            raise ForbiddenRefusal("Without users there is nobody who could have a PIN.")
        change_own_pin(self._city.database, context.json(NewPin), context.actor, self._city.clock())
        return Response(status_code=204)

    def _audit(self, context: RequestContext) -> Response:
        report = self._city.report(context.path("report"))
        with self._city.database.read() as connection:
            check_scope(UnitOfWork(self._city.database, connection, self._city.clock()), context.actor, report)
            if context.actor.role != "supervisor":
                raise ForbiddenRefusal(f"The role {context.actor.role} may not read the audit log.")
            return json_response(audit.lines_about(connection, report.id))

    def _read_city(self, context: RequestContext) -> Response:
        _check_sets_up(context.actor)
        setup = present_setup(self._city)
        headers = {"ETag": f'"{setup_mark(setup)}"'}
        if is_known(context.request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return json_response(setup, headers=headers)

    def _set_up_city(self, context: RequestContext) -> Response:
        check_own_page(context.request, self._public_name)
        _check_sets_up(context.actor)
        setup = context.json(CitySetup)
        if_match = context.request.headers.get("if-match")
        if if_match is not None and len(if_match) > _LONGEST_MARK:
            raise Invalid("If-Match is no ETag of a city.")
        made_on = if_match.strip().removeprefix("W/").strip('"') if if_match is not None else None
        dry_run = context.request.query_params.get("dry_run", "false")
        if dry_run not in ("true", "false"):
            raise Invalid("“dry_run” is true or false.")
        seen = context.request.query_params.get("seen")
        if seen is not None and len(seen) > _LONGEST_MARK:
            raise Invalid("“seen” is no mark of a difference.")
        if dry_run == "true":
            return json_response(Done(compare_setup(self._city, setup, made_on=made_on), applied=False))
        return json_response(apply_setup(self._city, setup, context.actor, seen=seen, made_on=made_on))

    def _city_files(self, context: RequestContext) -> Response:
        check_own_page(context.request, self._public_name)
        _check_sets_up(context.actor)
        setup = context.json(CitySetup)
        refuse_faults(check_setup(setup, present_setup(self._city)))
        headers = {"Content-Disposition": 'attachment; filename="city.zip"'}
        return Response(packed_folder(setup), headers=headers, media_type="application/zip")

    def _note_draft(self, context: RequestContext) -> Response:
        check_own_page(context.request, self._public_name)
        _check_sets_up(context.actor)
        note = context.json(DraftNote)
        now = self._city.clock()
        work = note_draft(self._city.database, context.actor.name, note, now)
        return json_response(msgspec.structs.replace(work, consoles=self._city.presence.count_consoles(now)))

    def _read_folder(self, context: RequestContext) -> Response:
        check_own_page(context.request, self._public_name)
        _check_sets_up(context.actor)
        return json_response(read_sent(context.json(SentFolder), present_setup(self._city)))

    def _export(self, context: RequestContext) -> Response:
        audit.record_export(self._city.database, self._city.clock(), context.actor, context.json(ExportNote))
        return Response(status_code=204)


def _check_sets_up(actor: Actor) -> None:
    """Raise ForbiddenRefusal to all but admins and supervisors of the whole city."""
    if not may_set_up(Rights(actor.role, actor.areas, actor.agencies)):
        raise ForbiddenRefusal("Only an admin or a supervisor of the whole city may set it up.")


def _day(text: str) -> date:
    """A day as 2026-11-24; Invalid when it is none."""
    try:
        return convert(text, date, strict=False)
    except msgspec.ValidationError:
        raise Invalid(f"“{text}” is no day: write it as 2026-11-24.") from None


def _console_of(context: RequestContext) -> str:
    """Which of the user's consoles asks, "" where it does not say it in a word."""
    said = context.request.headers.get("sigap-console", "")
    return said if _CONSOLE_WORD.fullmatch(said) else ""


def _edit_of(context: RequestContext) -> EditBody:
    """The edit of a request, whose id has to be its idempotency key."""
    edit = context.json(EditBody)
    key = context.request.headers.get("idempotency-key")
    if key is None:
        raise Refusal("An edit needs the header Idempotency-Key: the edit's id.")
    if key != edit.id:
        raise Invalid("Idempotency-Key is not the edit's id.")
    return edit


def _if_match(header: str | None) -> int | None:
    if header is None:
        return None
    text = header.strip().strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid('If-Match has to be a version, such as "7".')
    return int(text)


def _version() -> str:
    try:
        return version("sigap")
    except PackageNotFoundError:
        return "0"
