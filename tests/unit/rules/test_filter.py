"""The filter's grammar: what is written reads back the same, and what is not understood is said in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_client.model import Status
from console.rules.filter import MOST_RADIUS_M, NEAR_M, ORDERS, TABS, Circle, Filter, FilterError, without_words

JAKARTA = ZoneInfo("Asia/Jakarta")


def parse(text: str, **more: Any) -> Filter:
    return Filter.parse(text, zone=JAKARTA, **more)


codes = st.lists(
    st.text(min_size=1, max_size=8).filter(lambda code: code == code.strip()), max_size=3, unique=True
).map(tuple)
texts = st.text(max_size=20).map(lambda text: " ".join(text.split()))
seconds = st.none() | st.integers(0, 999_999)
moments = st.none() | st.integers(0, 2**31)
degrees = st.floats(-180, 180)
boxes = st.tuples(degrees, degrees, degrees, degrees).map(
    lambda box: (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3]))
)
circles = st.builds(
    Circle, st.tuples(st.floats(-90, 90), st.floats(-180, 180)), st.integers(1, MOST_RADIUS_M), texts.map(str.strip)
)
shapes: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"bbox": boxes}),
    st.fixed_dictionaries({"circle": circles}),
    st.fixed_dictionaries({"polygon": st.lists(st.tuples(degrees, degrees), min_size=3, max_size=5).map(tuple)}),
)
filters = st.builds(
    lambda shape, **rest: Filter(**rest, **shape),
    shape=shapes,
    tab=st.sampled_from(TABS),
    order=st.sampled_from(ORDERS),
    services=codes,
    statuses=st.lists(st.sampled_from([status.value for status in Status]), max_size=3, unique=True).map(tuple),
    priorities=st.lists(st.integers(1, 4), max_size=3, unique=True).map(tuple),
    areas=codes,
    agencies=codes,
    units=codes,
    holders=codes,
    mine=st.booleans(),
    overdue=st.booleans(),
    at_risk=st.booleans(),
    pending=st.booleans(),
    placeless=st.booleans(),
    moderation=st.booleans(),
    older_s=seconds,
    younger_s=seconds,
    created_after=moments,
    created_before=moments,
    hour=moments,
    street=texts,
    text=texts,
)


@settings(max_examples=300)
@given(filters)
def test_a_filter_reads_back_from_its_text(asked: Filter) -> None:
    assert parse(asked.to_text()) == asked


@settings(max_examples=300)
@given(st.text(alphabet='ab =<>,"\\/12:-.dhp#é', max_size=30))
def test_whatever_is_typed_is_a_filter_or_a_sentence(text: str) -> None:
    try:
        found = parse(text)
    except FilterError as error:
        found, sentence = Filter(), str(error)
    else:
        sentence = "."
    assert sentence.endswith(".")
    assert parse(found.to_text()) == found


@settings(max_examples=100)
@given(filters)
def test_taking_every_chip_away_leaves_the_tab(asked: Filter) -> None:
    assert bool(asked.chips()) == asked.narrowed
    bare = asked
    for key, text in asked.chips():
        assert text
        bare = bare.without(key)
        assert key not in dict(bare.chips())
    assert bare == Filter(tab=asked.tab, order=asked.order)


def test_what_operators_type() -> None:
    asked = parse('Cat=water,"street light" ward=3 st=n,ret P=p1,2 age>2d age<=4w is=overdue,Mine burst "main pipe"')
    assert asked == Filter(
        services=("water", "street light"),
        areas=("3",),
        statuses=("new", "returned"),
        priorities=(1, 2),
        older_s=2 * 86400,
        younger_s=28 * 86400,
        overdue=True,
        mine=True,
        text="burst main pipe",
    )
    assert parse("p=1 tab=held", tab="mine").tab == "held"
    assert parse("p=1", tab="mine").tab == "mine"
    dated = parse("created>=2026-01-20T14:00+09:00 created<2026-01-21")
    assert dated.created_after == datetime(2026, 1, 20, 5, tzinfo=UTC).timestamp()
    assert dated.created_before == datetime(2026, 1, 20, 17, tzinfo=UTC).timestamp(), "the city's midnight"


def test_days_and_hours_are_the_citys() -> None:
    """Also where the clocks are set: the day on which Berlin's winter time ends has 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    day = Filter.parse("created>=2026-10-25 created<2026-10-26 hour=2026-10-25T07:00", zone=berlin)
    assert day.created_after == datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()
    assert day.created_before == datetime(2026, 10, 25, 23, tzinfo=UTC).timestamp()
    assert day.hour == datetime(2026, 10, 25, 6, tzinfo=UTC).timestamp()
    assert dict(day.chips(zone=berlin))["created"] == "Reported 25 Oct 2026 to 26 Oct 2026"
    assert Filter.parse(day.to_text(), zone=UTC) == day, "a filter that was kept means the same anywhere"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ct=water", "“ct” is not a filter."),
        ("p=5", "“5” is not a priority."),
        ("st=x1", "“x1” is not a status."),
        ("age>2", "“2” is not an age."),
        ("age=2d", "Write age>… (older) or age<… (younger)."),
        ("cat>2", "Write cat=…, not cat>…."),
        ("cat=", "Nothing stands after cat=."),
        ("is=late", "“is=late” is not understood."),
        ("created>yesterday", "“yesterday” is not a date."),
        ("created>0001-01-01", "“0001-01-01” is not a date."),
        ("hour=9999-12-31", "“9999-12-31” is not a date."),
        ("box=1,2,3", "A box has four numbers"),
        ("box=1,2,x,3", "“x” in box= is not a number."),
        ("shape=1/2,3/4", "A shape has at least three corners."),
        ("tab=all", "“all” is no tab."),
        ('find "open', "A quotation mark is not closed."),
    ],
)
def test_a_mistake_is_named(text: str, sentence: str) -> None:
    with pytest.raises(FilterError, match=r"\.$") as caught:
        parse(text)
    assert str(caught.value).startswith(sentence)


