"""What the pages without scripts look like: HTML of values that were looked up before, in the pages' own look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from api_client.model import Datatype, Service, ServiceAttribute, Status
from console.rules.status import is_open
from console.server.http.posted_form import PostedForm
from console.server.pages.html import NONE, Child, Html, joined, tag
from console.server.pages.page_texts import LANGUAGES, PageTexts

if TYPE_CHECKING:
    from console.server.pages.citizens import NearReport, PublicPlace, PublicReport

_STATES = {
    Status.NEW: "new",
    Status.COORDINATION: "new",
    Status.RETURNED: "again",
    Status.RESOLVED: "done",
    Status.CLOSED: "closed",
}
"""How the pages group the statuses; all others are at work."""
_PHOTOS = "image/jpeg,image/png,image/webp"
_NO_PLACE = "none"


class PageReader(msgspec.Struct, frozen=True):
    """Who reads a page: in which words, of which city, by which clock; `path` is where he is."""

    texts: PageTexts
    city: str
    zone: str
    path: str
    key: str = ""
    """The one that the report was sent with, of which the page is; "" without."""
    kept: Mapping[str, str] = {}
    """What stands in the page's address besides, and stays when the language is changed."""

    def t(self, key: str, **values: str | int) -> str:
        """The words of a key."""
        return self.texts.t(key, **values)

    def href(self, path: str, **query: str) -> str:
        """The address of another page without scripts, in the language that was chosen."""
        return f"{path}?{urlencode(self.said | query)}"

    @property
    def said(self) -> dict[str, str]:
        """What every address of a page without scripts says: that it is one, and the language that was chosen."""
        return {"plain": "1"} | ({"lang": self.texts.language} if self.texts.is_chosen else {})


def page(reader: PageReader, title: str, *content: Child) -> Html:
    """A whole page."""
    t = reader.t
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("link", rel="icon", href="/assets/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/assets/css/theme.css"),
        tag("link", rel="stylesheet", href="/assets/css/page.css"),
    )
    brand = tag("a", tag("b", t("report.brand")), tag("span", reader.city), class_="brand", href=reader.href("/"))
    places = [("/", t("nav.report")), ("/map", t("plain.list"))]
    links = [
        tag("a", word, href=reader.href(path), aria_current="page" if path == reader.path else None)
        for path, word in places
    ]
    top = tag("div", brand, tag("nav", *links, aria_label=t("nav")), _languages(reader), class_="bar")
    body = tag(
        "body",
        tag("a", t("skip"), class_="skip", href="#main"),
        tag("header", top, class_="top"),
        tag("main", *content, id="main", tabindex="-1"),
    )
    return Html("<!doctype html>" + tag("html", head, body, lang=reader.texts.language).text)


def _languages(reader: PageReader) -> Html:
    more = dict(reader.kept) | ({"key": reader.key} if reader.key else {})
    links = [
        tag(
            "a",
            one.upper(),
            href=f"{reader.path}?{urlencode({'plain': '1', 'lang': one} | more)}",
            lang=one,
            aria_current="true" if one == reader.texts.language else None,
        )
        for one in reversed(LANGUAGES)
    ]
    return tag("div", *links, class_="languages", role="group", aria_label=reader.t("language"))


def notice(text: str) -> Html:
    """Something that went wrong."""
    return tag("p", text, class_="notice", role="alert") if text else NONE


def refusal(reader: PageReader, head: str, text: str) -> Html:
    """The page that says that something was not taken, or is not there."""
    words = [tag("h1", head), tag("p", text), tag("p", reader.t("plain.go_back"), class_="quiet")]
    links = tag("div", tag("a", reader.t("missing.report"), class_="plain", href=reader.href("/")), class_="actions")
    return page(reader, head, tag("section", *words, links, class_="step"))


# A new report: what and where


