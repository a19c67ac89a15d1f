"""Proofs are flagged for their time, their place and their picture when they come; a flag decides nothing."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from api_client.model import Status
from console.images.worker import make
from console.rules.proof_check import SAME_BITS
from console.server.city.city import City
from console.server.city.records import LoadedReport
from console.server.demo.pictures import Forgery, Shot, jpeg
from tests.helpers.proofs import VARIANTS, ProofTrial, changed
from tests.unit.server.conftest import START, Api, Clock, a_report

_OF_EACH = 100
HERE = (-6.85, 106.15)
FLAG_OF = {
    Forgery.COMPLAINT: "same_as_report",
    Forgery.OLD_PROOF: "same_as_proof",
    Forgery.ELSEWHERE: "far",
    Forgery.EARLIER: "before_report",
    Forgery.BARE: "no_time",
}


@pytest.fixture
def placed(city: City) -> City:
    city.load([LoadedReport(a_report(key, lat=HERE[0], lon=HERE[1])) for key in ("20", "21")])
    return city


def put(api: Api, content: bytes) -> str:
    """The photo's bytes come, as every console and telephone sends them."""
    sha256 = hashlib.sha256(content).hexdigest()
    answer = api.session.put(f"{api.url}/dispatch/v1/media/{sha256}", data=content, timeout=60)
    assert answer.status_code == 201, answer.text
    return sha256


def packed(content: bytes, quality: int = 60) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def prove(api: Api, report: str, sha256: str, **said: Any) -> list[dict[str, Any]]:
    """The flags of a proof that is added."""
    answer = api.ok(report, "photo", {"sha256": sha256, "role": "after"} | said)
    return next(photo["flags"] for photo in answer["report"]["photos"] if photo["sha256"] == sha256)


def at_work(api: Api, report: str, unit: str = "u1") -> None:
    api.ok(report, "dispatch", {"unit": unit})
    api.ok(report, "progress", {"unit": unit, "state": "on_scene"})


def said(clock: Clock, **more: Any) -> dict[str, Any]:
    return {"taken": clock.now.isoformat(), "lat": HERE[0], "lon": HERE[1]} | more


def test_a_proof_taken_at_the_place_after_the_crew_was_sent_has_no_flag(placed: City, api: Api, clock: Clock) -> None:
    at_work(api, "20")
    assert prove(api, "20", put(api, jpeg(Shot("sampah", "1", True), 1)), **said(clock)) == []


def test_a_proof_says_what_its_time_and_place_speak_against_it(placed: City, api: Api, clock: Clock) -> None:
    """As it says itself, before its bytes have come."""
    assert [flag["kind"] for flag in prove(api, "20", "1" * 64)] == ["no_time", "no_place"]
    (far,) = prove(api, "20", "2" * 64, **said(clock, lat=HERE[0] + 0.03))
    assert (far["kind"], round(far["metres"])) == ("far", 3336)
    (early,) = prove(api, "20", "3" * 64, **said(clock, taken=(START - timedelta(hours=2)).isoformat()))
    assert (early["kind"], early["seconds"]) == ("before_report", 7200)
    clock.skip(hours=5)
    at_work(api, "20")
    (idle,) = prove(api, "20", "4" * 64, **said(clock, taken=(clock.now - timedelta(hours=3)).isoformat()))
    assert (idle["kind"], round(idle["seconds"] / 3600)) == ("before_work", 3)


def test_a_photo_that_proves_nothing_is_not_looked_at(placed: City, api: Api) -> None:
    answer = api.ok("20", "photo", {"sha256": "1" * 64, "role": "before"})
    assert [photo["flags"] for photo in answer["report"]["photos"]] == [[]]


def test_a_client_does_not_set_flags(placed: City, api: Api, clock: Clock) -> None:
    forged = [{"kind": "far", "metres": 1.0}]
    answer = api.edit("20", "photo", {"sha256": "1" * 64, "role": "after", "flags": forged} | said(clock))
    photos = api.report("20")["photos"]
    assert (answer.status_code, photos) == (422, []) or photos[0]["flags"] == []


def test_what_the_file_bears_counts_more_than_what_is_said_of_it(placed: City, api: Api, clock: Clock) -> None:
    there = put(api, jpeg(Shot("sampah", "1", True, at=START - timedelta(days=2), lat=-6.8, lon=106.15), 1))
    assert [flag["kind"] for flag in prove(api, "20", there, **said(clock))] == ["before_report", "far"]


def test_a_proof_with_the_complaints_picture_is_flagged(placed: City, api: Api, clock: Clock) -> None:
    complaint = jpeg(Shot("pohon-tumbang", "1"), 1)
    api.ok("20", "photo", {"sha256": put(api, complaint), "role": "report"})
    (flag,) = prove(api, "20", put(api, packed(complaint)), **said(clock))
    assert (flag["kind"], flag["report"]) == ("same_as_report", None)
    work = put(api, jpeg(Shot("pohon-tumbang", "1", True), 1))
    assert prove(api, "20", work, **said(clock)) == [], "the same street from the same place, without the tree"


def test_the_complaint_may_be_that_of_a_report_merged_into_it(placed: City, api: Api, clock: Clock) -> None:
    complaint = jpeg(Shot("pohon-tumbang", "1"), 1)
    api.ok("21", "photo", {"sha256": put(api, complaint), "role": "report"})
    api.ok("21", "merge", {"into": "20"})
    (flag,) = prove(api, "20", put(api, packed(complaint)), **said(clock))
    assert (flag["kind"], flag["report"]) == ("same_as_report", "21")


