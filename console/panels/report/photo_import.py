"""Add photos from files: each is re-encoded by the image process and becomes an edit; until then it is a draft."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, Signal

from console.error_text import describe
from console.images.process import ImageError, ImageProcess, Prepared, TookTooLong, store_photo
from console.panels.qt_outbox import QtOutbox
from console.rules.moments import can_have_happened
from console.tasks import Tasks


class PhotoImport(QObject):
    """Photos may take long, and the program may end meanwhile: the drafts say which ones, of what, and where they are.

    What was not added is said once, when nothing is under way any more.
    """

    not_ready = Signal(str, str)
    """The key of a draft that was taken up again and cannot be read now, and why."""

    def __init__(
        self,
        outbox: QtOutbox,
        tasks: Tasks,
        images: ImageProcess,
        profile: Path,
        zone: tzinfo,
        now: Callable[[], datetime],
        mark: Callable[[str], dict[str, str]],
        say: Callable[[str], None],
        warned: Callable[[str], None],
        drafts_key: str,
        parent: QObject | None = None,
    ) -> None:
        """`mark` gives the MARKS of a draft for what it is on; `say` shows a sentence, `warned` shows one for longer;
        `drafts_key` is the key that lists all drafts.
        """
        super().__init__(parent)
        self._outbox, self._tasks, self._images = outbox, tasks, images
        self._zone, self._now = zone, now
        self._folder = profile / "work-media"
        self._mark, self._say, self._warned, self._drafts_key = mark, say, warned, drafts_key
        self.chosen_in = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        """The folder that the last photo came from."""
        self._under_way: list[str] = []
        self._added = 0
        self._failed: list[str] = []

    def add(
        self,
        file: Path,
        role: str,
        then: Callable[[dict[str, Any]], object],
        *,
        place: str = "",
        about: str = "",
        again: bool = False,
    ) -> None:
        """Make one photo ready, keep it in work-media/, then hand over its edit's data.

        `place` is the draft key of photos of its report, `about` says what report that is; without a place no draft is
        kept. `again`: it is a draft that is taken up.
        """
        self.chosen_in = str(file.parent)
        key = photo_key(place, file) if place else str(file)
        if key in self._under_way:
            self._say(self.tr("{name} is being prepared already").format(name=file.name))
            return
        # protects: chosen-photo-is-a-draft
        if place:
            self._outbox.save_draft(key, {"text": str(file), "role": role, **self._mark(about)})
        self._under_way.append(key)
        count = len(self._under_way)
        one, more = self.tr("Preparing the photo {name}"), self.tr("Preparing {n} photos")
        self._say((more if count > 1 else one).format(n=count, name=file.name))

        def prepare() -> Prepared:
            photo = self._images.prepare(file)
            store_photo(self._folder, photo)
            return photo

        def done(photo: Prepared) -> None:
            self._added += 1
            with self._outbox.using_draft(key):
                then(self._data(photo, role))
            self._over(key)

        def failed(error: Exception) -> None:
            why = str(error) if isinstance(error, ImageError) else describe(error)
            unusable = isinstance(error, ImageError) and not isinstance(error, TookTooLong)
            if unusable:
                self._outbox.drop_draft(key)
            if again and not unusable:
                self.not_ready.emit(key, why)
            else:
                kept = "" if unusable or not place else self.tr(" Kept as a draft: {keys}")
                self._failed.append(f"{file.name}: {why}{kept.format(keys=self._drafts_key)}")
            self._over(key)

        self._tasks.submit(prepare, done, failed)

    def _data(self, photo: Prepared, role: str) -> dict[str, Any]:
        data: dict[str, Any] = {"sha256": photo.sha256, "role": role, "size": photo.size}
        if photo.taken_at is not None:
            taken = photo.taken_at if photo.taken_at.tzinfo else photo.taken_at.replace(tzinfo=self._zone)
            if can_have_happened(taken, self._now()):
                data["taken"] = taken.isoformat()
        if photo.lat is not None and photo.lon is not None:
            data |= {"lat": photo.lat, "lon": photo.lon}
        return data

    def _over(self, key: str) -> None:
        self._under_way.remove(key)
        if self._under_way:
            if self._added % _SAY_EACH == 0:
                self._say(self.tr("Preparing {n} photos").format(n=len(self._under_way)))
            return
        added, failed, self._added, self._failed = self._added, self._failed, 0, []
        if failed:
            parts = [self.tr("{n} not added").format(n=len(failed))] if len(failed) > 1 else []
            self._warned(" · ".join([*parts, *failed]))
        elif added > 1:
            self._say(self.tr("{n} photos added").format(n=added))


def photo_key(place: str, file: Path | str) -> str:
    """What the draft of one photo is kept under; `place` is the draft key of photos of its report."""
    return f"{place}:{file}"


def place_of(key: str, file: Path | str) -> str:
    """The place that `photo_key` made this key of."""
    return key.removesuffix(f":{file}")


_SAY_EACH = 5
"""How far it is, is said after so many."""
