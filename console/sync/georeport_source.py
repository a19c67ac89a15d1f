"""A GeoReport server that is followed: it can be read and takes new reports, nothing else."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from api_client import errors
from api_client.georeport import GeoReportClient, ReadingLimits, can_be_of, can_show, time_of
from api_client.georeport_model import GeoRequest
from api_client.model import Kind
from console.cache.reader import CacheReader
from console.rules.edit import Edit
from console.rules.messages import (
    CallerFound,
    Fetch,
    FindCaller,
    Look,
    Outcome,
    Push,
    RequestDone,
    Reveal,
    Revealed,
    SetPin,
    SignHandover,
    SignOut,
    Source,
    TokenOwner,
    TryNow,
    Up,
    WhoseToken,
    Withdraw,
)
from console.rules.queued import EditState, StopReason, TakenAs
from console.sync.attempt import Attempt, CannotSend
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.deletion_sweep import DeletionSweep
from console.sync.download_lane import DownloadLane
from console.sync.health import Health
from console.sync.pull_georeport import Expected, GeoReportPuller
from console.sync.reconcile import ComparedPuller, Nightly
from console.sync.retry import Timing
from console.sync.send_lane import SENDERS, SendLane
from console.sync.source import PullLane

_LOOK_BACK = timedelta(minutes=10)
_LOOK = ReadingLimits(reports=50_000, pages=1_000, bytes=1 << 26)
"""How far a list is looked through for one report."""


class AcceptedReport(NamedTuple):
    """A report as the server took it."""

    remote_id: str | None
    version: int | None = None
    taken_as: TakenAs | None = None


class GeoReportSender:
    """Sends new reports. These servers know no keys, so nothing is sent twice on a guess."""

    def __init__(
        self,
        client: GeoReportClient,
        puller: GeoReportPuller,
        emit: Callable[[Outcome], None],
        tokens: dict[str, str],
        numbers: Mapping[str, str],
    ) -> None:
        """`puller` reads the same server back. `emit` gets what is found out of an edit after it was taken.

        `tokens`: edit -> token of a report that was taken and has no number yet; shared by a source's senders, as
        `numbers`: edit -> number of a report that was taken before a restart.
        """
        self._client = client
        self._puller = puller
        self._emit = emit
        self._tokens = tokens
        self._numbers = numbers

    def send(self, edit: Edit, report: str | None, *, repeated: bool) -> AcceptedReport:
        """See console.sync.attempt.Sender."""
        if edit.kind is not Kind.CREATE:
            raise CannotSend(StopReason.NEW_REPORTS_ONLY)
        if edit.id in self._tokens:
            return self._taken(edit, self._number(edit))
        # protects: taken-before-is-not-sent-again
        if edit.id in self._numbers:
            return self._taken(edit, self._numbers[edit.id])
        # protects: look-before-sending-again
        if repeated:
            remote_id = self._find(edit)
            if remote_id is None:
                raise CannotSend(StopReason.NOT_IN_LIST)
            return self._taken(edit, remote_id)
        made_in = self._puller.number
        created = self._client.create(_form(edit))
        if created.request_id is None and created.token is not None:
            self._tokens[edit.id] = created.token
            self._emit(Outcome(edit.id, EditState.UNCONFIRMED, taken_as=TakenAs(token=created.token)))
        if created.request_id is None:
            return self._taken(edit, self._number(edit))
        return self._taken(edit, created.request_id, made_in)

    def has_arrived(self, edit: Edit, report: str | None) -> bool:
        """Whether the server's list holds the report."""
        return self._find(edit) is not None

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended."""
        return self._client.exchanges

    def interrupt(self) -> None:
        """Nothing: what was sent twice would be there twice, so an answer that may still come is waited for."""

    def cut(self) -> None:
        """From any thread: end what is under way."""
        self._client.cut()

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _taken(self, edit: Edit, remote_id: str, made_in: int = 0) -> AcceptedReport:
        """Raises CannotSend when the number is another report's; told on only when it was seen that it is not."""
        form = _form(edit)
        there = self._read_back(remote_id)
        # protects: number-is-looked-at
        if there is not None and not can_show(there, form, edit.occurred_at):
            self._tokens.pop(edit.id, None)
            raise CannotSend(StopReason.ANOTHER_NUMBER, _what_is_there(there))

        def refuse(other: GeoRequest) -> None:
            is_another = not can_be(other)
            reason = StopReason.ANOTHER_NUMBER if is_another else StopReason.NUMBER_GIVEN_TWICE
            there = _what_is_there(other) if is_another else remote_id
            self._emit(Outcome(edit.id, EditState.ATTENTION, problem=there, reason=reason))

        def can_be(request: GeoRequest) -> bool:
            return can_show(request, form, edit.occurred_at)

        expected = Expected(edit.id, edit.author, edit.occurred_at, can_be, refuse)
        # protects: one-number-one-report
        if not self._puller.expect(remote_id, expected, made_in=made_in, there=there):
            self._tokens.pop(edit.id, None)
            raise CannotSend(StopReason.NUMBER_GIVEN_TWICE, remote_id)
        return AcceptedReport(remote_id if there is not None else None, taken_as=TakenAs(number=remote_id))

    def _read_back(self, remote_id: str) -> GeoRequest | None:
        """What stands under a number; None where nothing does yet, or it cannot be read now."""
        try:
            there = self._client.request(remote_id)
        except errors.ApiError:
            return None
        return there if there is not None and str(there.service_request_id) == remote_id else None

    def _number(self, edit: Edit) -> str:
        """The number that a token has become. Raises InProgress while it has none."""
        remote_id = self._client.id_of_token(self._tokens[edit.id])
        if remote_id is None:
            raise errors.InProgress("The server took the report and has given it no number yet.")
        return remote_id

    def _find(self, edit: Edit) -> str | None:
        """The id of the one request that can be this report: same text, service and place, made since the edit was.

        None also where several can be: which of them is ours nobody can know.
        """
        form, since = _form(edit), edit.occurred_at - _LOOK_BACK
        found = set[str]()
        for page in self._client.requests(start=since, limits=_LOOK):
            for request in page:
                made = time_of(request.requested_datetime)
                is_told = request.description is not None and request.service_code is not None
                if is_told and made is not None and made >= since and can_be_of(request, form, edit.occurred_at):
                    found.add(str(request.service_request_id))
        return found.pop() if len(found) == 1 else None


