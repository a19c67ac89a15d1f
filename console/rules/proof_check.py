"""What speaks against a proof of work: flags for whoever validates it. A flag decides nothing.

The server sets them when a photo comes, as it alone knows all photos; a console that waits for the server, or has an
older one, looks by the same rule at what a photo says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from api_client.model import Assignment, Entry, Photo, PhotoRole, ProofFlag, Report, Status
from console.rules.distance import distance_m
from console.rules.proof import jobs_of_round

FAR_M = 300.0
"""A proof may be taken so far from its report (metres), beside what its place may be off."""
_CLOCK_OFF_S = 300.0
"""A telephone's clock may be so wrong."""
SAME_BITS = 14
"""Two pictures are the same where at most so many of the 255 bits of their perceptual hashes differ: packed again or
shrunk one differs by up to 10, two photos of one street by 26 and more, of two streets by 54 and more."""


class Doubt(StrEnum):
    """Why a proof is flagged. A newer server may know more reasons."""

    NO_TIME = "no_time"
    NO_PLACE = "no_place"
    FAR = "far"
    BEFORE_REPORT = "before_report"
    BEFORE_WORK = "before_work"
    SAME_AS_REPORT = "same_as_report"
    SAME_AS_PROOF = "same_as_proof"


def work_began(history: Sequence[Entry], assignments: Sequence[Assignment]) -> datetime | None:
    """When the last round of work could begin: its first crew was sent, or else the work before it was returned.

    None where neither is known. `history` is the report's, the oldest first.
    """
    counting = [entry for entry in history if entry.undone_by is None]
    returns = [entry.at for entry in counting if entry.data.get("status") == Status.RETURNED]
    sent = [job.created for job in jobs_of_round(counting, assignments)]
    return min(sent) if sent else returns[-1] if returns else None


def own_flags(photo: Photo, report: Report, off_m: float, began: datetime | None = None) -> tuple[ProofFlag, ...]:
    """What speaks against a proof by the time and place that it was taken at.

    What was reported lies up to `off_m` from the report's point; `began` is when the work could begin.
    """
    if photo.role is not PhotoRole.AFTER:
        return ()
    flags = []
    if photo.taken is None:
        flags.append(ProofFlag(Doubt.NO_TIME))
    elif (early := (report.created - photo.taken).total_seconds()) > _CLOCK_OFF_S:
        flags.append(ProofFlag(Doubt.BEFORE_REPORT, seconds=early))
    elif began is not None and (early := (began - photo.taken).total_seconds()) > _CLOCK_OFF_S:
        flags.append(ProofFlag(Doubt.BEFORE_WORK, seconds=early))
    if photo.lat is None or photo.lon is None:
        flags.append(ProofFlag(Doubt.NO_PLACE))
    elif report.lat is not None and report.lon is not None:
        away = distance_m(photo.lat, photo.lon, report.lat, report.lon)
        # protects: proof-of-elsewhere-is-flagged
        if away > FAR_M + off_m:
            flags.append(ProofFlag(Doubt.FAR, metres=away))
    return tuple(flags)


def flags_to_show(photo: Photo, report: Report, off_m: float) -> tuple[ProofFlag, ...]:
    """The flags of a proof as its report stands now: the server's, and of time and place what they are by now.

    Of an earlier round of work a photo is from before the present one: that it was taken before the work is the
    server's to say, who saw it come.
    """
    own = own_flags(photo, report, off_m)
    kinds = {flag.kind for flag in own} | {Doubt.NO_PLACE, Doubt.FAR}  # a report may have been placed anew
    return (*own, *(flag for flag in photo.flags if flag.kind not in kinds))


def is_flagged(photos: Iterable[Photo]) -> bool:
    """Whether the newest proof among a report's photos, the oldest first, has a flag of the server."""
    proofs = [photo for photo in photos if photo.role is PhotoRole.AFTER]
    return bool(proofs and proofs[-1].flags)


def flagged(report: Report, sha256: str | None, flags: Iterable[ProofFlag]) -> Report:
    """The report with these flags at the photo with this hash, behind those that it has."""
    added = tuple(flags)
    photos = (
        replace(photo, flags=(*photo.flags, *added)) if sha256 is not None and photo.sha256 == sha256 else photo
        for photo in report.photos
    )
    return replace(report, photos=tuple(photos)) if added else report
