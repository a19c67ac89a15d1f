"""Writes the history of a draft: who did what when, from the citizen's report to the validator's decision."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api_client.model import (
    Assignment,
    AssignmentState,
    Claim,
    Contact,
    Entry,
    Hold,
    Photo,
    PhotoRole,
    Report,
    Status,
    Unit,
)
from console.server.city.records import LoadedReport
from console.server.demo.drafts import DraftedReport
from console.server.demo.pictures import Album

CITIZEN = "warga"
OPERATORS = ("wati", "dewi", "agus", "sari", "budi", "lina")
VALIDATORS = ("tuti.validator", "hadi.validator")
_RECENT_S = 14 * 86400
"""Of older matters the assignments and the steps of the way are no longer kept, only what came of them."""
_QUIET_S = 600
"""What crews wrote so shortly before the start is told at a new desk: a first look at the city begins without it."""
_CLOSINGS = ("Tidak ditemukan di lokasi", "Bukan kewenangan Pemprov", "Bukan laporan", "Dicabut pelapor")
_DISPOSITIONS: Mapping[str, str] = {
    "air": "Air sudah surut, saluran dibersihkan", "jalan": "Sudah ditambal", "trotoar": "Sudah diperbaiki",
    "lampu": "Lampu sudah menyala", "sampah": "Sudah diangkut", "lalu-lintas": "Lalu lintas sudah lancar",
    "parkir": "Sudah ditertibkan", "pohon": "Sudah dipangkas", "listrik": "Sudah diamankan PLN",
    "kebakaran": "Api sudah padam", "kesehatan": "Pasien sudah dirujuk", "ketertiban": "Sudah ditertibkan",
}  # fmt: skip
_A = AssignmentState


class Storyteller:
    """Turns drafts into reports with histories, as of one moment."""

    def __init__(self, units: Sequence[Unit], album: Album, chance: random.Random, now: datetime) -> None:
        self._album = album
        self._chance = chance
        self._now_s = int(now.timestamp())
        self._by_code = {unit.code: unit for unit in units}
        self._crews: dict[tuple[str | None, str], list[str]] = {}
        for unit in units:
            for area in unit.areas:
                self._crews.setdefault((unit.agency, area), []).append(unit.code)
            self._crews.setdefault((unit.agency, ""), []).append(unit.code)

    def crew_for(self, draft: DraftedReport) -> str | None:
        """The code of a crew of the agency in charge, of the kelurahan's own where that agency has none."""
        agency = draft.service.agency
        city, district = (draft.ward.city_code, draft.ward.district_code) if draft.ward else ("", "")
        found = self._crews.get((agency, city)) or self._crews.get((agency, "")) or self._crews.get(("PPSU", district))
        return self._chance.choice(found) if found else None

    def tell(self, draft: DraftedReport) -> LoadedReport:
        """The report of a draft with everything that happened to it."""
        story = _Story(draft, self._chance, self._now_s)
        story.begin()
        code = draft.unit
        if draft.status is Status.CLOSED:
            self._close(story)
        elif draft.status is not Status.NEW:
            code = code or self.crew_for(draft)
            self._work(story, code)
        return story.finished(self._photos(draft, story), self._by_code)

    def _close(self, story: _Story) -> None:
        draft = story.draft
        at = story.after(300, 5 * 3600)
        data: dict[str, Any] = {"status": "closed", "disposition": self._chance.choice(_CLOSINGS)}
        if draft.parent is not None:
            data["disposition"], data["into"] = "Duplikat", draft.parent.id
        story.disposition = str(data["disposition"])
        story.closed_at = at
        story.add("merge" if draft.parent is not None else "close", at, self._operator(), story.disposition, data)

    def _work(self, story: _Story, code: str | None) -> None:
        draft = story.draft
        agency = draft.service.agency
        quick = draft.priority <= 2
        response = story.after(20, 1500) if quick else story.after(500, 5 * 3600, late=0.12)
        if draft.status is Status.COORDINATION:
            story.add("set", response, self._operator(), "", {"status": "coordination", "agency": agency})
            if self._chance.random() < 0.3:
                text = self._chance.choice(
                    ("Diteruskan ke suku dinas.", "Menunggu jadwal petugas.", "Sudah dihubungi.")
                )
                story.add("note", story.after(60, 1800), self._operator(), text, {"text": text})
            return
        if not quick and story.keeps_steps and self._chance.random() < 0.5:
            story.add("set", response, self._operator(), "", {"status": "coordination", "agency": agency})
            response = story.after(300, 8 * 3600)
        if draft.status is Status.ASSIGNED and draft.job is None:
            story.assigned(code, _A.RESERVED, response, self._operator())
            return
        story.assigned(code, _A.DISPATCHED, response, self._operator())
        steps = (_A.ACKNOWLEDGED, _A.EN_ROUTE, _A.ON_SCENE)
        if draft.job in steps:
            for step in steps[: steps.index(draft.job) + 1]:
                story.progress(code, step, story.after(30, 420))
            return
        if draft.status is Status.ASSIGNED:
            return
        if story.keeps_steps:
            story.progress(code, _A.ACKNOWLEDGED, story.after(10, 120))
        story.progress(code, _A.ON_SCENE, story.after(600, 5400) if quick else story.after(1800, 40 * 3600))
        if draft.status is Status.PROGRESS:
            if code is not None:
                text = self._chance.choice(
                    ("Dilanjutkan besok pagi.", "Kontraktor bekerja di lokasi.", "Tinggal 1 titik.")
                )
                at = story.after(600, 5400)
                if self._now_s - at > _QUIET_S:
                    story.add("note", at, code, text, {"text": text}, unit=_unit_id(code))
                story.left(code)
            if draft.hold is not None:
                hold = {"reason": draft.hold[0], "waits_for": draft.hold[1].value, "until": None}
                story.add("set", story.after(60, 3600), self._operator(), draft.hold[0], {"hold": hold})
            return
        self._prove(story, code)

    def _prove(self, story: _Story, code: str | None) -> None:
        draft = story.draft
        if draft.status is Status.VALIDATION:
            story.skip_to_last_day()
        done = story.after(1200, 6 * 3600) if draft.priority <= 2 else story.after(3600, 50 * 3600)
        story.proof_at = done
        if draft.service.proof and story.keeps_steps:
            picture = self._album.after[draft.service.glyph]
            data = {"sha256": picture.sha256, "role": "after", "size": picture.size}
            unit = _unit_id(code) if code is not None else None
            story.add("photo", done, code or "petugas", "", data, unit=unit)
        story.progress(code, _A.DONE, done + 1)
        if draft.status is Status.VALIDATION:
            return
        checked = story.after(600, 20 * 3600, late=0.03)
        validator = self._chance.choice(VALIDATORS)
        if draft.status is Status.RETURNED:
            reason = "Foto tidak sesuai lokasi laporan" if draft.suspicious else "Pekerjaan belum selesai"
            data = {"accepted": False, "reason": reason, "status": "returned"}
            story.add("validate", checked, validator, reason, data)
            return
        story.disposition = _DISPOSITIONS.get(draft.service.group, "Sudah ditindaklanjuti")
        story.closed_at = checked
        data = {"accepted": True, "disposition": story.disposition, "status": "resolved"}
        story.add("validate", checked, validator, story.disposition, data)
        if story.keeps_steps and self._chance.random() < 0.4:
            text = "Laporan sudah ditindaklanjuti. Terima kasih atas kepedulian Anda."
            story.add("reply", checked + 30, validator, text, {"text": text})

    def _operator(self) -> str:
        return self._chance.choice(OPERATORS)

    def _photos(self, draft: DraftedReport, story: _Story) -> tuple[Photo, ...]:
        photos = []
        glyph = draft.service.glyph
        for number in range(min(draft.photos, 3)):
            picture = self._album.before[glyph] if number == 0 else self._album.before["other"]
            taken = _moment(draft.created - 60 * (number + 1))
            photos.append(Photo(picture.sha256, PhotoRole.REPORT, picture.size, taken, draft.lat, draft.lon))
        if story.proof_at is not None and draft.service.proof:
            picture = self._album.after[glyph]
            lat, lon, taken_s = draft.lat, draft.lon, story.proof_at - 20
            if draft.suspicious and lat is not None and lon is not None:
                lat, lon, taken_s = lat + 0.0129, lon + 0.0114, story.proof_at - 3 * 86400
            photos.append(Photo(picture.sha256, PhotoRole.AFTER, picture.size, _moment(taken_s), lat, lon))
        return tuple(photos)


