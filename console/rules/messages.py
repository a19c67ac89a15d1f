"""The messages between the console and its sync process: one msgspec tagged union each way.

Framing on the pipe (the child's stdin and stdout): 4 bytes big-endian length, then one MessagePack value.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from api_client.model import HandoverOffer, HandoverSignature, NewPin
from console.rules.edit import Edit
from console.rules.queued import ByWhom, EditState, StopReason, TakenAs


class Source(msgspec.Struct, frozen=True):
    """One server of a profile: `key` is short and stable, `kind` is dispatch or open311.

    `timezone` is the city's (IANA name), `user` what the server calls this operator; both as the server last said.
    `role` is what that user was when the server last said.
    `params` go with every request to an open311 server, such as {"jurisdiction_id": "city.org"}.
    """

    key: str
    name: str
    url: str
    kind: str
    insecure_http: bool = False
    timezone: str = ""
    user: str = ""
    params: dict[str, str] = {}
    role: str = ""


class WebMap(msgspec.Struct, frozen=True):
    """A street map or aerial picture of a provider, which a profile may show: `address` has {z}, {x} and {y} in it.

    `attribution` is shown wherever the map is; `rules` is where the provider says who may use it how.
    """

    name: str
    address: str
    attribution: str
    max_zoom: int = 19
    rules: str = ""


class Start(msgspec.Struct, frozen=True, tag="start"):
    """First message down: where to keep the cache, what to follow, with which tokens (by source key).

    `turn` counts those of one console.
    """

    folder: str
    sources: tuple[Source, ...]
    tokens: dict[str, str] = {}
    order_lifetime_s: float = 600.0
    turn: int = 0


class Push(msgspec.Struct, frozen=True, tag="push"):
    """Try once to send this edit, which is due. Answered by one Outcome that says how the try ended: see `ends_a_try`.

    The same edit may come again; its key makes that harmless. `unconfirmed` is set when an earlier try may have
    arrived, `taken_as` is what a server that knows no keys had said of it. `past_its_time`: an order that is too old to
    be sent; only whether an earlier try arrived is asked.
    """

    edit: Edit
    unconfirmed: bool = False
    taken_as: TakenAs | None = None
    past_its_time: bool = False


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """Do not try this edit if that has not begun. Answered by an Outcome in state withdrawn, or by the try's own.

    One that may have arrived with an earlier try is tried all the same, to learn whether it did. Not when it is
    `proved`: the server's record shows it, and a server that is set back meanwhile would take it for a new one.
    """

    edit_id: str
    proved: bool = False


class Fetch(msgspec.Struct, frozen=True, tag="fetch"):
    """Bring a photo into media/; answered by Fetched."""

    source: str
    sha256: str | None
    url: str | None


class BringTile(msgspec.Struct, frozen=True, tag="bring_tile"):
    """Bring a picture of the web map at `address` into the profile's kept tiles; answered by TileBrought, unless so
    many others are asked for after it that it is out of sight.
    """

    address: str
    z: int
    x: int
    y: int


class Look(msgspec.Struct, frozen=True, tag="look"):
    """The operator has this report of the source open now, None for none of it; told to the server, best effort."""

    source: str
    report: str | None


class Reveal(msgspec.Struct, frozen=True, tag="reveal"):
    """Bring a reporter's contact from the server, which logs that; answered by Revealed."""

    source: str
    report: str


class FindCaller(msgspec.Struct, frozen=True, tag="find_caller"):
    """Find the reports of a telephone number at the server, which logs that; answered by CallerFound."""

    source: str
    number: int
    """Of the question: the answer bears it."""
    phone: str


class WhoseToken(msgspec.Struct, frozen=True, tag="whose_token"):
    """Ask a server whose token this is, which goes on being followed with its own; answered by TokenOwner."""

    source: str
    number: int
    """Of the question: the answer bears it."""
    token: str


