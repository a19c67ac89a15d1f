"""Which of its names a city's service, question, choice, agency or outcome is called by: the one in a language that the
reader reads.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from api_client.model import Agency, AttributeValue, Service, ServiceAttribute, Template

MOST_LANGUAGES = 20
"""So many languages a city may have beside its own."""
LONGEST_TAG = 35
OUTCOMES = ("disposition", "close", "duplicate")
"""The kinds of standard texts that say how a report ended: citizens read them, and operators after others."""
PLAIN = "plain"
"""What an operator chooses who wants the city's own names, whatever his computer speaks."""
_LONGEST_HEADER = 1_000
_MOST_WANTED = 20
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*")
"""Of BCP 47 what names a language as people write it: language, script, region, variants."""
_USUAL_SCRIPTS = {"zh-TW": "Hant", "zh-HK": "Hant", "zh-MO": "Hant", "zh-CN": "Hans", "zh-SG": "Hans", "zh": "Hans"}
"""What is read there: browsers name the region."""
_WEIGHT = re.compile(r"\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def language_tag(text: str) -> str:
    """A BCP 47 tag as it is written (`nl`, `pt-BR`, `zh-Hant`), from any spelling of it, such as `pt_br`; "" where the
    text is none.
    """
    plain = text.strip().replace("_", "-").lower()
    if len(plain) > LONGEST_TAG or _TAG.fullmatch(plain) is None:
        return ""
    first, *rest = plain.split("-")
    return "-".join([first, *(one.title() if len(one) == 4 and one.isalpha() else _upper(one) for one in rest)])


def languages_read(accepted: str, *chosen: str) -> tuple[str, ...]:
    """The languages that somebody reads, the dearest first: those that were `chosen`, then those of an Accept-Language
    header. What is no language is passed over.
    """
    weighed: list[tuple[float, str]] = []
    for part in accepted[:_LONGEST_HEADER].split(","):
        text, has_weight, weight = part.partition(";")
        found = _WEIGHT.fullmatch(weight) if has_weight else None
        weighed.append((float(found[1]) if found else 0.0 if has_weight else 1.0, text))
    header = [text for weight, text in sorted(weighed, key=lambda one: -one[0]) if weight > 0]
    tags = dict.fromkeys(tag for one in (*chosen, *header) if (tag := language_tag(one)))
    return tuple(tags)[:_MOST_WANTED]


def languages_chosen(choice: str, system: str) -> tuple[str, ...]:
    """The languages in which an operator reads names: as he chose, by tag or PLAIN; "" is that of his system."""
    tag = language_tag(choice or system)
    return () if choice == PLAIN or not tag else (tag,)


def name_in(plain: str, names: Mapping[str, str], wanted: tuple[str, ...], own: str = "") -> str:
    """The name in the first of the `wanted` languages in which there is one. The plain one is in the city's `own`
    language ("": nobody has said which that is), and is the name where there is no other.

    A language stands for its regions and the other way round (`nl` for `nl-BE`), but not for another script of it.
    """
    if not names or not wanted:
        return plain
    found = _nearest(wanted, (own, *names) if own else tuple(names))
    return plain if found in ("", own) else names[found] or plain


def service_in(service: Service, wanted: tuple[str, ...], own: str = "") -> Service:
    """The service with all its texts as `name_in` chooses them, and no others."""
    if not (service.names or service.groups or service.attributes):
        return service
    return replace(
        service,
        name=name_in(service.name, service.names, wanted, own),
        group=name_in(service.group, service.groups, wanted, own),
        attributes=tuple(_question_in(one, wanted, own) for one in service.attributes),
        names={},
        groups={},
    )


def outcome_in(text: str, templates: Iterable[Template], wanted: tuple[str, ...], own: str = "") -> str:
    """How a report ended, as who reads the `wanted` languages reads it. The report has the plain text; what is none of
    the city's outcomes stays as it was written.
    """
    if not text or not wanted:
        return text
    said = (one for one in templates if one.text == text and one.kind in OUTCOMES)
    return next((name_in(text, one.texts, wanted, own) for one in said if one.texts), text)


def languages_met(services: Iterable[Service], wanted: tuple[str, ...], own: str = "") -> tuple[str, ...]:
    """Those languages of these services that are told to who reads the `wanted` ones, in his order: services are told
    alike to all for whom these are the same.
    """
    tags = sorted({tag for service in services for tag in (*service.names, *service.groups)} - {own})
    met = dict.fromkeys(_nearest((one,), (own, *tags) if own else tuple(tags)) for one in wanted)
    found = [tag for tag in met if tag]
    return tuple(found[: found.index(own)] if own in found else found)  # there is a plain name of everything


def language_of(services: Iterable[Service], wanted: tuple[str, ...], own: str = "") -> str:
    """The language in which these services are told to who reads the `wanted` ones; "" where nobody has said which that
    is.
    """
    return next(iter(languages_met(services, wanted, own)), own)


def all_names(named: Service | Agency) -> tuple[str, ...]:
    """What the service or agency is called in any language, each once; the plain name first."""
    return tuple(dict.fromkeys((named.name, *(name for name in named.names.values() if name))))


def _question_in(question: ServiceAttribute, wanted: tuple[str, ...], own: str) -> ServiceAttribute:
    return replace(
        question,
        description=name_in(question.description, question.descriptions, wanted, own),
        datatype_description=name_in(question.datatype_description, question.datatype_descriptions, wanted, own),
        values=tuple(AttributeValue(one.key, name_in(one.name, one.names, wanted, own)) for one in question.values),
        descriptions={},
        datatype_descriptions={},
    )


@functools.lru_cache(maxsize=1024)  # a city has few sets of languages, and most readers one of few
def _nearest(wanted: tuple[str, ...], tags: tuple[str, ...]) -> str:
    """The one of the tags that fits the first wanted language that any fits; "" when none does."""
    for language in wanted:
        begun = language
        while begun:
            if begun in tags:
                return begun
            begun = begun.rpartition("-")[0]
        script = _script_of(language)
        alike = [tag for tag in tags if tag.partition("-")[0] == language.partition("-")[0]]
        alike = [tag for tag in alike if not script or _script_of(tag) in ("", script)]
        if alike:
            usual = _USUAL_SCRIPTS.get(language, "")
            return next((tag for tag in alike if usual and _script_of(tag) == usual), alike[0])
    return ""


def _script_of(tag: str) -> str:
    return next((part for part in tag.split("-")[1:] if len(part) == 4 and part.isalpha()), "")


def _upper(part: str) -> str:
    return part.upper() if len(part) == 2 else part
