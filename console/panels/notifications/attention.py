"""When a tone calls the operator: at once for what is new, again and again until he knows of it, never while muted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Sequence

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from console.sound.tones import Tone

REPEAT_S = {Tone.P1: 30.0, Tone.ALARM: 120.0}
"""So often a tone is repeated, never louder, until what calls is acknowledged or over."""
SETTLE_S = 0.3
"""What is new calls so much later, together with what comes meanwhile: an operator's own new P1 is chosen by then."""
APART_S = 4.0
"""Two tones begin so far apart at least: of a flood each is heard whole, and not the beginning of ten."""
_ORDER = (Tone.P1, Tone.ALARM, Tone.MESSAGE)
"""The most urgent first."""


class Call(msgspec.Struct, frozen=True):
    """Something that calls for the operator: `key` says which, `tone` how.

    `text` is told outside the window too, where anybody reads it: service and place, never a reporter's words or name.
    An acknowledged call is silent; it stands here as long as what called is so.
    """

    key: Hashable
    tone: Tone
    text: str = ""
    acknowledged: bool = False


class Attention(QObject):
    """Follows what calls, and says when which tone is to be heard.

    What was there when the window opened calls once, all of it together; what turns out to have come while none was
    open goes on. A P1 that comes ends the muting. When all that
    called is over before it was acknowledged, as when a colleague took it, the all-clear is heard.
    """

    tone_due = Signal(object)
    """This Tone is to be heard now."""
    came = Signal(str)
    """What is new, in words for outside the window; also while muted."""
    changed = Signal()
    """`is_muted` or `calling` is another one."""

    def __init__(
        self,
        *,
        is_muted: bool = False,
        keep_muted: Callable[[bool], object] = lambda _: None,
        steady_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        """`keep_muted` is told each time that the muting begins or ends."""
        super().__init__(parent)
        self.is_muted, self._keep_muted, self._steady_s = is_muted, keep_muted, steady_s
        self._calls: dict[Hashable, Call] | None = None
        self._once: set[Hashable] = set()
        """The keys of what was there when the window opened."""
        self._new: dict[Hashable, float] = {}
        """What has not been heard yet, by key, and since when it is new."""
        self._clear = False
        """The all-clear is due."""
        self._goes_on = False
        self._heard: set[Hashable] = set()
        """The keys of what has been heard before all was read anew, or in the window before this one."""
        self._last_s = -math.inf
        """When the last tone began."""
        self._sounded_s = dict.fromkeys(_ORDER, -math.inf)
        """When each tone, or a more urgent one in its place, was last due: the others do not put a P1 off."""
        self._calling: Tone | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.look)

    @property
    def calling(self) -> Tone | None:
        """The tone of the most urgent call that is repeated, also while muted; None when nothing calls."""
        return self._calling

    def go_on(self) -> None:
        """This window takes the place of another one: what that one called for is no news, and is not called out once
        more at once.
        """
        self._goes_on = True

    def set_calls(self, calls: Sequence[Call] | None) -> None:
        """Take over all that is so now; None while that is not known, after which everything counts as there before."""
        before, self._calls = self._calls, None if calls is None else {one.key: one for one in calls}
        if self._calls is None:
            self._heard |= {one.key for one in (before or {}).values() if self._is_repeated(one)}
            self._once.clear()
            self._new.clear()
            self._clear = False
        elif before is None:
            self._open(self._calls)
        else:
            self._compare(before, self._calls)
        self._show()
        self.look()

    def switch_mute(self) -> None:
        """Mute all tones until the next P1, or hear them again: what still calls is heard at once."""
        self._set_muted(not self.is_muted)
        self._clear = False
        if not self.is_muted:
            self._last_s = -math.inf
            self._sounded_s = dict.fromkeys(_ORDER, -math.inf)
            self.look()

    def look(self) -> None:
        """Let the tone be heard that is due, and see to the next one."""
        now_s = self._steady_s()
        due = {key for key, since_s in self._new.items() if since_s + SETTLE_S <= now_s}
        again, again_s = self._repetition()
        if self._last_s + APART_S > now_s:
            pass
        elif due:
            calls = [one for one in (self._calls or {}).values() if one.key in due]
            self._new = {key: since_s for key, since_s in self._new.items() if key not in due}
            # One tone for both where the other one would be due before this one has been heard.
            # protects: p1-is-not-put-off-by-others
            with_it = again if again_s < now_s + APART_S else None
            self._call_out([one for one in calls if not one.acknowledged or one.key in self._once], with_it, now_s)
            self._once -= {one.key for one in calls if not one.acknowledged}
        elif again is not None and again_s <= now_s:
            self._sound(again, now_s)
        elif self._clear:
            self._clear = False
            self._sound(Tone.ALL_CLEAR, now_s)
        self._wait(now_s)

    def _open(self, calls: dict[Hashable, Call]) -> None:
        now_s = self._steady_s()
        if self._goes_on:
            self._goes_on, self._sounded_s, self._heard = False, dict.fromkeys(_ORDER, now_s), set(calls)
            return
        self._heard &= calls.keys()
        self._once = calls.keys() - self._heard
        if self.is_muted:
            self._once -= {one.key for one in calls.values() if not one.acknowledged}  # heard when that ends
        else:  # a P1 that waits for a crew is heard, whoever knows of it
            waiting = (one.key for one in calls.values() if one.tone is Tone.P1 or not one.acknowledged)
            self._new = dict.fromkeys(waiting, now_s)

    def _compare(self, before: dict[Hashable, Call], calls: dict[Hashable, Call]) -> None:
        now_s = self._steady_s()
        self._new = {key: since_s for key, since_s in self._new.items() if key in calls}
        new = [
            one
            for one in calls.values()
            if not one.acknowledged and ((was := before.get(one.key)) is None or was.acknowledged)
        ]
        # What was there when the window opened, and only now turns out to have come while none was open: of P1 the tone
        # of the opening was heard, unless it was muted.
        late = [one for one in new if one.key in self._once]
        # protects: what-came-while-closed-goes-on
        self._once -= {one.key for one in late}
        heard = {one.key for one in late if one.tone is Tone.P1 and not self.is_muted} | self._heard
        if self.is_muted and any(one.tone is Tone.P1 for one in new):
            # protects: next-p1-ends-the-muting
            self._set_muted(False)
        self._new |= {one.key: now_s for one in new if one.key not in heard}
        calls_on = any(self._is_repeated(one) for one in calls.values())
        over = any(self._is_repeated(one) and one.key not in calls for one in before.values())
        self._clear = not (calls_on or self.is_muted) and (self._clear or over)
        self._once &= calls.keys()  # what comes again is new
        self._heard &= calls.keys() - {one.key for one in new}

    def _is_repeated(self, call: Call) -> bool:
        return not call.acknowledged and call.tone in REPEAT_S and call.key not in self._once

    def _repetition(self) -> tuple[Tone | None, float]:
        """The tone of the most urgent call that was called out and goes on, and when it is to be heard again."""
        calls = (self._calls or {}).values()
        tones = [one.tone for one in calls if self._is_repeated(one) and one.key not in self._new]
        if not tones:
            return None, math.inf
        tone = min(tones, key=_ORDER.index)
        return tone, self._sounded_s[tone] + REPEAT_S[tone]

    def _call_out(self, calls: Sequence[Call], again: Tone | None, now_s: float) -> None:
        """Sound what is new, by the tone `again` where that is more urgent, and tell it outside the window; what was
        there at the opening is only heard.
        """
        texts = [one.text for one in calls if one.key not in self._once]
        if calls:
            tone = _most_urgent(calls)
            self._sound(tone if again is None else min(tone, again, key=_ORDER.index), now_s)
        if texts:
            others = self.tr("{text}, and {n} more").format(text=texts[0], n=len(texts) - 1)
            self.came.emit(others if len(texts) > 1 else texts[0])

    def _sound(self, tone: Tone, now_s: float) -> None:
        if tone is not Tone.ALL_CLEAR:
            self._sounded_s |= dict.fromkeys(_ORDER[_ORDER.index(tone) :], now_s)
        # protects: muted-is-silent
        if not self.is_muted:
            self._last_s = now_s
            self.tone_due.emit(tone)

    def _wait(self, now_s: float) -> None:
        """Look again when the next tone is due."""
        times = [self._repetition()[1]]
        if self._new:
            times.append(min(self._new.values()) + SETTLE_S)
        if self._clear:
            times.append(now_s)
        if (next_s := max(min(times), self._last_s + APART_S)) < math.inf:
            self._timer.start(max(0, round((next_s - now_s) * 1000) + 1))
        else:
            self._timer.stop()

    def _set_muted(self, is_muted: bool) -> None:
        self.is_muted = is_muted
        self._keep_muted(is_muted)
        self.changed.emit()

    def _show(self) -> None:
        repeated = [one for one in (self._calls or {}).values() if self._is_repeated(one)]
        calling = _most_urgent(repeated) if repeated else None
        if calling is not self._calling:
            self._calling = calling
            self.changed.emit()


def _most_urgent(calls: Iterable[Call]) -> Tone:
    return min((one.tone for one in calls), key=_ORDER.index)
