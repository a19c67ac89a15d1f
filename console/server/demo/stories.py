"""Plays what happens to a draft: who does what when, from the citizen's report to the validator's decision.

Each of these is an edit. What it makes of the report, its crews and its history is the rule's (`console.rules.apply`),
as at the server. What is loaded cannot be taken back and has one time: the history bears no edit's id, and no other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from api_client.model import AssignmentState, Contact, Kind, Photo, PhotoRole, Status, Unit
from console.rules.apply import AreaAt, Lookups, ReportState, apply_edit, entry_of, new_report, with_duplicates
from console.rules.edit import Edit
from console.rules.rights import CITIZEN
from console.server.city.records import LoadedReport
from console.server.demo.areas import ZONE
from console.server.demo.drafts import DraftedReport
from console.server.demo.pictures import Album, DemoPhoto, Shot, place_name
from console.server.demo.texts import TextWriter
from console.server.demo.vocabulary import HABITS

OPERATORS = ("wati", "dewi", "agus", "sari", "budi", "lina")
VALIDATORS = ("tuti.validator", "hadi.validator")
_CONTRACTOR = "petugas"
"""Who works where no crew is named: the agency's own people."""
_RECENT_S = 14 * 86400
"""Of older matters only what came of them is told, and kept: no assignment, and of the history no step of these."""
_STEPS = frozenset({Kind.PHOTO, Kind.RELEASE})
_QUIET_S = 600
"""Crew notes so shortly before the start would be told in a new window; none are made, for a quiet first look."""
_CLOSINGS = ("Tidak ditemukan di lokasi", "Bukan kewenangan Pemprov", "Bukan laporan", "Dicabut pelapor")
_DISPOSITIONS: Mapping[str, str] = {
    "air": "Air sudah surut, saluran dibersihkan", "jalan": "Sudah ditambal", "trotoar": "Sudah diperbaiki",
    "lampu": "Lampu sudah menyala", "sampah": "Sudah diangkut", "lalu-lintas": "Lalu lintas sudah lancar",
    "parkir": "Sudah ditertibkan", "pohon": "Sudah dipangkas", "listrik": "Sudah diamankan PLN",
    "kebakaran": "Api sudah padam", "kesehatan": "Pasien sudah dirujuk", "ketertiban": "Sudah ditertibkan",
}  # fmt: skip
_UNDER_WAY_S = (900, 2600)
"""So long ago a crew that is under way or at work was sent, at most."""
_AFTER_MERGES_S = 0.5
_A = AssignmentState
_TO_SCENE = (_A.ACKNOWLEDGED, _A.EN_ROUTE, _A.ON_SCENE)


