"""The forms beside the work: each asks for what an action lacks and hands the answer to a callback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from console.domain.edit import Queued
from console.domain.report import WaitsFor
from console.images import ImageError, Prepared, store_photo
from console.presenters.desk import Desk
from console.presenters.dossier import Dossier
from console.tasks import Tasks
from widgets.dialogs import (
    AskText,
    Choice,
    ChooseOne,
    CloseForm,
    ConflictForm,
    ConflictRow,
    HoldForm,
    NewReportForm,
    ValidateForm,
)
from widgets.symbols import Symbols
from widgets.theme import Theme


class Forms(QObject):
    """Opens one form at a time; opening another leaves the first with its draft."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        symbols: Symbols,
        desk: Desk,
        tasks: Tasks,
        profile: Path,
        said: Callable[[str], None],
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._symbols, self._desk = window, theme, symbols, desk
        self._tasks, self._profile, self._said = tasks, profile, said
        self._open: QDialog | None = None
        self._new: NewReportForm | None = None
        self.place_wanted: Callable[[], None] = lambda: None
        """Set by the app: lets the map ask for a click."""
        self.duplicates_of: Callable[[dict[str, Any], Callable[[list[Any]], None]], None] = lambda _data, _done: None
        """Set by the app: possible duplicates of what is being typed."""

    def close_open(self) -> None:
        """Close whatever form is open; its draft stays."""
        if self._open is not None:
            self._open.close()

    def _show(self, dialog: QDialog) -> None:
        self.close_open()
        self._open = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.destroyed.connect(lambda: self._forget(dialog))
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def _forget(self, dialog: QDialog) -> None:
        if self._open is dialog:
            self._open = None
        if self._new is dialog:
            self._new = None

    def ask_text(self, title: str, sentence: str, templates: Sequence[str], then: Callable[[str], object]) -> None:
        """One text, with standard texts to choose from."""
        form = AskText(self._theme, title, sentence, list(templates), parent=self._window)
        form.committed.connect(then)
        self._show(form)

    def choose(self, title: str, rows: Sequence[tuple[str, str, str]], then: Callable[[str], object]) -> None:
        """One of many, by type-ahead."""
        form = ChooseOne(self._theme, title, [Choice(*row) for row in rows], parent=self._window)
        form.chosen.connect(then)
        self._show(form)

    def hold(self, then: Callable[[dict[str, Any]], object]) -> None:
        """Why the work waits, for what, until when."""
        names = {
            WaitsFor.REPORTER: self.tr("the reporter"),
            WaitsFor.AGENCY: self.tr("another agency"),
            WaitsFor.MATERIAL: self.tr("material"),
            WaitsFor.WEATHER: self.tr("the weather"),
        }
        form = HoldForm(self._theme, [(key.value, text) for key, text in names.items()], parent=self._window)

        def commit(reason: str, waits_for: str, hours: float) -> None:
            until = (datetime.now(UTC) + timedelta(hours=hours)).isoformat() if hours else None
            then({"reason": reason, "waits_for": waits_for, "until": until})

        form.committed.connect(commit)
        self._show(form)

    def close(self, units: Sequence[tuple[str, str]], then: Callable[[str, str, tuple[str, ...]], object]) -> None:
        """Disposition, reason, and which units are released."""
        texts = [one.text for one in self._desk.catalog.templates if one.kind == "disposition"]
        dispositions = texts or [
            self.tr("Not found at the place"),
            self.tr("Not a matter of the city"),
            self.tr("Withdrawn by the reporter"),
            self.tr("Spam or misuse"),
        ]
        form = CloseForm(self._theme, dispositions, list(units), parent=self._window)
        form.committed.connect(lambda disposition, reason, release: then(disposition, reason, tuple(release)))
        self._show(form)

    def validate(self, dossier: Dossier, then: Callable[[bool, str, str], object]) -> None:
        """Before and after side by side; accept, or return with a reason."""
        texts = [one.text for one in self._desk.catalog.templates if one.kind == "return"]
        form = ValidateForm(self._theme, self._photo_pair(dossier), texts, parent=self._window)
        form.committed.connect(then)
        self._show(form)

    def _photo_pair(self, dossier: Dossier) -> list[tuple[str, Path | None]]:
        pairs: list[tuple[str, Path | None]] = []
        for label, roles in ((self.tr("Before"), ("before", "report")), (self.tr("After"), ("after",))):
            shown = [photo for photo in dossier.shown.photos if photo.role.value in roles and photo.sha256]
            pairs.append((label, self.photo_file(shown[-1].sha256 or "") if shown else None))
        return pairs

    def photo_file(self, sha256: str) -> Path | None:
        """Where the bytes of a photo are on this computer, None when they are not here."""
        for folder in ("work-media", "media"):
            file = self._profile / folder / sha256
            if file.is_file():
                return file
        return None

    def photo(self, role: str, then: Callable[[dict[str, Any]], object]) -> None:
        """A photo from a file; it is checked and re-encoded in a process of its own before anything else sees it."""
        dialog = QFileDialog(self._window, self.tr("Add a photo"), "", self.tr("Photos (*.jpg *.jpeg *.png *.webp)"))
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: self.add_photo(Path(name), role, then))
        self._show(dialog)

    def add_photo(self, file: Path, role: str, then: Callable[[dict[str, Any]], object]) -> None:
        """Prepare a photo on a worker, then hand over what the edit carries."""

        def done(photo: Prepared) -> None:
            data: dict[str, Any] = {"sha256": photo.sha256, "role": role, "size": photo.size}
            if photo.taken is not None:
                data["taken"] = photo.taken.isoformat()
            if photo.lat is not None and photo.lon is not None:
                data |= {"lat": photo.lat, "lon": photo.lon}
            then(data)

        def failed(error: Exception) -> None:
            text = str(error) if isinstance(error, (ImageError, OSError)) else self.tr("The photo could not be read.")
            self._said(text)

        self._tasks.submit(lambda: store_photo(self._profile / "work-media", file), done, failed)

    def new_report(self, then: Callable[[dict[str, Any]], object]) -> None:
        """A report by telephone: keyboard only, works offline."""
        catalog = self._desk.catalog
        form = NewReportForm(self._theme, self._symbols, parent=self._window)
        form.set_services([(one.code, one.name, one.keywords, one.priority) for one in catalog.services.values()])
        form.set_places(
            [
                (catalog.place(area.code), area.lat, area.lon)
                for area in catalog.areas.values()
                if area.lat is not None and area.lon is not None
            ]
        )
        form.committed.connect(then)
        form.changed.connect(lambda data: self.duplicates_of(data, form.set_duplicates))
        form.pick_place_asked.connect(lambda: self.place_wanted())
        self._show(form)
        self._new = form

    def set_place(self, lat: float, lon: float) -> None:
        """The map was clicked for the new report's place."""
        if self._new is not None:
            self._new.set_place(lat, lon, f"{lat:.5f}, {lon:.5f}")
            self._new.raise_()
            self._new.activateWindow()

    def conflict(self, queued: Queued, then: Callable[[bool], object]) -> None:
        """Somebody changed the same field: base, mine, theirs."""
        edit = queued.edit
        rows = [
            ConflictRow(
                key=name,
                label=name,
                base=_plain(edit.base.get(name)),
                mine=_plain(edit.data.get(name)),
                theirs=_plain(value.get("value") if isinstance(value, dict) else value),
                who=str(value.get("who", "")) if isinstance(value, dict) else "",
                when=str(value.get("at", "")) if isinstance(value, dict) else "",
            )
            for name, value in queued.theirs.items()
        ]
        form = ConflictForm(self._theme, edit.title, rows, parent=self._window)
        form.committed.connect(lambda choices: then(any(choices.values())))
        self._show(form)


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return str(value) if not isinstance(value, dict) else ", ".join(f"{key} {one}" for key, one in value.items())