def first_step(
    reader: PageReader, services: Sequence[Service], service: str, address: str, errors: Mapping[str, str]
) -> Html:
    """What is it and where; then come what the service asks and the words."""
    t = reader.t
    chosen = tag("option", t("plain.choose"), value="")
    form = tag(
        "form",
        *_hidden(**reader.said, step="2"),
        _field(
            reader,
            "service",
            t("what.head"),
            _select("service", [chosen, *_options(services, service)], errors),
            errors,
        ),
        _field(
            reader,
            "address",
            t("where.address"),
            _line("address", address, errors, most=500, hint=t("where.hint")),
            errors,
        ),
        tag("div", tag("button", t("next"), class_="main"), class_="actions"),
        method="get",
        action="/",
    )
    find = tag(
        "form",
        *_hidden(**reader.said),
        tag("label", t("find.label"), for_="number"),
        tag(
            "div",
            tag(
                "input",
                id="number",
                name="number",
                inputmode="numeric",
                autocomplete="off",
                maxlength="128",
                required=True,
            ),
            tag("button", t("find.go"), class_="plain"),
            class_="line",
        ),
        method="get",
        action="/",
        class_="find",
    )
    head = tag("h1", t("report.title"))
    more = tag("p", tag("a", t("plain.scripts"), href="/"), class_="quiet after")
    return page(reader, t("report.title"), _said(reader, errors), tag("section", head, form, find, more, class_="step"))


def _options(services: Sequence[Service], chosen: str) -> list[Html]:
    groups: dict[str, list[Html]] = {}
    for one in services:
        groups.setdefault(one.group, []).append(tag("option", one.name, value=one.code, selected=one.code == chosen))
    if len(groups) == 1 or all(len(members) == 1 for members in groups.values()):
        return [one for members in groups.values() for one in members]
    return [tag("optgroup", *members, label=group or "…") for group, members in groups.items()]


# A new report: how it is


class Details(msgspec.Struct, frozen=True):
    """What the second step shows: `form` is what was entered, `key` the one that the report will be sent with."""

    service: Service
    form: PostedForm
    key: str
    places: Sequence[PublicPlace] = ()
    near: NearReport | None = None
    errors: Mapping[str, str] = {}


def second_step(reader: PageReader, details: Details) -> Html:
    """The words, the service's questions, photos and the contact."""
    t, form, errors = reader.t, details.form, details.errors
    address = form.one("address")
    change = reader.href("/", service=details.service.code, address=address)
    rows = [("step.what", details.service.name), ("step.where", address)]
    summary = [
        tag(
            "div",
            tag("dt", t(key)),
            tag("dd", tag("span", value), tag("a", t("change"), href=change, aria_label=f"{t('change')}: {t(key)}")),
        )
        for key, value in rows
    ]
    words = tag(
        "textarea",
        form.one("description"),
        id="description",
        name="description",
        rows="4",
        maxlength="5000",
        **_faulty("description", errors),
    )
    photos = tag(
        "input", id="photo", name="photo", type="file", accept=_PHOTOS, multiple=True, **_faulty("photo", errors)
    )
    contact = [
        _field(
            reader,
            name,
            t(f"send.{name}"),
            _line(name, form.one(name), errors, most=most, kind=kind, fill=fill),
            errors,
        )
        for name, kind, fill, most in (
            ("name", "text", "name", 200),
            ("phone", "tel", "tel", 60),
            ("email", "email", "email", 200),
        )
    ]
    has_contact = any(form.one(name) or name in errors for name in ("name", "phone", "email"))
    content = tag(
        "form",
        *_hidden(key=details.key, service=details.service.code, address=address),
        _places(reader, details),
        _field(reader, "description", t("send.text"), words, errors),
        *(_question(reader, one, form, errors) for one in details.service.questions if one.variable),
        _field(reader, "photo", t("send.photos"), photos, errors),
        tag(
            "details",
            tag("summary", t("send.contact")),
            tag("p", t("send.privacy"), class_="quiet"),
            *contact,
            open=has_contact,
        ),
        tag(
            "div",
            tag("a", t("back"), class_="plain", href=change),
            tag("button", t("send.go"), class_="main"),
            class_="actions",
        ),
        method="post",
        enctype="multipart/form-data",
        action=reader.href("/"),
    )
    head = tag("h1", t("send.head"))
    lines = tag("dl", *summary, class_="summary")
    return page(
        reader,
        t("send.head"),
        _said(reader, errors),
        tag("section", head, lines, _near(reader, details), content, class_="step"),
    )