class Storyteller:
    """Turns drafts into reports with histories, as of one moment. `area_at` tells the area around a point."""

    def __init__(
        self, units: Sequence[Unit], album: Album, area_at: AreaAt, chance: random.Random, now: datetime
    ) -> None:
        self._album = album
        self._chance = chance
        self._writer = TextWriter()
        self._now_s = int(now.timestamp())
        self._known = Lookups({habit.service.code: habit.service for habit in HABITS}.get, area_at)
        self._crews: dict[tuple[str | None, str], list[str]] = {}
        for unit in units:
            for area in unit.areas:
                self._crews.setdefault((unit.agency, area), []).append(unit.code)
            self._crews.setdefault((unit.agency, ""), []).append(unit.code)

    def tell(self, draft: DraftedReport) -> LoadedReport:
        """The report of a draft with everything that happened to it."""
        self.word(draft)
        story = _Story(draft, self._photos(draft), self._known, self._chance, self._now_s)
        if draft.status is Status.CLOSED:
            self._close(story)
        elif draft.status is not Status.NEW:
            self._work(story, draft.unit or self._crew_for(draft))
        return story.finished()

    def word(self, draft: DraftedReport) -> None:
        """Write the text of a draft that has none yet. No two that are written soon after one another are alike."""
        if not draft.text:
            at, channel = datetime.fromtimestamp(draft.created, ZONE), draft.channel
            draft.text = self._writer.write(draft.service.code, draft.priority, self._chance, at, draft.where, channel)

    def _crew_for(self, draft: DraftedReport) -> str | None:
        """The code of a crew of the agency in charge, of the kelurahan's own where that agency has none.

        None where there is no crew, and for work in hand that no photo proves: when a crew leaves that, it is done.
        """
        agency = draft.service.agency
        city, district = (draft.ward.city_code, draft.ward.district_code) if draft.ward else ("", "")
        found = self._crews.get((agency, city)) or self._crews.get((agency, "")) or self._crews.get(("PPSU", district))
        if found is None or (draft.status is Status.PROGRESS and not draft.service.proof):
            return None
        return self._chance.choice(found)

    def _photos(self, draft: DraftedReport) -> tuple[Photo, ...]:
        """The photos that came with the citizen's report, each taken a minute after the one before."""
        times = [_moment(draft.created - 60 * ago) for ago in range(draft.photos, 0, -1)]
        pictures = [self._picture(draft, taken, number) for number, taken in enumerate(times)]
        return tuple(
            Photo(picture.sha256, PhotoRole.REPORT, picture.size, taken, draft.lat, draft.lon)
            for picture, taken in zip(dict.fromkeys(pictures), times, strict=False)
        )

    def _picture(self, draft: DraftedReport, taken: datetime, number: int = 0, *, done: bool = False) -> DemoPhoto:
        """A photo of a matter: of its own for what stands in every demo city, else one of few."""
        key = place_name(draft.id, draft.lat, draft.lon)
        shot = Shot(draft.service.code, key, done, number, taken, draft.lat, draft.lon)
        return self._album.take(shot) if "scene" in draft.tags else self._album.stock(shot)

    def _close(self, story: _Story) -> None:
        draft = story.draft
        if draft.parent is not None:
            story.wait_until(draft.merged)
            story.do(Kind.MERGE, self._operator(), into=draft.parent.id)
            return
        story.wait(300, 5 * 3600)
        story.wait_for_doubles()
        story.do(Kind.CLOSE, self._operator(), disposition=self._chance.choice(_CLOSINGS))

    def _work(self, story: _Story, code: str | None) -> None:
        draft = story.draft
        quick = draft.priority <= 2
        if quick:
            story.wait(20, 1500)
        else:
            story.wait(500, 5 * 3600, late=0.12)
        if draft.status is Status.COORDINATION:
            self._coordinate(story)
            return
        if draft.job is not None or (not quick and story.keeps_steps and self._chance.random() < 0.5):
            story.do(Kind.SET, self._operator(), status="coordination", agency=draft.service.agency)
            story.wait(300, 8 * 3600)
        if draft.status is Status.ASSIGNED and draft.job is None:
            self._put_by(story, code)
            return
        if draft.job is not None:
            story.wait_until(self._now_s - self._chance.uniform(*_UNDER_WAY_S))
        self._send(story, code)
        if draft.job is not None:
            for step in _TO_SCENE[: _TO_SCENE.index(draft.job) + 1]:
                story.wait(30, 420)
                story.progress(code, step)
            return
        if code is not None and story.keeps_steps:
            story.wait(10, 120)
            story.progress(code, _A.ACKNOWLEDGED)
        story.wait(*((600, 5400) if quick else (1800, 40 * 3600)))
        if draft.status is Status.PROGRESS:
            story.progress(code, _A.ON_SCENE)
            self._leave(story, code)
            return
        self._wait_for_its_turn(story)
        story.progress(code, _A.ON_SCENE)
        self._prove(story, code)

    def _wait_for_its_turn(self, story: _Story) -> None:
        """A crew that stays until the work is done is at other work before: days pass on its way, not at the place."""
        if story.draft.priority > 2:
            story.wait(1800, 47 * 3600)
        if story.draft.status is Status.VALIDATION:
            story.skip_to_last_day()
        story.wait_for_doubles()

    def _coordinate(self, story: _Story) -> None:
        draft = story.draft
        story.do(Kind.SET, self._operator(), status="coordination", agency=draft.service.agency)
        if self._chance.random() < 0.3:
            text = self._chance.choice(("Diteruskan ke suku dinas.", "Menunggu jadwal petugas.", "Sudah dihubungi."))
            story.wait(60, 1800)
            story.do(Kind.NOTE, self._operator(), text=text)
        if draft.claim is not None:
            story.wait(20, 600)
            story.do(Kind.CLAIM, draft.claim)

    def _put_by(self, story: _Story, code: str | None) -> None:
        """A crew gets it next, whatever it does now; without one it is the agency's."""
        who = self._operator()
        if code is not None:
            story.do(Kind.ASSIGN, who, unit=_unit_id(code), stack=True)
        story.do(Kind.SET, who, status="assigned")

    def _send(self, story: _Story, code: str | None) -> None:
        """A crew is sent; then whoever is there may go on with the report."""
        who = self._operator()
        if code is None:
            story.do(Kind.SET, who, status="assigned")
            return
        story.do(Kind.DISPATCH, who, unit=_unit_id(code))
        story.do(Kind.RELEASE, who)

    def _leave(self, story: _Story, code: str | None) -> None:
        """The work is not over when the crew goes: its proof is still to come, or something is waited for."""
        draft = story.draft
        if code is not None:
            text = self._chance.choice(("Dilanjutkan besok pagi.", "Kontraktor bekerja di lokasi.", "Tinggal 1 titik."))
            story.wait(600, 5400)
            if story.ago_s > _QUIET_S:
                story.do(Kind.NOTE, code, text=text)
            story.progress(code, _A.DONE)
        if draft.hold is not None:
            story.wait(60, 3600)
            hold = {"reason": draft.hold[0], "waits_for": draft.hold[1].value, "until": None}
            story.do(Kind.SET, self._operator(), hold=hold)

    def _prove(self, story: _Story, code: str | None) -> None:
        """The work is done and its proof handed in, then judged."""
        draft = story.draft
        story.wait(*((1200, 6 * 3600) if draft.priority <= 2 else (1800, 3 * 3600)))
        if draft.service.proof:
            unit = _unit_id(code) if code is not None else None
            story.prove(code or _CONTRACTOR, unit, lambda taken: self._picture(draft, taken, done=True))
        story.progress(code, _A.DONE)
        if draft.status is Status.VALIDATION:
            return
        story.wait(600, 20 * 3600, late=0.03)
        validator = self._chance.choice(VALIDATORS)
        if draft.status is Status.RETURNED:
            reason = "Foto tidak sesuai lokasi laporan" if draft.suspicious else "Pekerjaan belum selesai"
            story.do(Kind.VALIDATE, validator, accepted=False, reason=reason)
            return
        disposition = _DISPOSITIONS.get(draft.service.group, "Sudah ditindaklanjuti")
        story.do(Kind.VALIDATE, validator, accepted=True, disposition=disposition)
        if story.keeps_steps and self._chance.random() < 0.4:
            text = "Laporan sudah ditindaklanjuti. Terima kasih atas kepedulian Anda."
            story.wait(20, 60)
            story.do(Kind.REPLY, validator, text=text)

    def _operator(self) -> str:
        return self._chance.choice(OPERATORS)


