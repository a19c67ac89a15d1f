"""The list of alarms of one console: which are new, which came back to normal, how many came lately."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from api_client.model import AlarmKind, AlarmRecord
from console.rules.alarms import FLOOD, LOAD_S, Alarm, AlarmKey, AlarmState, is_acknowledged, state_of

_LOAD = timedelta(seconds=LOAD_S)
_MOST_RETURNED = 200
_KEPT_RETURNED = timedelta(hours=1)
"""So long what returned to normal stays in the list when nobody acknowledges it."""
_BY_STATE = (AlarmState.NEW, AlarmState.ACKNOWLEDGED, AlarmState.SHELVED, AlarmState.RETURNED)


class ListedAlarm(msgspec.Struct, frozen=True):
    """An alarm in the list. `came` is when it came to this console, `returned` when it was seen to stand no more."""

    alarm: Alarm
    state: AlarmState
    came: datetime
    record: AlarmRecord | None = None
    returned: datetime | None = None
    is_silent: bool = True
    """It does not call here: it was silenced, or stood already when this console saw it first."""

    @property
    def calls(self) -> bool:
        """Whether it calls for somebody: new, and not silenced here."""
        return self.state is AlarmState.NEW and not self.is_silent


class KeptAlarm(msgspec.Struct, frozen=True):
    """What is kept of a listed alarm over a restart."""

    alarm: Alarm
    came: datetime
    is_silent: bool = True
    returned: datetime | None = None
    record: AlarmRecord | None = None
    """What was done about it here, where no server keeps that."""


class AlarmList:
    """Fed with what is found, it says what is listed. What stood when it was fed first calls nobody, unless what was
    kept at last says that it came since.
    """

    def __init__(self) -> None:
        self._kept: dict[AlarmKey, KeptAlarm] = {}
        self._begun: set[str] = set()
        """The sources that were found at least once."""
        self._whole: set[str] = set()
        """Those of which all histories were here when they were found last."""
        self._came: list[datetime] = []
        """When alarms came that were not known, of the last ten minutes."""

    def begin(self, source: str, kept: Iterable[KeptAlarm]) -> None:
        """Go on at a source with what was kept there at last, before anything is found."""
        self._kept |= {one.alarm.key: one for one in kept if one.alarm.source == source}
        self._begun.add(source)
        self._whole.add(source)

    def forget(self, source: str) -> None:
        """Another operator sits down, or the source is gone."""
        self._kept = {key: one for key, one in self._kept.items() if key[0] != source}
        self._begun.discard(source)
        self._whole.discard(source)

    @property
    def keys(self) -> Collection[AlarmKey]:
        """Which alarms are listed."""
        return self._kept.keys()

    def kept(self, source: str) -> list[KeptAlarm]:
        """What is to be kept of a source."""
        return [one for key, one in self._kept.items() if key[0] == source]

    def found(
        self,
        alarms: Iterable[Alarm],
        sources: Iterable[str],
        records: Mapping[AlarmKey, AlarmRecord],
        now: datetime,
        unread: Collection[str] = (),
        unknown: Collection[str] = (),
        left_out: Callable[[Alarm], bool] = lambda _: False,
    ) -> None:
        """Take over what was found at these sources, by what operators have done about it by now. Of those in `unread`
        histories are still coming in: that an occurrence began later than it seemed makes no new one. Of those in
        `unknown` not all reports are here, and it is known only whether they are reached. What is `left_out` stands and
        was not among those found, which are too many: it is listed no more, and has not returned to normal.
        """
        standing = {alarm.key: alarm for alarm in alarms}
        looked_at = set(sources).difference(unknown)
        kept: dict[AlarmKey, KeptAlarm] = {}
        for key, one in self._kept.items():
            if key[0] not in looked_at and (key[0] not in unknown or one.alarm.kind is not AlarmKind.SOURCE):
                kept[key] = one
            # protects: what-is-left-out-has-not-returned
            elif (
                key not in standing
                and not left_out(one.alarm)
                and self._stays(one, records.get(key) or one.record, now)
            ):
                kept[key] = msgspec.structs.replace(one, returned=one.returned or now)
        for key, alarm in standing.items():
            before = self._kept.get(key)
            # The arrivals of one rain pass a limit, are just within it, and pass it again.
            # protects: one-rain-calls-once
            is_still_it = alarm.kind is AlarmKind.LIMIT
            if before is not None and (before.returned is None or is_still_it):
                is_told_late = alarm.kind is AlarmKind.CREWLESS and key[0] not in self._whole
                if before.alarm.since >= alarm.since or is_told_late:
                    kept[key] = msgspec.structs.replace(before, alarm=alarm, returned=None)
                    continue
            is_known = key[0] not in self._begun and key[0] not in unknown
            record = before.record if before is not None else None
            kept[key] = KeptAlarm(alarm, alarm.since if is_known else now, is_silent=is_known, record=record)
            # Of one that somebody knows already nothing more is asked.
            if not (is_still_it and is_acknowledged(alarm, records.get(key), now)):
                self._came.append(kept[key].came)
        self._begun |= looked_at
        self._whole = (self._whole | looked_at).difference(unread)
        self._kept = kept
        self._came = [at for at in self._came if _is_lately(at, now)]

    @staticmethod
    def _stays(one: KeptAlarm, record: AlarmRecord | None, now: datetime) -> bool:
        """Whether an alarm that stands no more is listed still: nobody has acknowledged it, nor answered it by taking
        the report to which a crew goes now.
        """
        if one.alarm.kind is AlarmKind.CREWLESS and one.alarm.is_taken:
            return False
        if one.returned is not None and abs(now - one.returned) > _KEPT_RETURNED:
            return False
        return state_of(one.alarm, record, now, stands=False) is not None

    def note(self, key: AlarmKey, record: AlarmRecord) -> None:
        """Keep here what was done about a listed alarm, as no server does."""
        if (one := self._kept.get(key)) is not None:
            self._kept[key] = msgspec.structs.replace(one, record=record)

    def silence(self, keys: Iterable[AlarmKey]) -> None:
        """These call no more at this console while they are new; they stay what they are."""
        self._set_silent(keys, True)

    def call(self, keys: Iterable[AlarmKey]) -> None:
        """These call at this console as long as they are new."""
        self._set_silent(keys, False)

    def _set_silent(self, keys: Iterable[AlarmKey], is_silent: bool) -> None:
        for key in keys:
            if (one := self._kept.get(key)) is not None:
                self._kept[key] = msgspec.structs.replace(one, is_silent=is_silent)

    def listed(
        self, records: Mapping[AlarmKey, AlarmRecord], now_at: Callable[[str], datetime]
    ) -> tuple[ListedAlarm, ...]:
        """All that are to be shown: the new ones first, of each state by priority, then the oldest. `now_at` gives the
        time by the clock of a source.

        With the state of new its silence ends: what is new again after it was acknowledged or shelved calls.
        """
        shown: list[ListedAlarm] = []
        returned: list[ListedAlarm] = []
        answered: list[AlarmKey] = []
        for key, one in self._kept.items():
            record = records.get(key) or one.record
            state = state_of(one.alarm, record, now_at(key[0]), stands=one.returned is None)
            # protects: what-is-new-again-calls
            if one.is_silent and state in (AlarmState.ACKNOWLEDGED, AlarmState.SHELVED):
                answered.append(key)
                one = msgspec.structs.replace(one, is_silent=False)
            if state is not None:
                listed = ListedAlarm(one.alarm, state, one.came, record, one.returned, one.is_silent)
                (shown if one.returned is None else returned).append(listed)
        self.call(answered)
        returned.sort(key=lambda one: one.returned or one.came, reverse=True)
        shown += returned[:_MOST_RETURNED]
        shown.sort(key=lambda one: (_BY_STATE.index(one.state), one.alarm.priority, one.alarm.since, one.alarm.key))
        return tuple(shown)

    def load(self, now: datetime) -> int:
        """How many alarms came in the last ten minutes."""
        return sum(_is_lately(at, now) for at in self._came)


def _is_lately(at: datetime, now: datetime) -> bool:
    """Whether something was within the last ten minutes; of a clock that was set back since nobody can tell."""
    return abs(now - at) < _LOAD


def in_flood(listed: Iterable[ListedAlarm], now: datetime) -> frozenset[AlarmKey]:
    """The alarms that are told in one line: the new ones of the last ten minutes when they are more than FLOOD. A P1 is
    never among them.
    """
    lately = [one for one in listed if one.state is AlarmState.NEW and _is_lately(one.came, now)]
    # protects: a-p1-is-told-by-itself
    lately = [one for one in lately if not one.alarm.is_hazard]
    return frozenset(one.alarm.key for one in lately) if len(lately) > FLOOD else frozenset()