def _places(reader: PageReader, details: Details) -> Html:
    """The places that the address may mean; one has to be chosen, or none."""
    if not details.places:
        return NONE
    chosen, t = details.form.one("place"), reader.t
    offered = [(place_value(one), _place_words(reader, one)) for one in details.places]
    choices = [
        _choice("radio", "place", value, words, value == chosen)
        for value, words in [*offered, (_NO_PLACE, t("plain.as_written"))]
    ]
    return tag(
        "fieldset",
        *_hidden(offered="1"),
        tag("legend", t("plain.which_place")),
        _fault("place", details.errors),
        *choices,
        **_faulty("place", details.errors),
    )


def place_value(place: PublicPlace) -> str:
    """What a form says of a place that was chosen."""
    return f"{place.lat:.6f},{place.lon:.6f},{place.within_m:.0f}"


def _place_words(reader: PageReader, place: PublicPlace) -> str:
    how = reader.t(f"exact.{place.exactness}", metres=f"{place.within_m:.0f}")
    where = ", ".join(dict.fromkeys(one for one in (place.label, place.area) if one))
    return f"{where}: {how}"


def _near(reader: PageReader, details: Details) -> Html:
    """The nearest open report of the same kind: perhaps somebody has told it already."""
    near = details.near
    if near is None:
        return NONE
    text = near_words(reader, details.service.name, near)
    follow = tag("a", reader.t("near.follow"), class_="plain", href=reader.href(f"/r/{quote(near.number, safe='')}"))
    return tag(
        "section",
        tag("b", reader.t("near.head")),
        tag("p", text),
        tag("div", follow, class_="actions"),
        class_="notice info",
    )


def near_words(reader: PageReader, service: str, near: NearReport) -> str:
    """`Flood, 60 m from here, 1 Dec 2026, 14:02`."""
    at = datetime.fromtimestamp(near.created_s, UTC)
    when = reader.texts.date_time(at, reader.zone)
    return reader.t("near.text", service=service, distance=f"{round(near.distance_m, -1):.0f} m", time=when)


def _question(reader: PageReader, one: ServiceAttribute, form: PostedForm, errors: Mapping[str, str]) -> Html:
    name = f"attribute[{one.code}]"
    given = form.attributes().get(one.code, ())
    words = one.description if one.required else reader.t("send.optional", question=one.description)
    hint = tag("p", one.datatype_description, class_="quiet") if one.datatype_description else NONE
    if one.datatype in (Datatype.SINGLEVALUELIST, Datatype.MULTIVALUELIST):
        kind = "checkbox" if one.datatype is Datatype.MULTIVALUELIST else "radio"
        choices = (_choice(kind, name, value.key, value.name, value.key in given) for value in one.values)
        return tag("fieldset", tag("legend", words), hint, _fault(name, errors), *choices, **_faulty(name, errors))
    value = given[0] if given else ""
    if one.datatype is Datatype.TEXT:
        field = tag("textarea", value, id=name, name=name, rows="3", maxlength="200", **_faulty(name, errors))
    else:
        kind = {Datatype.NUMBER: "number", Datatype.DATETIME: "datetime-local"}.get(one.datatype, "text")
        field = _line(name, value, errors, most=200, kind=kind)
    return _field(reader, name, words, joined([hint, field]), errors)


# How it goes on


class FollowUp(msgspec.Struct, frozen=True):
    """What the page of a report shows: `service` is its service's name, `once` the key of what is done on it next."""

    report: PublicReport
    service: str
    once: str
    said: str = ""
    is_new: bool = False
    lost: int = 0
    text: str = ""
    errors: Mapping[str, str] = {}