class SignHandover(msgspec.Struct, frozen=True, tag="sign_handover"):
    """Offer a hand-over, where it is given, then have it signed, where a signature is given; answered by RequestDone.

    Never written to a file or a log: a signature has a PIN.
    """

    source: str
    number: int
    """Of the request: the answer bears it."""
    handover: str
    offer: HandoverOffer | None = None
    signature: HandoverSignature | None = None


class SetPin(msgspec.Struct, frozen=True, tag="set_pin"):
    """Give the user who is signed in another PIN; answered by RequestDone. Never written to a file or a log."""

    source: str
    number: int
    """Of the request: the answer bears it."""
    pin: NewPin


class SignOut(msgspec.Struct, frozen=True, tag="sign_out"):
    """Tell a server that whose token this is has signed out here; again and again until it is reached."""

    source: str
    token: str


class SyncNow(msgspec.Struct, frozen=True, tag="sync_now"):
    """Try all sources at once, whatever their back-off says."""


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """Compare the cache with every server now, and read again what differs; otherwise that is done each night.

    `believe` the last comparison: what it missed, and took for more than a city takes back, is not there any more.
    """

    believe: bool = False


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End in order."""


Asked = Reveal | FindCaller | WhoseToken | SignHandover | SetPin
"""What a server is asked once, and answers or not."""
Down = Start | Push | Withdraw | Fetch | BringTile | Look | Asked | SignOut | SyncNow | Compare | Stop


class Obstacle(StrEnum):
    """Why a try failed that is to be repeated: what has to wait for a better time."""

    ONE_EDIT = "one_edit"  # the server falls over this edit, or is still at its first try: others go on
    SERVER = "server"  # the server is not there or asks for patience: whatever goes the same way waits
    SIGN_IN = "sign_in"  # the server takes nothing before somebody signs in
    ANOTHER_EDIT = "another_edit"  # one that was tried before it, which tells what has to wait: it was not tried itself


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """What is known of an edit after a try, or later. `remote_id` is the server's id of a created report.

    `version` is the report's version: after the edit when it was accepted, the present one when it met a conflict.
    `reason` goes with the state attention, `theirs` with a conflict, `taken_as` with what a server without keys took.
    `problem` is what the server, or the link to it, said. `obstacle` says that the try failed and is to be repeated,
    not before `retry_after_s` where the server asked for that.
    """

    edit_id: str
    state: EditState
    problem: str = ""
    reason: StopReason | None = None
    by: ByWhom | None = None
    theirs: dict[str, object] = {}
    taken_as: TakenAs | None = None
    remote_id: str | None = None
    version: int | None = None
    obstacle: Obstacle | None = None
    retry_after_s: float | None = None

    @property
    def ends_a_try(self) -> bool:
        """Whether the sync process is done with the edit; otherwise it has only learnt something about it.

        Example of the latter: a server without keys has taken a report, and has no number for it yet.
        """
        return self.obstacle is not None or self.state not in (EditState.QUEUED, EditState.UNCONFIRMED)


class TryNow(msgspec.Struct, frozen=True, tag="try_now"):
    """What waits for a better time at a source may be tried now: it answers again, or somebody asked for it."""

    source: str


class Touched(msgspec.Struct, frozen=True, tag="touched"):
    """After a commit of the cache: local row ids (ints of cache.db reports.row) and kinds that changed.

    The kind "word" says that a code occurs in the columns of a report for the first time, and has a number now.
    `everything` is set after a fill or an epoch change: re-read all. `edits` are edit ids now proved by the cache.
    """

    rows: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    everything: bool = False


class Presence(msgspec.Struct, frozen=True, tag="presence"):
    """Last-value state from the stream: unit positions (id -> lat, lon, at), who looks at what, and since when who is
    connected has been, where the server tells it.
    """

    source: str
    positions: dict[str, tuple[float, float, datetime]] = {}
    looking: dict[str, str | None] = {}
    since: dict[str, datetime] = {}


class SourceState(msgspec.Struct, frozen=True, tag="source_state"):
    """How a source is doing. `state`: connecting, filling, live, offline, refused, wrong_server.

    `as_of` is the server time the cache is complete to; `since` when this state began; `next_try_s` until the next try;
    `clock_offset_s` is server clock minus ours; `latency_ms` of the last answer; `progress` 0..1 while filling.
    `local` is set when the trouble is on this computer (a full disk, a damaged file) and not the server's; `busy` when
    the server is there and asks to be left alone for a while. `put_off` says why a live server takes no changes (its
    disk is full), "" while it does, `put_off_since` from when. `unanswered_since` is when a live server was asked
    something of whose answer nothing has come for long; None while there is none. `doubted` is how many reports the
    last comparison did not find at the server, and kept all the same. `clock_set_s` is by how much the server's clock
    was set while it was watched, and not set back since, `clock_set_at` when (by this computer's clock).
    """

    source: str
    state: str
    problem: str = ""
    detail: str = ""
    as_of: datetime | None = None
    since: datetime | None = None
    next_try_s: float | None = None
    clock_offset_s: float = 0.0
    latency_ms: float | None = None
    progress: float | None = None
    local: bool = False
    busy: bool = False
    put_off: str = ""
    put_off_since: datetime | None = None
    unanswered_since: datetime | None = None
    doubted: int = 0
    clock_set_s: int = 0
    clock_set_at: datetime | None = None

    @property
    def reached(self) -> bool:
        """Whether the server answers, or has not been asked yet."""
        return self.state in ("connecting", "filling", "live")


class SignedIn(msgspec.Struct, frozen=True, tag="signed_in"):
    """Whom the token of a source belongs to, and what he may: at each start, and when the server changed it.

    Without areas and agencies he may write everywhere. `turn` is that of the Start whose token it is.
    """

    source: str
    user: str
    role: str = ""
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    turn: int = 0


class ZoneTold(msgspec.Struct, frozen=True, tag="zone_told"):
    """The city's time zone (IANA name) as its server tells it: each time the server is reached anew."""

    source: str
    timezone: str


class Fetched(msgspec.Struct, frozen=True, tag="fetched"):
    """A photo is in media/ under `sha256`, or `problem` says why not; `later`: for want of an answer, no fault."""

    sha256: str | None
    url: str | None
    problem: str = ""
    later: bool = False


class TileBrought(msgspec.Struct, frozen=True, tag="tile_brought"):
    """A picture of the web map is among the kept tiles, or `problem` says why it is not, or no newer one."""

    z: int
    x: int
    y: int
    problem: str = ""


class Revealed(msgspec.Struct, frozen=True, tag="revealed"):
    """A reporter's contact as the server told it, or `problem` says why not. Never written to a file or a log."""

    source: str
    report: str
    name: str = ""
    phone: str = ""
    email: str = ""
    problem: str = ""


class CallerFound(msgspec.Struct, frozen=True, tag="caller_found"):
    """The ids of a caller's reports, the newest first, or `problem` says why not. Never written to a file or a log."""

    source: str
    number: int
    reports: tuple[str, ...] = ()
    more: bool = False
    problem: str = ""


class TokenOwner(msgspec.Struct, frozen=True, tag="token_owner"):
    """Whose a token is; `user` is "" where the server does not know it or was not reached, and `problem` says which."""

    source: str
    number: int
    user: str = ""
    problem: str = ""


class SignOutTold(msgspec.Struct, frozen=True, tag="sign_out_told"):
    """A server was told that whose token this is has signed out, or knows nothing of signing out."""

    source: str
    token: str


class RequestDone(msgspec.Struct, frozen=True, tag="request_done"):
    """What was asked of a server was done, or `problem` says why it was not."""

    source: str
    number: int
    problem: str = ""


class Alive(msgspec.Struct, frozen=True, tag="beat"):
    """The process lives and each of its threads gets further; every two seconds. Without it the console ends it."""


Up = (
    Outcome
    | TryNow
    | Touched
    | Presence
    | SourceState
    | SignedIn
    | ZoneTold
    | Fetched
    | TileBrought
    | Revealed
    | CallerFound
    | TokenOwner
    | SignOutTold
    | RequestDone
    | Alive
)
