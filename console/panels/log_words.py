"""What a word that is typed to search the log may mean: which lines have it, said in pieces of their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from api_client.model import AssignmentState, Entry, Kind, Status, UnitState
from console.cache.catalog import Catalog
from console.panels.report.history import ROLES, entry_text
from console.rules.log_filter import SoughtWord
from console.rules.names import all_names
from console.rules.run_card import CARD

_SAMPLES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("created", {}, ""),
    *((kind.value, {}, "") for kind in (Kind.ME_TOO, Kind.NOTE, Kind.REPLY, Kind.PHOTO, Kind.CLAIM, Kind.RELEASE)),
    *(
        (kind.value, {}, "")
        for kind in (Kind.ASSIGN, Kind.DISPATCH, Kind.RECALL, Kind.REOPEN, Kind.MERGE, Kind.UNMERGE)
    ),
    *((kind.value, {}, "") for kind in (Kind.OFFER, Kind.DECLINE)),
    (Kind.NOTE.value, {"channel": "phone"}, '"channel":'),
    (Kind.NOTE.value, {CARD: " "}, '"card":'),
    (Kind.DISPATCH.value, {"leaves": ["1"]}, '"leaves":'),
    *((Kind.SET.value, {"status": one.value}, f'"status":"{one.value}"') for one in Status),
    *((Kind.SET.value, {name: 1}, f'"{name}":') for name in ("priority", "service", "area", "agency")),
    (Kind.SET.value, {"place": {}}, '"place":'),
    (Kind.SET.value, {"hold": None}, '"hold":null'),
    (Kind.SET.value, {"hold": {}}, '"hold":{'),
    (Kind.SET.value, {"undoes": ""}, '"undoes":'),
    *((Kind.PROGRESS.value, {"state": one.value}, f'"state":"{one.value}"') for one in AssignmentState),
    *((Kind.UNIT_STATE.value, {"state": one.value}, f'"state":"{one.value}"') for one in UnitState),
    *((Kind.CLOSURE.value, {"geometry": {}, "kind": one}, f'"kind":"{one}"') for one in ("flood", "street", "other")),
    (Kind.CLOSURE.value, {"ended": True}, '"ended":true'),
    (Kind.ALARM.value, {"acknowledged": True}, '"acknowledged":true'),
    (Kind.ALARM.value, {"shelved_until": "", "reason": ""}, '"shelved_until":"'),
    (Kind.ALARM.value, {"shelved_until": None}, '"shelved_until":null'),
    (Kind.MESSAGE.value, {"to": {"unit": " "}}, ""),
    *((Kind.MESSAGE.value, {"to": {"role": role}}, f'"role":"{role}"') for role in ROLES),
    (Kind.VALIDATE.value, {"accepted": True}, '"accepted":true'),
    (Kind.VALIDATE.value, {}, '"accepted":false'),
    (Kind.CLOSE.value, {}, ""),
    (Kind.CLOSE.value, {"merged_into": " "}, '"merged_into":"'),
    (Kind.MERGE.value, {"into": " "}, '"into":"'),
)
"""An entry of each kind whose line has words of its own, and the piece of JSON by which it is known beside its kind."""
_LATE = ("entered late", '"late":true')
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NAMES = 60
"""Of what a word may name in a city so many are looked for."""


def sought_words(text: str, catalogs: Iterable[Catalog], tr: Callable[[str], str]) -> tuple[SoughtWord, ...]:
    """The words of a search with what each may mean in the words of the log, and by the names of these cities."""
    words = dict.fromkeys(text.casefold().split())
    if not words:
        return ()
    told = [(_line(kind, data, tr), _pieces(kind, piece)) for kind, data, piece in _SAMPLES]
    told.append((tr(_LATE[0]), (_LATE[1],)))
    names = [pair for catalog in catalogs for pair in _names(catalog)]
    return tuple(SoughtWord(word, (*_meant(word, told), *_meant(word, names)[:_MOST_NAMES])) for word in words)


def _line(kind: str, data: dict[str, Any], tr: Callable[[str], str]) -> str:
    return entry_text(Entry("", None, kind, _FIRST, "", data=data), Catalog(), tr, named=False)


def _pieces(kind: str, piece: str) -> tuple[str, ...]:
    of_kind = f'"kind":{msgspec.json.encode(kind).decode()}'
    return (of_kind, piece) if piece else (of_kind,)


def _names(catalog: Catalog) -> list[tuple[str, tuple[str, ...]]]:
    """What units, areas, agencies and categories of a city are called, each with how entries name it."""
    found = [(unit.code, "unit", key) for key, unit in catalog.units.items()]
    found += [(area.name, "area", key) for key, area in catalog.areas.items()]
    found += [(name, "agency", key) for key, agency in catalog.agencies.items() for name in all_names(agency)]
    found += [(name, "service", key) for key, service in catalog.services.items() for name in all_names(service)]
    return [(name, (f'"{field}":{msgspec.json.encode(key).decode()}',)) for name, field, key in found]


def _meant(word: str, told: Iterable[tuple[str, tuple[str, ...]]]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(pieces for text, pieces in told if word in text.casefold()))
