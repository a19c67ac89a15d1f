"""Ask for the city's server before the window opens, if the profile has none yet."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QEventLoop, QObject
from PySide6.QtWidgets import QApplication

from api_client import errors
from console.error_text import describe
from console.settings import Settings, Tokens, change_settings
from console.sync.connect import Added, add_source
from console.tasks import Tasks
from widgets.forms.connect import ConnectForm
from widgets.theme import load_theme


class FirstRun(QObject):
    """The form, the worker that asks the server, and what is kept of its answer."""

    def __init__(self, form: ConnectForm, profile: Path, settings: Settings, tokens: Tokens, tasks: Tasks) -> None:
        super().__init__(form)
        self._form, self._profile, self._settings, self._tokens, self._tasks = form, profile, settings, tokens, tasks
        self._added: Added | None = None
        self._token = ""
        form.look_asked.connect(self._look)
        form.committed.connect(self._keep)

    def _look(self, values: dict[str, Any]) -> None:
        self._token = values["token"]
        taken = tuple(self._settings.sources)

        def ask() -> Added:
            return add_source(
                values["address"],
                token=values["token"] or None,
                insecure_http=values["insecure_http"],
                params={"jurisdiction_id": values["jurisdiction"]} if values["jurisdiction"] else {},
                taken=taken,
            )

        self._tasks.submit(ask, self._on_found, self._on_problem)

    def _on_found(self, added: Added) -> None:
        self._added = added
        kinds = {"dispatch": self.tr("A Sigap server"), "open311": self.tr("An Open311 server")}
        parts = [f"{kinds.get(added.source.kind, added.source.kind)}: {added.source.name}"]
        if added.reports is not None:
            parts.append(self.tr("{n:,} reports").format(n=added.reports))
        if added.user:
            parts.append(self.tr("signed in as {user}, {role}").format(user=added.user, role=added.role))
        self._form.show_found(" · ".join(parts), added.source.name)

    def _on_problem(self, error: Exception) -> None:
        self._form.show_problem(str(error) if isinstance(error, errors.ApiError) else describe(error))
        if isinstance(error, errors.SignIn):
            self._form.token.setFocus()  # what is missing, or wrong
        elif isinstance(error, errors.NeedsParameter):
            self._form.ask_jurisdiction()

    def _keep(self, values: dict[str, Any]) -> None:
        assert self._added is not None
        found = self._added.source
        source = msgspec.structs.replace(found, name=values["name"] or found.name)
        if self._token:
            self._tokens.put(source.key, self._token)

        def change(settings: Settings) -> None:
            settings.sources = [*settings.sources, source]

        change(self._settings)
        change_settings(self._profile, change)


def ask_for_server(
    app: QApplication, theme_name: str, profile: Path, settings: Settings, tokens: Tokens, message: str
) -> None:
    """Show the form and wait until a server is connected or the operator leaves it for later.

    `message` is shown from the beginning: why a profile that had servers is asked for one; "" for a new profile.
    """
    tokens_text = (files("resources") / "tokens.json").read_text(encoding="utf-8")
    theme = load_theme(theme_name, tokens_text, settings.text_scale)
    theme.apply(app)
    tasks = Tasks("first-run", 1)
    form = ConnectForm(theme)
    FirstRun(form, profile, settings, tokens, tasks)
    loop = QEventLoop()
    form.committed.connect(loop.quit)
    form.left.connect(loop.quit)
    quits = app.quitOnLastWindowClosed()
    app.setQuitOnLastWindowClosed(False)
    form.open_beside(None)
    if message:
        form.show_problem(message)
    loop.exec()
    app.setQuitOnLastWindowClosed(quits)
    tasks.shutdown()
    form.deleteLater()
