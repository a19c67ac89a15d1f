"""The tones in the window: muting them, their settings, and what of them the top strip says."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from console.panels.forms.forms import Forms
from console.panels.kpi import KpiController, missing_sound_text
from console.panels.notifications.attention import Attention
from console.sound.messages import SoundAvailability
from console.sound.tones import LOUDNESSES, Tone
from console.window.settings_store import SettingsStore
from console.window.sound_supervisor import SoundSupervisor
from widgets.forms.sound import SoundForm

_TONES = (
    (Tone.P1, "P1", "a P1 without a crew that nobody has taken; every 30 s until it is seen or taken"),
    (Tone.ALARM, "Alarm", "another alarm; every 2 min until it is acknowledged or silenced"),
    (Tone.MESSAGE, "Message", "somebody has written to you, or gives you a report; once"),
    (Tone.ALL_CLEAR, "All clear", "what called is over before you answered it, as when a colleague took it"),
)
_LOUDNESS_TEXTS = ("very soft", "soft", "medium", "loud", "loudest")


class SoundCommands(QObject):
    """Receives the actions about sound, and plays what `Attention` says is due."""

    message = Signal(str)

    def __init__(
        self,
        attention: Attention,
        sound: SoundSupervisor,
        settings: SettingsStore,
        kpi: KpiController,
        forms: Forms,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._attention, self._sound, self._settings, self._kpi, self._forms = attention, sound, settings, kpi, forms
        self._form: SoundForm | None = None
        attention.tone_due.connect(lambda tone: sound.play(tone, settings.here.loudness))
        attention.changed.connect(self._show)
        sound.changed.connect(self._show)
        self._show()

    def switch_mute(self) -> None:
        """Mute all tones until the next P1, or hear them again."""
        self._attention.switch_mute()
        muted = self._attention.is_muted
        self.message.emit(self.tr("Tones are muted until the next P1") if muted else self.tr("Tones are heard again"))

    def open_settings(self) -> None:
        """How loud tones are, with a test of each."""
        tones = [(tone.value, self.tr(name), self.tr(when)) for tone, name, when in _TONES]
        loudnesses = [(step, self.tr(text)) for step, text in zip(LOUDNESSES, _LOUDNESS_TEXTS, strict=True)]
        form = self._form = self._forms.sound(tones, loudnesses, self._settings.here.loudness, self._keep)
        form.test_asked.connect(lambda tone, loudness: self._sound.play(Tone(tone), loudness))
        self._sound.look_again()
        self._show()

    def _keep(self, values: dict[str, Any]) -> None:
        why_not = self._settings.keep(lambda settings: setattr(settings, "loudness", values["loudness"]))
        kept = self.tr("Tones are {loudness} now").format(loudness=self.tr(_LOUDNESS_TEXTS[values["loudness"] - 1]))
        self.message.emit(f"{kept}. {why_not}" if why_not else kept)

    def _show(self) -> None:
        state = self._sound.state
        self._kpi.set_sound(state, self._attention.calling, is_muted=self._attention.is_muted)
        self._kpi.show()
        if self._form is not None and isValid(self._form):  # else it was closed
            missing = missing_sound_text(state, self.tr)
            self._form.set_output(missing or self._output_words(), missing=bool(missing))

    def _output_words(self) -> str:
        state = self._sound.state
        if state.availability is SoundAvailability.OFF:
            return self.tr("This window was begun without sound.")
        if state.availability is SoundAvailability.UNKNOWN:
            return self.tr("Asking the computer for its output …")
        return self.tr("Heard on: {output}").format(output=state.detail)