class _Story:
    """One report while its people act on it; time only goes forward in it and never reaches the present."""

    def __init__(
        self, draft: DraftedReport, photos: tuple[Photo, ...], known: Lookups, chance: random.Random, now_s: int
    ) -> None:
        self.draft = draft
        self.keeps_steps = now_s - draft.created < _RECENT_S or bool(draft.tags)
        self._known = known
        self._chance = chance
        self._now_s = now_s
        self._at = float(draft.created)
        self._done_at = self._at
        self._merges = sorted((double.merged for double in draft.doubles), reverse=True)
        data: dict[str, Any] = {
            "service": draft.service.code, "priority": draft.priority, "description": draft.text,
            "address": draft.address, "lat": draft.lat, "lon": draft.lon, "channel": draft.channel,
        }  # fmt: skip
        if draft.lat is None and draft.ward is not None:
            data["area"] = draft.ward.code
        at = _moment(self._at)
        report = replace(new_report(draft.id, data, at, at, known), photos=photos)
        self._state = ReportState(report)
        self._keep(Edit(f"{draft.id}-1", Kind.CREATE, draft.id, CITIZEN, "", 1, at, data), self._state, at)

    @property
    def ago_s(self) -> float:
        """How long ago it is, in this story, in seconds."""
        return self._now_s - self._at

    def wait(self, least_s: float, most_s: float, late: float = 0.0) -> None:
        """Go on to a later moment, sooner rather than later in the span; some are late. Squeezed before the present."""
        wait_s = least_s + (most_s - least_s) * self._chance.random() ** 2
        if late and self._chance.random() < late:
            wait_s = most_s * (1.2 + 2 * self._chance.random())
        end_s = self.draft.merged or self._now_s
        self._at += min(wait_s, (end_s - self._at) * self._chance.uniform(0.3, 0.8))

    def wait_until(self, at_s: float) -> None:
        """Go on to this time, in Unix seconds, where it is still to come."""
        self._at = max(self._at, at_s)

    def wait_for_doubles(self) -> None:
        """Go on until all that is merged into it has been: nothing is merged into what is over."""
        self.wait_until(max(self._merges, default=0.0) + _AFTER_MERGES_S)

    def skip_to_last_day(self) -> None:
        """The work took until some hours ago, so that its proof waits too long for a validator only now and then."""
        if self._chance.random() < 0.015:
            return
        hours = 10 if self.draft.priority <= 2 else 22
        self.wait_until(self._now_s - int(hours * 3600 * self._chance.random()) - 60)

    def do(self, kind: Kind, who: str, **data: Any) -> None:
        """Somebody does something now, or a moment after what was done now already. Raises NotAllowed."""
        if self._at <= self._done_at:
            self.wait(1, 5)
        self._done_at = self._at
        self._count_doubles(self._at)
        at, key, number = _moment(self._at), self.draft.id, len(self._state.entries) + 1
        edit = Edit(f"{key}-{number}", kind, key, who, "", number, at, data)
        self._keep(edit, apply_edit(self._state, edit, at, self._known, job_id=f"{key}-a{number}"), at)

    def prove(self, who: str, unit: str | None, take: Callable[[datetime], DemoPhoto]) -> None:
        """Somebody adds a photo that he has just taken of the work; a suspicious one is of elsewhere, and days old."""
        lat, lon, age_s = self.draft.lat, self.draft.lon, 20
        if self.draft.suspicious and lat is not None and lon is not None:
            lat, lon, age_s = lat + 0.0129, lon + 0.0114, 3 * 86400
        taken = _moment(int(self._at) - age_s)
        picture = take(taken)
        data = {"sha256": picture.sha256, "role": PhotoRole.AFTER.value, "size": picture.size, "lat": lat, "lon": lon,
                "taken": to_builtins(taken)}  # fmt: skip
        self.do(Kind.PHOTO, who, **data, **({"unit": unit} if unit is not None else {}))

    def progress(self, code: str | None, state: AssignmentState) -> None:
        """The crew says how far it is; without one the agency's own people do."""
        if code is not None:
            self.do(Kind.PROGRESS, code, unit=_unit_id(code), state=state.value)
        else:
            self.do(Kind.SET, _CONTRACTOR, status="validation" if state is _A.DONE else "progress")

    def finished(self) -> LoadedReport:
        """The report as it stands now."""
        self._count_doubles(self._now_s)
        draft, state = self.draft, self._state
        contact = draft.contact
        if contact is None and self.keeps_steps and draft.status is not Status.CLOSED and self._chance.random() < 0.25:
            number = self._chance.randint(1000, 9999)
            contact = Contact(f"Warga {number}", f"0800 000 {number}")
        report = replace(state.report, versions={})
        if not self.keeps_steps:
            return LoadedReport(report, tuple(entry for entry in state.entries if entry.kind not in _STEPS))
        assignments = tuple(replace(job, edit=None) for job in state.assignments)
        return LoadedReport(report, state.entries, assignments, contact)

    def _keep(self, edit: Edit, after: ReportState, at: datetime) -> None:
        entry = replace(entry_of(edit, self._state.report, after.report, at, edit.id), edit=None, occurred_at=None)
        report = replace(after.report, version=after.report.version + 1, updated=at)
        self._state = replace(after, report=report, entries=(*after.entries, entry))

    def _count_doubles(self, until_s: float) -> None:
        while self._merges and self._merges[-1] <= until_s:
            report = with_duplicates(self._state.report, 1, _moment(self._merges.pop()))
            self._state = replace(self._state, report=report)


def _unit_id(code: str) -> str:
    return code.casefold().replace(" ", "-")


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
