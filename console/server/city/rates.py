"""How often one may ask: the server's rules, and those that a city sets in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from api_client.decoding import decode

READ = "user_reads"
WRITE = "user_writes"
UPLOAD = "user_photo_megabytes"
CALLER = "user_caller_searches"
KEY_POST = "key_reports"
PUBLIC_READ = "address_reads"
PLACE_SEARCH = "address_place_searches"
CITIZEN_POST = "address_reports"
CITIZEN_PHOTO = "address_photos"
SIGN_IN = "address_unknown_keys"
SIGN_IN_RECORD = "record of unknown tokens"

RULES = {
    READ: "500 per 10 seconds",  # with a token, per user: 50 a second
    WRITE: "100 per 5 seconds",  # edits, photos, positions, per user: a hundred at once after being offline
    UPLOAD: "2000 per 1 hour",  # megabytes of photos, per user
    CALLER: "30 per 10 minutes",  # searches by a telephone number, per user: who takes calls asks for fewer
    KEY_POST: "600 per 1 minute",  # new reports with an api_key, per key, which may be that of a whole city's front
    PUBLIC_READ: "500 per 10 seconds",  # without a token, per address
    PLACE_SEARCH: "150 per 30 seconds",  # places while they are typed, and addresses of points, per address
    CITIZEN_POST: "600 per 2 minutes",  # new reports from citizens, per address: a carrier's has a thousand phones
    CITIZEN_PHOTO: "900 per 2 minutes",  # their photos, per address
    SIGN_IN: "10 per 1 minute",  # per address; known tokens work all the while
    SIGN_IN_RECORD: "60 per 1 minute",  # refused sign-ins written into the audit log, of all addresses together
}
"""What is limited, and how far: so many at once, and as many again in that time. A long time bears with a burst."""
_LEAST = {READ: "60 per 30 seconds", WRITE: "30 per 30 seconds"}
"""What a city cannot go below: operators send crews with it, and who has set too little sets it right."""
CITY_SETS = frozenset(RULES) - {SIGN_IN_RECORD}

REQUESTS = "requests"
"""Key of the city's own rules in `meta`, as JSON."""
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_RULE = re.compile(r"([0-9]{1,7}) per ([0-9]{1,5}) (second|minute|hour)s?")
_LONGEST_S = 86_400


class RateLimit(NamedTuple):
    """How many requests may come at once; after them one every `step_s`."""

    burst: int
    step_s: float

    @classmethod
    def read(cls, text: str) -> RateLimit:
        """A rule from its text, such as "100 per 5 seconds"; ValueError when it is none."""
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"“{text[:60]}” is no rule; write it like “600 per 1 minute”")
        count, span_s = int(found[1]), int(found[2]) * _SECONDS[found[3]]
        if not count or not 0 < span_s <= _LONGEST_S:
            raise ValueError(f"“{text[:60]}”: the number begins with 1, the time lies between a second and a day")
        return cls(count, span_s / count)


def rules_of(text: str | None) -> dict[str, str]:
    """The rules in a stored text, without any that this version does not know."""
    rules: dict[str, str] = decode(text, dict[str, str]) if text else {}
    return {name: rule for name, rule in rules.items() if name in CITY_SETS and not rule_fault(rule, name)}


def rule_fault(text: str, name: str = "") -> str:
    """Why a text is no rule, or none for what is called so; "" when it is one."""
    try:
        rule = RateLimit.read(text)
    except ValueError as fault:
        return str(fault)
    # protects: a-city-does-not-shut-its-operators-out
    if name in _LEAST:
        least = RateLimit.read(_LEAST[name])
        if rule.burst < least.burst or rule.step_s > least.step_s:
            return (
                f"“{text[:60]}” is too little to work with; the least is “{_LEAST[name]}”, at once and in the long run"
            )
    return ""


def text_of(rules: Mapping[str, str]) -> str:
    """Rules as they are stored."""
    return msgspec.json.encode(rules, order="sorted").decode()
