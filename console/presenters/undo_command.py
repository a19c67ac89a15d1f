"""Take the last step back, or say why it stays."""

from __future__ import annotations

from PySide6.QtCore import QObject

from api_client.model import AssignmentState
from console.presenters import words
from console.presenters.action_runner import ActionRunner
from console.presenters.deeds import Deed, Deeds, Undo
from console.presenters.desk import Desk
from console.presenters.forms import Forms, TakenBack
from console.presenters.situation import SituationMonitor


class UndoCommand(QObject):
    """Receives the action "undo"."""

    def __init__(
        self,
        desk: Desk,
        deeds: Deeds,
        forms: Forms,
        situation: SituationMonitor,
        runner: ActionRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._deeds, self._forms, self._situation = desk, deeds, forms, situation
        self._say = runner.said.emit

    def undo(self) -> None:
        """Take the last step back, and say how far that came."""
        deed = self._deeds.newest
        if deed is None:
            return
        sentences = {
            Undo.DONE: self.tr("Undone: {what}"),
            Undo.ASKED: self.tr("Asked back: {what}. It stays if it has left already"),
            Undo.TOO_LATE: self.tr("{what} was sent and cannot be undone"),
        }
        number = deed.report if deed.report and not deed.report.startswith("local:") else ""
        what = " ".join(part for part in (deed.text, number) if part)
        done = self._deeds.undo()
        taken = TakenBack(deed.edit_id, deed.kind, deed.source, deed.report, deed.title, deed.data)
        if done is Undo.DONE and deed.inverse is None and self._forms.keep_words(taken):
            self._say(self.tr("Undone, its words are a draft: {what}").format(what=what))
        else:
            self._say(sentences[done].format(what=what))
        self._situation.look_again()

    def refuse(self) -> bool:
        """Say it where the last step has no way back, and pass over it: the key again means the one before."""
        stays = self._deeds.stays
        if stays is None:
            return False
        self._deeds.pass_over()
        before = self._deeds.undo_text
        again = self.tr(". The key again: {before}").format(before=before) if before else ""
        self._say(self._why_it_stays(stays) + again)
        self._situation.look_again()
        return True

    def _why_it_stays(self, deed: Deed) -> str:
        since = self._deeds.crew_since(deed)
        if since is None:
            return self.tr("{what} was sent and cannot be undone").format(what=deed.text)
        unit = self._desk.catalog(deed.source).name("unit", str(deed.data.get("unit")))
        if isinstance(since, AssignmentState):
            text = self.tr("Nothing was undone: {unit} is “{state}” on {report} by now")
            return text.format(unit=unit, state=self.tr(words.ASSIGNMENT_TEXT[since]).lower(), report=deed.report)
        return self.tr("Nothing was undone: {unit} is on {report} no more").format(unit=unit, report=deed.report)