def _what_is_there(other: GeoRequest) -> str:
    """The number of a report and the beginning of its words."""
    words = " ".join((other.description or other.service_name or "").split())
    shown = f" (“{words[:60]}{'…' if len(words) > 60 else ''}”)" if words else ""
    return f"{other.service_request_id}{shown}"


class KeptReports:
    """What the cache holds of a source: see console.sync.pull_georeport.CachedReports."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder, self._source = folder, source

    def oldest(self) -> datetime | None:
        """When the oldest dated report was made; None when there is none."""
        with contextlib.closing(CacheReader(self._folder)) as reader:
            return reader.oldest(self._source)

    def count(self) -> int:
        """How many reports there are."""
        with contextlib.closing(CacheReader(self._folder)) as reader:
            return reader.count_of(self._source)

    def free_bytes(self) -> int:
        """The room on the disk of the cache."""
        return shutil.disk_usage(self._folder).free

    def last_number(self) -> int:
        """The highest number of a reading in it."""
        with contextlib.closing(CacheReader(self._folder)) as reader:
            return reader.last_number(self._source)

    def bodies(self, reports: Sequence[str], entries: Sequence[str]) -> dict[tuple[str, str], bytes]:
        """What it holds of some reports and entries, as JSON."""
        with contextlib.closing(CacheReader(self._folder)) as reader:
            return reader.bodies(self._source, reports, entries)

    def number_of(self, report: str) -> int | None:
        """The reading with which a report was written last; None when it is not there."""
        with contextlib.closing(CacheReader(self._folder)) as reader:
            return reader.number_of(self._source, report)


def _form(edit: Edit) -> dict[str, str]:
    data = edit.data
    contact = data.get("contact") or {}
    given, _, family = str(contact.get("name") or "").partition(" ")
    form = {
        "service_code": data.get("service"),
        "description": data.get("description"),
        "lat": data.get("lat"),
        "long": data.get("lon"),
        "address_string": data.get("address"),
        "first_name": given,
        "last_name": family,
        "phone": contact.get("phone"),
        "email": contact.get("email"),
    }
    return {name: str(value) for name, value in form.items() if value not in (None, "")}


class GeoReportSource:
    """The lanes of one GeoReport server: pull by polling, new reports out, photos in."""

    def __init__(
        self,
        source: Source,
        token: str | None,
        folder: Path,
        cache_writer: CacheWriterProxy,
        emit: Callable[[Up], None],
        *,
        clock: Callable[[], datetime],
        random_source: random.Random,
        timing: Timing,
    ) -> None:
        def client() -> GeoReportClient:
            return GeoReportClient(
                source.url,
                token,
                params=source.params,
                insecure_http=source.insecure_http,
                page=timing.page,
                small=timing.small,
                clock=clock,
            )

        self._source, self._emit = source, emit
        self._timing = timing
        self._random = random_source
        kept = cache_writer.cursor(source.key)
        self._health = Health(source.key, emit, clock, kept.as_of if kept is not None else None)
        pull_client = client()
        self._puller = GeoReportPuller(
            source.key, pull_client, cache_writer, self._health, KeptReports(folder, source.key), timing.history
        )
        self._nightly = Nightly(self._health.server_now(), source.timezone, random_source)
        self._sweep = DeletionSweep(source.key, pull_client, folder, self._puller)
        swept = ComparedPuller(self._puller, self._sweep, self._health, self._nightly)
        self._pull = PullLane(swept, pull_client, self._health, self._pause_s, random_source)
        self._tokens: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        attempt = Attempt(self._health, emit, self._pull.poke)

        def sender() -> GeoReportSender:
            return GeoReportSender(client(), self._puller, emit, self._tokens, self._numbers)

        self._push = SendLane("push", [sender() for _ in range(SENDERS)], attempt)
        self._download = DownloadLane(folder, source, None, emit)
        self._lanes = (self._pull, self._download, self._push)
        self._health.breaker.on_close.append(lambda: emit(TryNow(source.key)))

    @property
    def pulled(self) -> int:
        """How many objects were read."""
        return self._puller.pulled

    @property
    def skipped(self) -> int:
        """How many requests had no id yet."""
        return 0

    def start(self) -> None:
        """Start all lanes."""
        self._health.announce()
        for lane in self._lanes:
            lane.start()

    def push(self, push: Push) -> None:
        """Try an edit; these servers take no photos."""
        if push.edit.kind is Kind.PHOTO:
            self._emit(Outcome(push.edit.id, EditState.ATTENTION, reason=StopReason.NO_PHOTOS))
            return
        edit, taken_as = push.edit, push.taken_as or TakenAs()
        for known, what in ((self._tokens, taken_as.token), (self._numbers, taken_as.number)):
            known.pop(edit.id, None)
            if what is not None:
                known[edit.id] = what
        self._push.push(push)

    def withdraw(self, withdraw: Withdraw) -> None:
        """Do not try an edit if that has not begun."""
        self._push.withdraw(withdraw)

    def fetch(self, fetch: Fetch) -> None:
        """Bring a photo."""
        self._download.want(fetch)

    def look(self, look: Look) -> None:
        """These servers have no place for it."""

    def reveal(self, reveal: Reveal) -> None:
        """These servers show nobody who reported."""
        self._emit(Revealed(reveal.source, reveal.report, problem="This server shows nobody who reported."))

    def find_caller(self, asked: FindCaller) -> None:
        """Nor do they find reports by who reported them."""
        problem = "This server shows nobody who reported."
        self._emit(CallerFound(asked.source, asked.number, problem=problem))

    def sign_out(self, told: SignOut) -> None:
        """Such a server knows nobody who could."""

    def find_owner(self, asked: WhoseToken) -> None:
        """A key of such a server belongs to the city."""
        self._emit(TokenOwner(asked.source, asked.number, problem="This server knows nobody by name."))

    def sign(self, asked: SignHandover | SetPin) -> None:
        """Nor have they users who could sign."""
        problem = "This server keeps no hand-overs: print the draft."
        self._emit(RequestDone(asked.source, asked.number, problem))

    def hurry(self) -> None:
        """Try everything at once."""
        self._pull.hurry()
        self._emit(TryNow(self._source.key))

    def compare(self, *, believe: bool) -> None:
        """Look now, not only at night, for what the server no longer has."""
        if believe:
            self._sweep.believe()
        self._nightly.at_once()
        self._pull.poke()

    def look_at_silence(self) -> None:
        """Nothing: such a server may take its time over a page, and has no stream that could be silent."""

    def steps(self) -> dict[str, int]:
        """How often each thread of its lanes got further."""
        return {name: count for lane in self._lanes for name, count in lane.steps().items()}

    def stop(self) -> None:
        """End all lanes."""
        for lane in reversed(self._lanes):
            lane.stop()

    def _pause_s(self) -> float:
        return self._timing.slow_poll_s * self._random.uniform(0.8, 1.2)
