"""Who has taken a report, whom it is offered to, and who may take it over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from api_client.model import Claim, ClaimOffer, Kind, Report, Status
from console.rules.apply import NotAllowed, ReportState, apply_edit
from console.rules.edit import Edit
from console.rules.report import holder_of

AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
REPORT = Report("931427", 3, Status.NEW, "flood", 3, "Water", AT, AT)


def after(claim: Claim | None, kind: Kind, who: str, **data: str) -> Report:
    """The report after an edit by this user, ten minutes later."""
    state = ReportState(replace(REPORT, claim=claim))
    at = AT + timedelta(minutes=10)
    return apply_edit(state, Edit("e", kind, REPORT.id, who, "desk", 1, at, data), at, role="operator").report


@pytest.mark.parametrize(("kind", "data"), [(Kind.CLAIM, {}), (Kind.DISPATCH, {"unit": "u"})])
def test_who_has_signed_out_is_followed_by_whoever_goes_on(kind: Kind, data: dict[str, str]) -> None:
    held = Claim("ani", AT)
    offered = replace(held, offer=ClaimOffer(AT, "ani"))
    assert [holder_of(replace(REPORT, claim=one)) for one in (None, held, offered)] == [None, "ani", None]
    taken = Claim("budi", AT + timedelta(minutes=10))
    assert after(None, kind, "budi", **data).claim == taken
    assert after(offered, kind, "budi", **data).claim == taken
    assert after(held, kind, "ani", **data).claim == held


def test_what_another_has_is_not_taken_over() -> None:
    with pytest.raises(NotAllowed):
        after(Claim("ani", AT), Kind.CLAIM, "budi")
    assert after(Claim("ani", AT), Kind.DISPATCH, "budi", unit="u").claim == Claim("ani", AT)
