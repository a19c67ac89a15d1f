"""Compares the pictures of proofs: with the complaint's, and with all older proofs of the city."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import sqlalchemy as sa
from msgspec.structs import replace
from numpy.typing import NDArray

from api_client.model import Entry, Photo, PhotoRole, ProofFlag, Report, Status
from console.images.worker import Made
from console.rules.proof_check import SAME_BITS, Doubt, flagged
from console.server.city import schema
from console.server.city.database import Database
from console.server.city.unit_of_work import UnitOfWork

_HASH_BYTES = 32
_OVERLAP_US = 600_000_000
"""Rows of another server may be seen so much later than their time, in microseconds."""
_MOST_HITS = 20
_YEARS = range(1990, 2200)
"""What a camera says beyond these is no time."""


class PhotoFacts(msgspec.Struct, frozen=True):
    """What the file of a photo says of itself, and the perceptual hash of its picture."""

    picture_hash: bytes
    taken: datetime | None = None
    lat: float | None = None
    lon: float | None = None

    def completed(self, data: dict[str, Any]) -> dict[str, Any]:
        """The payload of a photo's edit with the time and place that its file bears, which count more than what is
        said of it.
        """
        own: dict[str, Any] = {} if self.taken is None else {"taken": self.taken}
        return data | own | ({} if self.lat is None else {"lat": self.lat, "lon": self.lon})


def facts_of(made: Made, zone: str) -> PhotoFacts:
    """The facts of a decoded photo; a camera that knows no zone has the city's."""
    taken = made.taken_at if made.taken_at is not None and made.taken_at.year in _YEARS else None
    if taken is not None and taken.tzinfo is None:
        taken = taken.replace(tzinfo=ZoneInfo(zone))
    return PhotoFacts(made.picture_hash, taken, made.lat, made.lon)


def read_facts(connection: sa.Connection, sha256: str) -> PhotoFacts | None:
    """What is known of a photo; None while its bytes have not come, and of those that came before there was this."""
    table = schema.photo_facts
    row = connection.execute(sa.select(table).where(table.c.sha256 == sha256)).first()
    if row is None:
        return None
    taken = schema.moment(row.taken) if row.taken is not None else None
    return PhotoFacts(row.picture_hash, taken, row.lat, row.lon)


class ProofIndex:
    """The hashes of all proofs of a city in memory (40 bytes each), read on from the database before each look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: NDArray[np.uint64] = np.empty((0, _HASH_BYTES // 8), np.uint64)
        self._starts: NDArray[np.uint64] = np.empty(0, np.uint64)
        """The first 8 bytes of the SHA-256 of each."""
        self._newest = 0

    def alike(self, connection: sa.Connection, picture_hash: bytes) -> list[str]:
        """What the SHA-256 of the photos begin with whose picture is the same, the likest first."""
        self.read_on(connection)
        with self._lock:
            hashes, starts = self._hashes, self._starts
        differing = np.bitwise_count(hashes ^ np.frombuffer(picture_hash, np.uint64)).sum(axis=1)
        # protects: same-picture-is-found
        near = np.flatnonzero(differing <= SAME_BITS)
        return [f"{starts[at]:016x}" for at in near[np.argsort(differing[near], kind="stable")][:_MOST_HITS]]

    def read_on(self, connection: sa.Connection) -> None:
        """Take in the proofs that have come since; at first all of them, which takes a large city a second."""
        table = schema.proof_photos
        with self._lock:
            query = sa.select(table.c.sha256, table.c.picture_hash, table.c.known).where(
                table.c.picture_hash.is_not(None), table.c.known >= self._newest - _OVERLAP_US
            )
            found = {int(row.sha256[:16], 16): row for row in connection.execute(query)}
            starts = np.fromiter(found, np.uint64, len(found))
            there = self._starts[np.isin(self._starts, starts)]  # few are asked of many
            starts = starts[~np.isin(starts, there)]
            if not len(starts):
                return
            fresh = [found[int(start)] for start in starts]
            self._newest = max(self._newest, *(row.known for row in fresh))
            added = np.frombuffer(b"".join(row.picture_hash for row in fresh), np.uint64)
            self._hashes = np.concatenate((self._hashes, added.reshape(-1, _HASH_BYTES // 8)))
            self._starts = np.concatenate((self._starts, starts))


def picture_flags(
    unit_of_work: UnitOfWork,
    index: ProofIndex,
    report: Report,
    entries: Sequence[Entry],
    sha256: str,
    found: PhotoFacts,
) -> tuple[ProofFlag, ...]:
    """What speaks against a proof of this report by its picture; `entries` are the report's, the oldest first."""
    connection, flags = unit_of_work.connection, []
    complaints = [
        report,
        *(other for key in unit_of_work.merged(report.id) if (other := unit_of_work.stored_report(key))),
    ]
    for complaint in complaints:
        if any(_is_same(connection, photo, sha256, found) for photo in complaint.photos):
            merged_in = complaint.id if complaint.id != report.id else None
            flags.append(ProofFlag(Doubt.SAME_AS_REPORT, report=merged_in))
            break
    returned = max((entry.at for entry in entries if _is_return(entry)), default=None)
    for row in _rows(connection, index.alike(connection, found.picture_hash)):
        at = schema.moment(row.at)
        if row.report == report.id and (returned is None or at > returned):
            continue  # another photo of the same round
        if _is_still_proof(unit_of_work, row):
            flags.append(ProofFlag(Doubt.SAME_AS_PROOF, report=row.report, at=at))
            break
    return tuple(flags)


