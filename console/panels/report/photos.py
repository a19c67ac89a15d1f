"""The chosen report's photos: fetched by the sync process, decoded in the image process, shown as cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from api_client.model import Area, Photo, PhotoRole, ProofFlag, Report
from console.images.process import ImageProcess
from console.panels import formatting
from console.panels.report.details import ReportDetails
from console.rules.area import off_by_m
from console.rules.distance import distance_m
from console.rules.messages import Fetched
from console.rules.proof_check import Doubt, flags_to_show
from console.tasks import Tasks
from widgets.photos import PhotoCard
from widgets.text import one_line

_KEPT = 64


class PhotoCards(QObject):
    """Keeps the cards of the chosen report's photos; an image appears when it is here and decoded."""

    changed = Signal(object, int)
    """The cards of the chosen report's photos, by photo, and its row; 0 while none is chosen."""
    beside_changed = Signal(object)
    """The cards of the photos of the other reports that are looked at, by photo."""

    def __init__(
        self,
        tasks: Tasks,
        images: ImageProcess,
        file_of: Callable[[str], Path | None],
        fetch: Callable[[str, str | None, str | None], None],
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
        *,
        areas_of: Callable[[str], Mapping[str, Area]] = lambda _source: {},
    ) -> None:
        """`areas_of` gives the areas of a source by code."""
        super().__init__(parent)
        self._areas_of = areas_of
        self._tasks, self._images_process, self._file_of, self._fetch = tasks, images, file_of, fetch
        self._zone, self._now = zone, now
        self._images: dict[str, QImage | None] = {}
        self._problems: dict[str, str] = {}
        self._later: set[str] = set()
        """What waits until its server answers."""
        self._asked: set[str] = set()
        self._again: set[str] = set()
        self._decoding: set[str] = set()
        self._details: ReportDetails | None = None
        self._beside: tuple[ReportDetails, ...] = ()

    def set_details(self, details: ReportDetails | None) -> None:
        """Show this report's photos."""
        self._details = details
        if details is not None:
            for photo in details.shown.photos:
                self._want(photo, details.source)
        self._tell()

    def set_beside(self, details_reader: Sequence[ReportDetails]) -> None:
        """These reports are looked at beside the chosen one: show their photos too."""
        self._beside = tuple(details_reader)
        for details in self._beside:
            for photo in details.shown.photos:
                self._want(photo, details.source)
        self._tell()

    def try_again(self) -> None:
        """The link is back: ask again for what could not be fetched or read."""
        self._again = set(self._asked)
        self._images = {key: image for key, image in self._images.items() if image is not None}
        self.set_details(self._details)

    def on_fetched(self, fetched: Fetched) -> None:
        """The sync process brought a photo, or says why not."""
        key = fetched.sha256 or fetched.url or ""
        self._asked.discard(key)
        self._later -= {fetched.sha256, fetched.url}
        if fetched.later:
            self._later.add(key)
            if key in self._again:  # asked for before the link was back
                self._again.discard(key)
                self.set_details(self._details)
            else:
                self._tell()
        elif fetched.problem:
            self._problems[key] = fetched.problem
            self._tell()
        else:
            if fetched.url and fetched.sha256 and fetched.url in self._asked:
                self._asked.discard(fetched.url)
            self._decode(fetched.sha256 or "", fetched.url)

    def _want(self, photo: Photo, source: str) -> None:
        key = photo.key
        if key in self._images or key in self._asked or key in self._decoding:
            return
        if photo.sha256 and self._file_of(photo.sha256) is not None:
            self._decode(photo.sha256, None)
        else:
            self._asked.add(key)
            self._problems.pop(key, None)
            self._fetch(source, photo.sha256, photo.url)

    def _decode(self, sha256: str, url: str | None) -> None:
        file = self._file_of(sha256)
        key = url or sha256
        if file is None:
            self._problems[key] = self.tr("The photo is not on this computer.")
            self._tell()
            return
        if len(self._images) > _KEPT:
            self._images.clear()

        self._decoding.add(key)

        def done(data: bytes) -> None:
            self._decoding.discard(key)
            image = QImage.fromData(data)
            self._images[key] = self._images[sha256] = image
            self._problems.pop(key, None)
            self._tell()

        def failed(error: Exception) -> None:
            self._decoding.discard(key)
            self._images[key] = None  # not a child process more at each change of the report
            self._problems[key] = str(error)
            self._tell()

        process = self._images_process
        self._tasks.submit(lambda: process.thumbnail(file.read_bytes()), done, failed)

    def _tell(self) -> None:
        details = self._details
        cards = self._cards(details) if details else {}
        self.changed.emit(cards, details.row if details is not None else 0)
        if self._beside:
            self.beside_changed.emit({key: card for one in self._beside for key, card in self._cards(one).items()})

    def _cards(self, details: ReportDetails) -> dict[str, PhotoCard]:
        report = details.shown
        off_m = off_by_m(report, self._areas_of(details.source))
        return {photo.key: self._card(photo, details, off_m) for photo in report.photos}

    def _card(self, photo: Photo, details: ReportDetails, off_m: float) -> PhotoCard:
        key, report = photo.key, details.shown
        roles = {
            PhotoRole.REPORT: self.tr("Before"),
            PhotoRole.BEFORE: self.tr("Before"),
            PhotoRole.AFTER: self.tr("After"),
            PhotoRole.OTHER: self.tr("Photo"),
        }
        caption = formatting.day_and_clock(photo.taken, self._zone, self._now()) if photo.taken else ""
        return PhotoCard(
            id=key,
            role_label=roles[photo.role],
            caption=caption,
            image=self._images.get(key),
            place=self._place(photo, report, off_m),
            problem=self._problems.get(key) or self._doubt(photo, details, off_m),
            waits=self.tr("Not on this computer yet. It comes when the server answers.") if key in self._later else "",
        )

    def _place(self, photo: Photo, report: Report, off_m: float) -> str:
        """How far from the report a photo was taken, as text, with how exact the report's place is."""
        if photo.lat is None or photo.lon is None:
            return self.tr("no place in the photo")
        if report.lat is None or report.lon is None:
            return ""
        away = formatting.distance(distance_m(photo.lat, photo.lon, report.lat, report.lon))
        if report.within_m:
            off = formatting.distance(report.within_m)
            return self.tr("{distance} from the report's point, ±{off}").format(distance=away, off=off)
        if off_m:
            return self.tr("{distance} from the middle of its area").format(distance=away)
        return self.tr("{distance} from the report").format(distance=away)

    def _doubt(self, photo: Photo, details: ReportDetails, off_m: float) -> str:
        """What speaks against a proof; it can only flag, not prove."""
        report = details.shown
        flags = flags_to_show(photo, report, off_m)
        if photo.role is not PhotoRole.AFTER or not flags:
            return ""
        return self.tr("After photo: {doubts}").format(doubts=", ".join(dict.fromkeys(map(self._words, flags))))

    def _words(self, flag: ProofFlag) -> str:
        match flag.kind:
            case Doubt.NO_TIME:
                return self.tr("it does not say when it was taken")
            case Doubt.NO_PLACE:
                return self.tr("it does not say where it was taken")
            case Doubt.FAR:
                return self.tr("taken {distance} away").format(distance=formatting.distance(flag.metres or 0.0))
            case Doubt.BEFORE_REPORT:
                return self.tr("{time} before the report").format(time=formatting.age(flag.seconds or 0.0))
            case Doubt.BEFORE_WORK:
                return self.tr("{time} before the work").format(time=formatting.age(flag.seconds or 0.0))
            case Doubt.SAME_AS_REPORT if flag.report is not None:
                return self.tr("same picture as the complaint {id}").format(id=one_line(flag.report))
            case Doubt.SAME_AS_REPORT:
                return self.tr("same picture as the complaint")
            case Doubt.SAME_AS_PROOF if flag.report is not None and flag.at is not None:
                day = formatting.day(flag.at, self._zone, self._now())
                return self.tr("same picture as the proof of {id}, {day}").format(id=one_line(flag.report), day=day)
            case _:
                return self.tr("the server doubts it")
