"""What a limit of a city counts: how its filter is read and what may stand in it, and whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from api_client.model import Area, Limit
from console.rules.filter import NONE, Filter, FilterError
from console.rules.report import upwards

ABOVE = (1, 100_000)
MINUTES = (5, 24 * 60)
LONGEST_FILTER = 1_000
MOST_LIMITS = 100
"""What every console finds again with each report that comes has to be little."""
PRIORITIES_OF_LIMITS = (2, 4)
"""Never 1: a P1 is a report."""

_PLACE = "A limit counts whole areas: write area=…, no box, shape, street or place."
_TIME = "A limit has its own time: age, created and hour do not stand in it."
_WHO = "A limit means the same at every console: who has a report, its unit and what was not sent do not stand in it."
_WORK = "A limit counts what came, whatever has become of it: statuses and is=… do not stand in it."
_LIST = "A limit is no list: tab and order do not stand in it."
_WORDS = "A limit searches no words: write cat=…, area=…, agency=… or p=…."
_BARRED: Mapping[str, str] = {
    **dict.fromkeys(("bbox", "polygon", "circle", "street"), _PLACE),
    **dict.fromkeys(("older_s", "younger_s", "created_after", "created_before", "hour"), _TIME),
    **dict.fromkeys(("holders", "units", "mine", "pending"), _WHO),
    **dict.fromkeys(("statuses", "overdue", "at_risk", "crewless", "placeless", "moderation"), _WORK),
    **dict.fromkeys(("tab", "order"), _LIST),
    "text": _WORDS,
}
_ALL = Filter()


def limit_filter(text: str, names: Mapping[str, Mapping[str, str]]) -> Filter:
    """The filter of a limit with the city's codes; `names` are those of the city (see Filter.resolved).

    Raises FilterError with a sentence for a text that is no filter, names what the city has not, or asks for what
    changes with the operator, the console or the work on a report.
    """
    found = Filter.parse(text, zone=UTC)
    for field, why in _BARRED.items():
        # protects: a-limit-means-the-same-everywhere
        if getattr(found, field) != getattr(_ALL, field):
            raise FilterError(why)
    return found.resolved(names)


class Coded(Protocol):
    """What a limit's filter may name: a category, an area, an agency."""

    @property
    def code(self) -> str:
        """The city's code."""

    @property
    def name(self) -> str:
        """What the city calls it."""

    @property
    def valid_to(self) -> datetime | None:
        """Since when it is given nothing new."""


def filter_of(limit: Limit, coded: Mapping[str, Iterable[Coded]], now: datetime) -> Filter:
    """The filter of a limit of a city with these: kind -> what there is of it, what the city has no more too.

    It means what the city has at `now`, as it did for who set it: a word may be the code of something retired and the
    name of what came in its place. Raises FilterError as limit_filter does.
    """
    listed = {kind: list(things) for kind, things in coded.items()}
    present = {
        kind: {one.code: one.name for one in things if one.valid_to is None or one.valid_to > now}
        for kind, things in listed.items()
    }
    try:
        # protects: a-limit-means-what-the-city-has
        return limit_filter(limit.filter, present)
    except FilterError:  # what is retired is what it counts, or it is no filter at all
        return limit_filter(limit.filter, {kind: {one.code: one.name for one in all_} for kind, all_ in listed.items()})


def counts_otherwise(limit: Limit, before: Limit) -> bool:
    """Whether a limit that was changed is passed by other reports than before."""
    return (limit.filter, limit.above, limit.within_minutes) != (before.filter, before.above, before.within_minutes)


def can_be_counted(limit: Limit) -> bool:
    """Whether a limit is such as a city may set, whatever a server says."""
    # protects: no-filter-is-read-for-long
    is_short = len(limit.filter) <= LONGEST_FILTER
    return is_short and ABOVE[0] <= limit.above <= ABOVE[1] and MINUTES[0] <= limit.within_minutes <= MINUTES[1]


def concerns(
    filter_: Filter, areas: Collection[str], agencies: Collection[str], area: Callable[[str], Area | None]
) -> bool:
    """Whether a limit is for somebody with these areas and agencies to answer: one without areas is for everybody,
    another for whose scope touches one of its areas. `area` finds an area by its code.
    """
    if not filter_.areas or NONE in filter_.areas or not (areas or agencies):
        return True
    if agencies and (not filter_.agencies or set(agencies) & set(filter_.agencies)):
        return True
    own = {code for one in areas for code in upwards(one, area)}
    return any(named in own or any(code in areas for code in upwards(named, area)) for named in filter_.areas)