def keep_facts(database: Database, index: ProofIndex, sha256: str, found: PhotoFacts, now: datetime) -> int:
    """Keep what was found in a photo that came; proofs whose bytes came after their edit are looked at now.

    Returns the last number, 0 when no report changed.
    """
    row = {"sha256": sha256, "picture_hash": found.picture_hash, "lat": found.lat, "lon": found.lon,
           "taken": schema.micros(found.taken) if found.taken is not None else None}  # fmt: skip
    table = schema.proof_photos
    with database.write() as connection:
        database.upsert(connection, schema.photo_facts, [row], keep=True)
        waiting = sa.select(table).where(table.c.sha256 == sha256, table.c.picture_hash.is_(None))
        late = connection.execute(waiting.order_by(table.c.report)).all()
        if not late:
            return 0
        unit_of_work = UnitOfWork(database, connection, now)
        for proof in late:
            report = unit_of_work.report(proof.report)
            if report is None or not any(photo.sha256 == sha256 for photo in report.photos):
                continue
            flags = picture_flags(unit_of_work, index, report, unit_of_work.entries(report.id), sha256, found)
            if flags:
                version = unit_of_work.next_version(report)
                unit_of_work.put(replace(flagged(report, sha256, flags), version=version))
        known = {"picture_hash": found.picture_hash, "known": schema.micros(now)}
        connection.execute(sa.update(table).where(table.c.sha256 == sha256).values(**known))
        return unit_of_work.settle()


def _rows(connection: sa.Connection, starts: Sequence[str]) -> Iterable[sa.Row[Any]]:
    """The proofs whose SHA-256 begins so, in this order, of each photo the oldest first."""
    table = schema.proof_photos
    for start in starts:  # a letter behind f ends the range
        query = sa.select(table).where(table.c.sha256 >= start, table.c.sha256 < f"{start}g")
        yield from connection.execute(query.order_by(table.c.at, table.c.id)).all()


def _is_same(connection: sa.Connection, photo: Photo, sha256: str, found: PhotoFacts) -> bool:
    if photo.role is PhotoRole.AFTER or photo.sha256 is None:
        return False
    if photo.sha256 == sha256:
        return True
    other = read_facts(connection, photo.sha256)
    if other is None or len(other.picture_hash) != len(found.picture_hash):
        return False
    differing = int.from_bytes(other.picture_hash, "big") ^ int.from_bytes(found.picture_hash, "big")
    return differing.bit_count() <= SAME_BITS


def _is_return(entry: Entry) -> bool:
    return entry.undone_by is None and entry.data.get("status") == Status.RETURNED


def _is_still_proof(unit_of_work: UnitOfWork, row: sa.Row[Any]) -> bool:
    """Whether the report still has it as a proof: one that was taken back was perhaps meant for another report."""
    report = unit_of_work.stored_report(row.report)
    return report is not None and any(p.sha256 == row.sha256 and p.role is PhotoRole.AFTER for p in report.photos)