class _Story:
    """One report's history while it is written; time only goes forward in it and never past the present."""

    def __init__(self, draft: DraftedReport, chance: random.Random, now_s: int) -> None:
        self.draft = draft
        self.disposition: str | None = None
        self.closed_at: int | None = None
        self.proof_at: int | None = None
        self._chance = chance
        self._now_s = now_s
        self._at = draft.created
        self._entries: list[Entry] = []
        self._assignment: tuple[str, AssignmentState, int, str, int] | None = None
        self.keeps_steps = now_s - draft.created < _RECENT_S or bool(draft.tags)

    def begin(self) -> None:
        """The citizen's report itself."""
        self.add("created", self.draft.created, CITIZEN)

    def after(self, least_s: int, most_s: int, late: float = 0.0) -> int:
        """A later moment, sooner rather than later in the span; some are late. Squeezed before the present."""
        span = most_s - least_s
        wait = least_s + span * self._chance.random() ** 2
        if late and self._chance.random() < late:
            wait = most_s * (1.2 + 2 * self._chance.random())
        room = max(2, self._now_s - self._at)
        self._at = int(min(self._at + wait, self._at + room * self._chance.uniform(0.3, 0.8)))
        return self._at

    def skip_to_last_day(self) -> None:
        """The work took until some hours ago, so that its proof waits too long for a validator only now and then."""
        if self._chance.random() < 0.015:
            return
        hours = 10 if self.draft.priority <= 2 else 22
        self._at = max(self._at, self._now_s - int(hours * 3600 * self._chance.random()) - 60)

    def add(
        self,
        kind: str,
        at: int,
        author: str,
        text: str = "",
        data: dict[str, Any] | None = None,
        unit: str | None = None,
    ) -> None:
        """One line more."""
        report = self.draft.id
        name = f"{report}-{len(self._entries) + 1}"
        self._entries.append(Entry(name, report, kind, _moment(at), author, text=text, data=data or {}, unit=unit))

    def assigned(self, code: str | None, state: AssignmentState, at: int, by: str) -> None:
        """A unit is named or sent; without one the matter goes to the agency's contractor."""
        if code is None:
            self.add("set", at, by, "", {"status": "assigned"})
            return
        kind = "assign" if state is _A.RESERVED else "dispatch"
        self.add(kind, at, by, "", {"unit": _unit_id(code), "status": "assigned"}, unit=_unit_id(code))
        self._assignment = (code, state, at, by, at)

    def progress(self, code: str | None, state: AssignmentState, at: int) -> None:
        """The unit says how far it is."""
        data: dict[str, Any] = {"state": state.value}
        if state is _A.ON_SCENE:
            data["status"] = "progress"
        if state is _A.DONE:
            data["status"] = "validation"
        if code is None:
            if "status" in data:
                self.add("set", at, "petugas", "", {"status": data["status"]})
            return
        data["unit"] = _unit_id(code)
        self.add("progress", at, code, "", data, unit=_unit_id(code))
        if self._assignment is not None:
            self._assignment = (code, state, at, *self._assignment[3:])

    def left(self, code: str) -> None:
        """The unit has gone; the work goes on without it (its proof is still to come)."""
        if self._assignment is not None:
            self._assignment = (code, _A.DONE, self._at, *self._assignment[3:])

    def finished(self, photos: tuple[Photo, ...], units: Mapping[str, Unit]) -> LoadedReport:
        """The report as it stands now."""
        draft = self.draft
        created = _moment(draft.created)
        updated = max(entry.at for entry in self._entries)
        ward = draft.ward
        given = ward is not None and draft.lat is None
        status = draft.status
        report = Report(
            id=draft.id,
            version=len(self._entries),
            status=status,
            service=draft.service.code,
            priority=draft.priority,
            description=draft.text,
            created=created,
            updated=updated,
            area=ward.code if ward is not None else None,
            area_rule=None if ward is None else "given" if given else "smallest",
            agency=draft.service.agency,
            address=draft.address,
            lat=draft.lat,
            lon=draft.lon,
            channel=draft.channel,
            hold=Hold(draft.hold[0], draft.hold[1]) if draft.hold is not None else None,
            claim=Claim(draft.claim, updated) if draft.claim is not None else None,
            disposition=self.disposition,
            merged_into=draft.parent.id if draft.parent is not None else None,
            duplicates=draft.duplicates,
            closed_at=_moment(self.closed_at) if self.closed_at is not None else None,
            photos=photos,
        )
        assignments: tuple[Assignment, ...] = ()
        if self._assignment is not None and self.keeps_steps:
            code, state, since, by, begun = self._assignment
            unit = units[code]
            assignments = (Assignment(f"{draft.id}-a1", draft.id, unit.id, state, _moment(since), by, _moment(begun)),)
        contact = None
        if draft.status is not Status.CLOSED and self.keeps_steps and self._chance.random() < 0.25:
            number = self._chance.randint(1000, 9999)
            contact = Contact(f"Warga {number}", f"0800 000 {number}")
        return LoadedReport(report, tuple(self._entries), assignments, contact)


def _unit_id(code: str) -> str:
    return code.casefold().replace(" ", "-")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
