"""The questions that a service asks, as the telephone form asks them, and the answers as an edit carries them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from api_client.model import Datatype, Service, ServiceAttribute
from console.rules.answers import answer_fault
from widgets.forms.questions import CategoryQuestion

_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_KINDS = {Datatype.TEXT: "text", Datatype.SINGLEVALUELIST: "one", Datatype.MULTIVALUELIST: "many"}


class ServiceQuestions:
    """What the services of a city ask; `zone` is the city's, `now` the time there."""

    def __init__(self, zone: tzinfo, now: Callable[[], datetime], tr: Callable[[str], str]) -> None:
        self._zone, self._now, self._tr = zone, now, tr

    def asked_by(self, service: Service | None) -> list[CategoryQuestion]:
        """The questions of a service in its order; of None there are none."""
        if service is None:
            return []
        return [
            CategoryQuestion(
                code=one.code,
                words=one.description or one.code,
                kind=_KINDS.get(one.datatype, "line") if one.variable else "read",  # type: ignore[arg-type]
                required=one.required and one.variable,
                hint=self._hint(one),
                choices=tuple((choice.key, choice.name or choice.key) for choice in one.values),
            )
            for one in service.questions
        ]

    def fault(self, service: Service | None, code: str, typed: Sequence[str]) -> str:
        """What is wrong with an answer as it was typed; "" for nothing."""
        question = _question(service, code)
        if question is None or not answer_fault(question, self._values(question, typed)):
            return ""
        match question.datatype:
            case Datatype.NUMBER:
                return self._tr("has to be a number")
            case Datatype.DATETIME:
                return self._tr("has to be a time, such as 14:30 or 2026-11-24 14:30")
            case _:
                return self._tr("this cannot be the answer")

    def answers(self, service: Service | None, typed: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """The answers that an edit carries: times with their zone, numbers with a point; only to what is asked."""
        asked = {code: _question(service, code) for code in typed}
        return {
            code: list(self._values(question, typed[code])) for code, question in asked.items() if question is not None
        }

    def _values(self, question: ServiceAttribute, typed: Sequence[str]) -> tuple[str, ...]:
        match question.datatype:
            case Datatype.NUMBER:
                return tuple(one.replace(",", ".") if one.count(",") == 1 and "." not in one else one for one in typed)
            case Datatype.DATETIME:
                return tuple(self._time(one) for one in typed)
            case _:
                return tuple(typed)

    def _time(self, typed: str) -> str:
        """A time as it is said on the telephone, with date and zone; what is none stays as it is."""
        now = self._now().astimezone(self._zone)
        if clock := _CLOCK.fullmatch(typed.strip()):
            at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return (at if at <= now else at - timedelta(days=1)).isoformat()
        try:
            at = datetime.fromisoformat(typed.strip())
        except ValueError:
            return typed
        return (at if at.tzinfo is not None else at.replace(tzinfo=self._zone)).isoformat()

    def _hint(self, question: ServiceAttribute) -> str:
        by_type = {Datatype.NUMBER: self._tr("a number"), Datatype.DATETIME: self._tr("14:30, or 2026-11-24 14:30")}
        return " · ".join(part for part in (question.datatype_description, by_type.get(question.datatype, "")) if part)


def _question(service: Service | None, code: str) -> ServiceAttribute | None:
    asked = service.attributes if service is not None else ()
    return next((one for one in asked if one.code == code and one.variable), None)