def follow_page(reader: PageReader, following: FollowUp) -> Html:
    """Where a report stands, what was done and said, and what the reader can do about it."""
    t, report = reader.t, following.report
    title = f"{report.number} · {following.service}"
    place = ", ".join(part for part in (report.address, report.area) if part)
    facts = [
        ("follow.place", place),
        ("follow.made", reader.texts.date_time(report.created, reader.zone)),
        ("follow.expected", reader.texts.date_time(report.expected, reader.zone) if report.expected else ""),
        ("follow.me_too", str(report.me_too or "")),
    ]
    status = report.own_word or t(f"status.{report.status}")
    state = _STATES.get(Status(report.status), "working")
    joined_with = tag("p", t("follow.joined"), " ", _link(reader, report.joined)) if report.joined else NONE
    card = tag(
        "section",
        tag("p", t("follow.number", number=report.number), class_="quiet"),
        tag("h1", following.service),
        tag("p", tag("span", status, class_="status", data_state=state)),
        tag("p", t(f"meaning.{report.status}")),
        tag("p", t("follow.reason", reason=report.reason)) if report.reason else NONE,
        joined_with,
        tag("p", report.description, class_="words") if report.description else NONE,
        tag("p", t(f"follow.words_{report.words}"), class_="quiet") if report.words != "shown" else NONE,
        tag(
            "dl",
            *(piece for key, value in facts if value for piece in (tag("dt", t(key)), tag("dd", value))),
            class_="facts",
        ),
        _me_too(reader, following),
        class_="card",
    )
    figures = (
        tag(
            "figure",
            tag("img", src=source, alt=t(f"photo.{role}"), loading="lazy"),
            tag("figcaption", t(f"photo.{role}")),
        )
        for role, source in report.photos
    )
    photos = tag("section", tag("h2", t("follow.photos")), tag("div", *figures, class_="gallery"), class_="card")
    lines = (_line_of_history(reader, one.kind, one.status, one.text, one.at) for one in report.history)
    history = tag("section", tag("h2", t("follow.history")), tag("ol", *lines, class_="timeline"), class_="card")
    return page(
        reader,
        title,
        _arrived(reader, following),
        tag("p", following.said, class_="notice info", role="status") if following.said else NONE,
        card,
        _answer(reader, following),
        photos if report.photos else NONE,
        history,
    )


def _link(reader: PageReader, number: str) -> Html:
    return tag("a", number, href=reader.href(f"/r/{quote(number, safe='')}"))


def _arrived(reader: PageReader, following: FollowUp) -> Html:
    """What who has just reported is told."""
    if not following.is_new:
        return NONE
    t = reader.t
    return tag(
        "section",
        tag("h2", t("done.sent")),
        tag("p", following.report.number, class_="number"),
        tag("p", t("done.keep")),
        tag("p", t("plain.keep_address")),
        tag("p", t("done.photo_refused", count=following.lost)) if following.lost else NONE,
        class_="card done",
        data_state="sent",
    )


def _me_too(reader: PageReader, following: FollowUp) -> Html:
    if reader.key or not is_open(Status(following.report.status)):
        return NONE
    button = tag("button", reader.t("metoo.go"), class_="plain", name="deed", value="me-too")
    return _deed(reader, following, tag("div", button, class_="actions"))


def _answer(reader: PageReader, following: FollowUp) -> Html:
    """The reporter's two answers after the end."""
    report, t = following.report, reader.t
    if report.answer_until is None:
        return NONE
    until = reader.texts.date(report.answer_until, reader.zone)
    words = tag(
        "textarea",
        following.text,
        id="text",
        name="text",
        rows="3",
        maxlength="2000",
        **_faulty("text", following.errors),
    )
    photo = tag("input", id="photo", name="photo", type="file", accept=_PHOTOS, **_faulty("photo", following.errors))
    no = tag(
        "details",
        tag("summary", t("answer.no")),
        tag("p", t("answer.no_text"), class_="quiet"),
        _field(reader, "text", t("unsolved.why"), words, following.errors),
        _field(reader, "photo", t("answer.photo"), photo, following.errors),
        tag("div", tag("button", t("unsolved.go"), class_="main", name="deed", value="not-solved"), class_="actions"),
        open=bool(following.errors),
        class_="answer",
    )
    if report.satisfied:
        head = [tag("p", t("answer.thanks"))]
    else:
        yes = tag("button", t("answer.yes"), class_="main wide", name="deed", value="satisfied")
        head = [tag("p", t("answer.text", date=until), class_="quiet"), _deed(reader, following, yes)]
    return tag("section", tag("h2", t("answer.head")), *head, _deed(reader, following, no), class_="card")


def _deed(reader: PageReader, following: FollowUp, content: Html) -> Html:
    hidden = _hidden(once=following.once, key=reader.key)
    return tag("form", *hidden, content, method="post", enctype="multipart/form-data", action=reader.href(reader.path))