def test_typed_names_become_codes() -> None:
    names = {"service": {"F1": "Flood", "F2": "Flash flood", "R": "Road, broken"}, "area": {"31.01": "Cawang"}}
    typed = parse("cat=flo,r ward=cawang unit=SDA-07")
    assert typed.resolved(names) == Filter(services=("F1", "F2", "R"), areas=("31.01",), units=("SDA-07",))
    assert parse("cat=none,f2").resolved(names).services == ("none", "F2")
    with pytest.raises(FilterError, match="No category is called “fire”"):
        parse("cat=fire").resolved(names)


def test_chips_say_it_in_words() -> None:
    asked = parse("cat=F1 ward=31.01,none p=2 st=new age<30d is=risk hour=2026-01-20T07:00Z leak")
    words = {"F1": "Flood", "31.01": "Cawang"}
    jakarta = timezone(timedelta(hours=7))
    assert asked.chips(lambda _, code: words[code], jakarta) == [
        ("services", "Category Flood"),
        ("statuses", "New"),
        ("areas", "Cawang, No area"),
        ("priorities", "P2"),
        ("at_risk", "Due within 1 h"),
        ("age", "Opened ≤ 30 d"),
        ("hour", "Reported 14:00–15:00"),
        ("text", "“leak”"),
    ]


def test_toggles_add_and_take_out() -> None:
    both = Filter().toggle_service("a").toggle_service("b")
    assert both.services == ("a", "b")
    assert both.toggle_service("a").services == ("b",)
    assert Filter().toggle_hour(7200).toggle_hour(7200) == Filter()
    assert Filter().with_bbox((1, 2, 3, 4)).with_polygon([(1, 2), (3, 4), (5, 6)]).bbox is None


@pytest.mark.parametrize(
    ("typed", "circle"),
    [
        ("near=-6.2/106.8", Circle((-6.2, 106.8), NEAR_M)),
        ("near=-6.2/106.8/300", Circle((-6.2, 106.8), 300)),
        ("near=-6.2/106.8/2km", Circle((-6.2, 106.8), 2000)),
        ('near="-6.2/106.8/300/Jl. Melati 3/5, Tebet"', Circle((-6.2, 106.8), 300, "Jl. Melati 3/5, Tebet")),
        ('near="Jl. Melati"', Circle(None, NEAR_M, "Jl. Melati")),
        ('near:"Jl. Melati"', Circle(None, NEAR_M, "Jl. Melati")),
        ('near="Jl. Melati"/300m', Circle(None, 300, "Jl. Melati")),
        ('near="Jl. Melati within 1 km"', Circle(None, 1000, "Jl. Melati")),
    ],
)
def test_a_circle_is_written_as_a_place_or_as_words(typed: str, circle: Circle) -> None:
    assert parse(typed).circle == circle
    assert parse(parse(typed).to_text()).circle == circle


@pytest.mark.parametrize("typed", ["near=", "near>3", "near=95/106.8", "near=-6.2/106.8/50km", "near=-6.2/106.8/wide"])
def test_a_circle_that_cannot_be_is_a_sentence(typed: str) -> None:
    with pytest.raises(FilterError):
        parse(typed)


def test_around_a_place_is_a_chip_and_takes_the_place_of_other_shapes() -> None:
    around = parse("box=106.7,-6.3,106.9,-6.1").with_circle(Circle((-6.2, 106.8), 500, "Jl. Melati, Tebet"))
    assert (around.bbox, around.chips()) == (None, [("circle", "Within 500 m of Jl. Melati, Tebet")])
    assert around.without("circle") == Filter()
    assert around.with_bbox((1, 2, 3, 4)).circle is None
    assert around.narrowed
    assert Filter(circle=Circle((-6.2, 106.8), 2000)).chips() == [("circle", "Within 2 km of -6.20000, 106.80000")]
    assert parse('street="Jl. Melati"').chips() == [("street", "Address “Jl. Melati”")]


def test_a_log_tells_no_words_of_a_filter() -> None:
    """Whoever exports what Siti Rahayu reported searches for her name."""
    told = without_words(
        'cat=road,flood Siti text=Rahayu p=1 street="Jl. Melati 7" near:"Melati 7" age>2d x=Siti "cat=Siti"'
    )
    assert told == "cat=road,flood … text=… p=1 street=… near=… age>2d"
    assert without_words('cat=road "Siti') == "…"