def test_a_proof_with_the_picture_of_an_older_one_is_flagged_with_its_report_and_day(
    placed: City, api: Api, clock: Clock
) -> None:
    proof = jpeg(Shot("sampah", "1", True), 1)
    assert prove(api, "20", put(api, proof), **said(clock)) == []
    clock.skip(days=12)
    (flag,) = prove(api, "21", put(api, packed(proof)), **said(clock))
    assert (flag["kind"], flag["report"], flag["at"][:10]) == ("same_as_proof", "20", "2026-03-02")
    clock.skip(days=1)
    assert prove(api, "10", hashlib.sha256(proof).hexdigest(), **said(clock)) != [], "the very same file"


def test_two_photos_of_one_round_may_be_alike_and_those_of_two_rounds_may_not(
    placed: City, api: Api, clock: Clock
) -> None:
    proof = jpeg(Shot("sampah", "1", True), 1)
    at_work(api, "20")
    assert prove(api, "20", put(api, proof), **said(clock)) == []
    assert prove(api, "20", put(api, packed(proof, 70)), **said(clock)) == []
    api.ok("20", "progress", {"unit": "u1", "state": "done"})
    api.ok("20", "validate", {"accepted": False, "reason": "not done"})
    clock.skip(hours=1)
    (flag,) = prove(api, "20", put(api, packed(proof, 60)), **said(clock))
    assert (flag["kind"], flag["report"]) == ("same_as_proof", "20")


def test_a_proof_that_was_taken_back_stands_against_no_other(placed: City, api: Api, clock: Clock) -> None:
    """A crew sends it to the wrong report, and then to the right one."""
    proof = put(api, jpeg(Shot("sampah", "1", True), 1))
    answer = api.ok("20", "photo", {"sha256": proof, "role": "after"} | said(clock))
    api.ok("20", "photo", {}, undoes=answer["entry"]["edit"])
    assert prove(api, "21", proof, **said(clock)) == []


def test_a_proof_whose_bytes_come_later_is_looked_at_when_they_come(placed: City, api: Api, clock: Clock) -> None:
    proof = jpeg(Shot("sampah", "1", True), 1)
    prove(api, "20", put(api, proof), **said(clock))
    again = packed(proof)
    sha256 = hashlib.sha256(again).hexdigest()
    assert prove(api, "21", sha256, **said(clock)) == []
    before = api.report("21")
    seq = api.get("/changes?after=0").json()["upto"]
    put(api, again)
    now = api.report("21")
    assert [flag["kind"] for flag in now["photos"][0]["flags"]] == ["same_as_proof"]
    assert now["version"] > before["version"]
    assert [item["id"] for item in api.get(f"/changes?after={seq}").json()["items"]] == ["21"]


def test_a_flag_keeps_nobody_from_going_on(placed: City, api: Api) -> None:
    at_work(api, "20")
    prove(api, "20", "1" * 64)
    assert api.ok("20", "progress", {"unit": "u1", "state": "done"})["report"]["status"] == Status.VALIDATION
    assert api.ok("20", "validate", {"accepted": True})["report"]["status"] == Status.RESOLVED


def test_the_public_sees_no_flags(placed: City, api: Api) -> None:
    prove(api, "20", "1" * 64)
    for path in ("/public/v1/reports/20", "/open311/v2/requests/20.json"):
        answer = api.session.get(f"{api.url}{path}", timeout=60)
        assert answer.status_code == 200, path
        assert "flag" not in answer.text, path


def trial(folder: Path, count: int) -> tuple[Counter[tuple[str, bool]], list[str]]:
    """How many proofs of each kind were flagged for what is wrong with them, and the honest ones that were flagged."""
    counts, wrong = Counter[tuple[str, bool]](), []
    for report, forgery, flags in ProofTrial(folder, 7).proofs(count, 0.4):
        if forgery is None:
            counts["honest", bool(flags)] += 1
            wrong += [f"{report}: {sorted(flags)}"] * bool(flags)
        else:
            counts[forgery.name.lower(), FLAG_OF[forgery] in flags] += 1
    return counts, wrong


def test_every_forged_proof_of_sixty_is_flagged_and_no_honest_one(tmp_path: Path) -> None:
    counts, wrong = trial(tmp_path, 60)
    assert wrong == []
    assert [name for (name, flagged), _ in counts.items() if name != "honest" and not flagged] == []
    assert {name for name, _ in counts} == {"honest", *(one.name.lower() for one in Forgery)}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_forged_proof_of_a_thousand_is_flagged_and_no_honest_one(tmp_path: Path) -> None:
    counts, wrong = trial(tmp_path, 1000)
    print(sorted(counts.items()))
    assert wrong == []
    assert [name for (name, flagged), _ in counts.items() if name != "honest" and not flagged] == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_how_many_changed_pictures_are_known_again(tmp_path: Path) -> None:
    """The checks are made for a picture that is packed again; of what else is done to one the rates are told."""
    city = ProofTrial(tmp_path, 8)
    rates = {}
    for variant in VARIANTS:
        found = 0
        for _ in range(_OF_EACH):
            report, complaint = city.open_report()
            found += "same_as_report" in city.send(report, changed(complaint, variant))
        rates[variant] = found
    print(rates)
    for variant in ("packed again, quality 85", "packed again, quality 50", "half the size", "grey"):
        assert rates[variant] == _OF_EACH, variant


def test_the_hash_of_a_picture_does_not_depend_on_how_it_was_packed() -> None:
    here, there = (make(jpeg(Shot("banjir", key), 1)).picture_hash for key in ("1", "2"))
    again = make(packed(jpeg(Shot("banjir", "1"), 1), 50)).picture_hash
    assert len(here) == 32
    assert _differing(here, again) <= SAME_BITS < 2 * SAME_BITS < _differing(here, there)


def _differing(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