def _line_of_history(reader: PageReader, kind: str, status: str | None, text: str, at: datetime) -> Html:
    time = tag("time", reader.texts.date_time(at, reader.zone), datetime=at.isoformat())
    if kind == "reply":
        return tag("li", time, tag("b", reader.t("history.reply")), tag("div", text, class_="words"))
    return tag("li", time, reader.t("history.created" if kind == "created" else f"history.{status}"))


# The latest reports


def list_page(
    reader: PageReader,
    services: Sequence[Service],
    newest: Iterable[tuple[str, str | None, str, int]],
    service: str,
    state: str,
) -> Html:
    """The newest reports, of one service or all, open or closed."""
    t, names = reader.t, {one.code: one.name for one in services}
    every = tag("option", t("map.all"), value="")
    states = [
        tag("option", t(f"map.{word}"), value=value, selected=value == state)
        for value, word in (("open", "open"), ("closed", "closed"), ("", "both"))
    ]
    form = tag(
        "form",
        *_hidden(**reader.said),
        tag(
            "div",
            tag("label", t("map.service"), for_="service"),
            _select("service", [every, *_options(services, service)], {}),
        ),
        tag("div", tag("label", t("map.state"), for_="state"), _select("state", states, {})),
        tag("div", tag("button", t("plain.show"), class_="plain wide"), class_="whole"),
        method="get",
        action="/map",
        class_="filters",
    )
    rows = [
        tag(
            "li",
            tag(
                "a",
                tag(
                    "div",
                    tag("b", names.get(code or "", code or t("follow.report"))),
                    tag("span", _row_words(reader, number, status, created_s)),
                ),
                href=reader.href(f"/r/{quote(number, safe='')}"),
            ),
        )
        for number, code, status, created_s in newest
    ]
    content = tag("ul", *rows, class_="rows") if rows else tag("p", t("plain.no_reports"), class_="quiet last")
    return page(reader, t("plain.list"), tag("h1", t("plain.list")), form, tag("section", content, class_="card"))


def _row_words(reader: PageReader, number: str, status: str, created_s: int) -> str:
    when = reader.texts.date_time(datetime.fromtimestamp(created_s, UTC), reader.zone)
    return f"{number} · {reader.t(f'status.{status}')} · {when}"


# Fields


def _said(reader: PageReader, errors: Mapping[str, str]) -> Html:
    """What is wrong with the whole form, above it."""
    return notice(errors.get("", "") or (reader.t("plain.wrong") if errors else ""))


def _field(reader: PageReader, name: str, label: str, field: Html, errors: Mapping[str, str]) -> Html:
    hint = NONE
    if name == "photo":
        hint = tag("p", reader.t("plain.photos_again"), class_="quiet") if errors else NONE
    return tag("div", tag("label", label, for_=name), _fault(name, errors), hint, field)


def _fault(name: str, errors: Mapping[str, str]) -> Html:
    return tag("p", errors[name], class_="fault", id=f"fault-{name}") if name in errors else NONE


def _faulty(name: str, errors: Mapping[str, str]) -> dict[str, str]:
    """What a field says to a screen reader when it is wrong."""
    return {"aria_invalid": "true", "aria_describedby": f"fault-{name}"} if name in errors else {}


def _line(
    name: str,
    value: str,
    errors: Mapping[str, str],
    *,
    most: int,
    kind: str = "text",
    fill: str = "off",
    hint: str | None = None,
) -> Html:
    more = _faulty(name, errors)
    step = "any" if kind == "number" else None
    return tag(
        "input",
        id=name,
        name=name,
        type=kind,
        value=value,
        maxlength=str(most),
        autocomplete=fill,
        placeholder=hint,
        step=step,
        **more,
    )


def _select(name: str, options: Iterable[Html], errors: Mapping[str, str]) -> Html:
    return tag("select", *options, id=name, name=name, **_faulty(name, errors))


def _choice(kind: str, name: str, value: str, words: str, chosen: bool) -> Html:
    return tag(
        "label", tag("input", type=kind, name=name, value=value, checked=chosen), tag("span", words), class_="choice"
    )


def _hidden(**values: str) -> list[Html]:
    return [tag("input", type="hidden", name=name, value=value) for name, value in values.items()]
