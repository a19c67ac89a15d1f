"""In which language a service, a question or a choice is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_client.model import AttributeValue, Service, ServiceAttribute
from console.rules.names import (
    PLAIN,
    all_names,
    language_of,
    language_tag,
    languages_chosen,
    languages_read,
    name_in,
    service_in,
)

TAGS = ("nl", "nl-BE", "fr", "pt-BR", "pt", "en", "zh-Hans", "zh-Hant", "de", "ca-valencia", "es-419")
FLOOD = Service(
    "flood",
    "Inondation",
    "Eau",
    names={"nl": "Overstroming", "en": "Flood"},
    groups={"nl": "Water"},
    attributes=(
        ServiceAttribute(
            "depth",
            "Profondeur ?",
            values=(AttributeValue("knee", "Au genou", {"nl": "Kniehoog"}),),
            descriptions={"en": "How deep?"},
        ),
    ),
)


@given(
    st.dictionaries(st.sampled_from(TAGS), st.uuids().map(str)),
    st.lists(st.sampled_from(TAGS), max_size=5).map(tuple),
    st.sampled_from(("", *TAGS)),
)
def test_a_name_is_in_the_first_language_of_its_reader_that_there_is_else_the_plain_one(
    names: dict[str, str], wanted: tuple[str, ...], own: str
) -> None:
    names = {tag: name for tag, name in names.items() if tag != own}
    found = name_in("plain", names, wanted, own)
    assert found in {"plain", *names.values()}
    known = {own, *names}
    first = next((tag for tag in wanted if tag in known), None)
    of_another = {tag.partition("-")[0] for tag in wanted[: wanted.index(first)]} if first else set()
    if first is not None and not of_another & {tag.partition("-")[0] for tag in known if tag}:
        assert found == ("plain" if first == own else names[first])
    if not {tag.partition("-")[0] for tag in wanted} & {tag.partition("-")[0] for tag in known if tag}:
        assert found == "plain"
    assert name_in("plain", {tag: name for tag, name in names.items() if name != found}, wanted, own) in (
        {"plain"} if found == "plain" else {"plain", *names.values()} - {found}
    )


def test_a_language_stands_for_its_regions_but_for_no_other_script_of_it() -> None:
    names = {"nl-BE": "b", "pt": "p", "zh-Hans": "s"}
    assert [name_in("-", names, (tag,), "fr") for tag in ("nl", "nl-NL", "pt-BR", "zh-CN", "zh-Hant-TW", "fr-BE")] == [
        "b", "b", "p", "s", "-", "-",
    ]  # fmt: skip
    both = {"zh-Hans": "s", "zh-Hant": "t"}
    assert [name_in("-", both, (tag,)) for tag in ("zh-TW", "zh-HK", "zh-CN", "zh")] == ["t", "t", "s", "s"]
    # Whoever reads the city's own language better than another has the plain name; it has to be known which that is.
    assert name_in("-", names, ("fr", "nl"), "fr") == "-"
    assert name_in("-", names, ("fr", "nl")) == "b"


def test_an_operator_reads_as_he_chose_else_as_his_system_speaks() -> None:
    assert languages_chosen("", "nl_BE") == ("nl-BE",)
    assert languages_chosen("fr", "nl_BE") == ("fr",)
    assert languages_chosen(PLAIN, "nl_BE") == ()
    assert languages_chosen("", "C") == languages_chosen("no tag", "nl") == ()


def test_a_service_is_told_in_one_language_text_by_text() -> None:
    told = service_in(FLOOD, ("nl", "en"), "fr")
    question = told.attributes[0]
    assert (told.name, told.group, question.description, question.values[0].name) == (
        "Overstroming", "Water", "How deep?", "Kniehoog",
    )  # fmt: skip
    assert (told.names, told.groups, question.descriptions, question.values[0].names) == ({}, {}, {}, {})
    assert service_in(told, ("en",)) == told
    assert [language_of([FLOOD], wanted, "fr") for wanted in ((), ("de",), ("fr-BE",), ("nl-BE",))] == [
        "fr", "fr", "fr", "nl",
    ]  # fmt: skip
    assert all_names(FLOOD) == ("Inondation", "Overstroming", "Flood")


@pytest.mark.parametrize(
    ("accepted", "chosen", "read"),
    [
        ("fr-BE, fr;q=0.9, nl;q=0.8", "", ("fr-BE", "fr", "nl")),
        ("en;q=0.1,nl;q=0.9,fr;q=0", "pt_br", ("pt-BR", "nl", "en")),
        ("nl; q=1.000, *;q=0.5, x-klingon, en;q=2", "fi_FI", ("fi-FI", "nl")),
        ("ZH-hant-tw", "not a language", ("zh-Hant-TW",)),
        ("a" * 5_000, "", ()),
        (",".join(["nl;q=0.5"] * 500), "", ("nl",)),
    ],
)
def test_what_a_browser_says_that_it_reads(accepted: str, chosen: str, read: tuple[str, ...]) -> None:
    assert languages_read(accepted, chosen) == read


@given(st.text(max_size=40))
def test_a_tag_is_written_in_one_way(text: str) -> None:
    tag = language_tag(text)
    assert language_tag(tag) == tag
    assert tag == "" or tag.casefold() == text.strip().replace("_", "-").casefold()
