"""The web map in the window: switching it on and off, saying before who learns what, and its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.errors import BadAddress
from console.panels.forms.forms import Forms
from console.panels.map.web_map import WebMapPictures
from console.rules.messages import WebMap


class WebMapCommands(QObject):
    """Receives the actions "Web map"."""

    message = Signal(str)
    """What is to be said in the foot of the window."""

    def __init__(
        self,
        pictures: WebMapPictures,
        forms: Forms,
        keep: Callable[[WebMap | None], str],
        parent: QObject | None = None,
    ) -> None:
        """`keep` writes the map into the profile's settings; why it could not, "" when it could."""
        super().__init__(parent)
        self._pictures, self._forms, self._keep = pictures, forms, keep
        self._told = ""
        """The map of which it was said who learns what."""

    def switch(self) -> None:
        """Show the web map, or the streets again; before the first time it is said who learns which places are seen."""
        web_map = self._pictures.web_map
        if web_map is None:
            self.message.emit(self.tr("This profile allows no web map: give it one by “Web map: settings”"))
        elif self._pictures.is_shown or self._told == web_map.address:
            self._pictures.show(not self._pictures.is_shown)
        else:
            self._forms.ask(
                self.tr("Show “{name}”?").format(name=web_map.name),
                self._who_learns(web_map),
                self.tr("Show it"),
                self.tr("Keep the streets"),
                self._begin,
            )

    def open_settings(self) -> None:
        """Which web map this profile allows."""
        web_map = self._pictures.web_map
        known: dict[str, Any] = {} if web_map is None else msgspec.structs.asdict(web_map)
        self._forms.web_map(known, _problem_of, self._take)

    def _who_learns(self, web_map: WebMap) -> str:
        host = urlsplit(web_map.address).hostname or web_map.address
        sentence = self.tr(
            "{host} then learns which places are looked at here, when, and from which network. It gets no reports, no "
            "names and no token. Only what is in view is asked for; it is kept on this computer as long as it says."
        ).format(host=host)
        rules = self.tr("Its rules of use: {rules}").format(rules=web_map.rules) if web_map.rules else ""
        return f"{sentence} {rules}".strip()

    def _begin(self) -> None:
        web_map = self._pictures.web_map
        if web_map is not None:
            self._told = web_map.address
            self._pictures.show(True)

    def _take(self, values: dict[str, Any]) -> None:
        web_map = None
        if values["address"]:
            web_map = WebMap(
                values["name"], values["address"], values["attribution"], values["max_zoom"], values["rules"]
            )
        why = self._keep(web_map)
        self._told = ""
        self._pictures.set_map(web_map)
        if why:
            self.message.emit(self.tr("The web map is not kept: {why}").format(why=why))
        elif web_map is None:
            self.message.emit(self.tr("This profile allows no web map"))
        else:
            self.message.emit(self.tr("The web map “{name}” may be shown").format(name=web_map.name))


def _problem_of(address: str) -> str:
    """Why an address cannot be used, "" when it can."""
    from api_client.web_map import check_web_map  # brings requests, which no window needs to open

    try:
        check_web_map(address)
    except BadAddress as error:
        return str(error)
    return ""
