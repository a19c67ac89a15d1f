"""What is taken out of public texts, and what stays."""

from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.server.city.redaction import MASK, mask_personal


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("Call 0812-3456-7890 or +62 812 3456 7890!", f"Call {MASK} or {MASK}!"),
        ("(021) 555-12345, 0812 3456 789.", f"{MASK}, {MASK}."),
        ("WA:081234567890x", f"WA:{MASK}x"),
        ("KTP 3174012345678901", f"KTP {MASK}"),
        ("WA08123456789, Telp.0812-3456-7890, hp/08123456789", f"WA{MASK}, Telp.{MASK}, hp/{MASK}"),
        ("wa.me/628123456789 NIK3174012345678901", f"wa.me/{MASK} NIK{MASK}"),
        ("0812_3456_7890 0812 … 3456 … 7890", f"{MASK}"),
        ("https://x.test/r/12345678, SR-1234567, B-12345678", None),
        ("budi.s@contoh.co.id. <x@y.org>", f"{MASK}. <{MASK}>"),
        ("Seen 2026-11-24 08:00, 24/11/2026, 24.11.2026", "Seen 2026-11-24 08:00, 24/11/2026, 24.11.2026"),
        ("At -6.2000000, 106.8166660, at:-6.1234567890123,x=106.8166660", None),
        ("Jl. Sudirman 123 RT 05/07, 12920, Rp 1.500.000, B 1234 XYZ", None),
        ("0812\n3456\n7890 0812\u200b3456\u200b7890", MASK),
        ("0812,3456,7890; 0812•3456•7890", f"{MASK}; {MASK}"),
        ("0\u200b8\u200b1\u200b2\u200b3\u200b4\u200b5\u200b6", MASK),
        ("siti(at)warga.example, siti [at] warga (dot) example", f"{MASK}, {MASK}"),
        ("siti＠warga.example ０８１２３４５６７８９", f"{MASK} {MASK}"),
        ("no address@ here, @handle, a@b", None),
        ("", None),
    ],
)
def test_addresses_and_numbers_are_masked_and_the_rest_stays(text: str, public: str | None) -> None:
    assert mask_personal(text) == (text if public is None else public)


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1a",
        "a@",
        "a@b.",
        "1 1 1 1 1 1 1    ",
        "1-",
        "12345678x",
        "+(0",
        "a.",
        "08",
        "(at)",
        "1,",
        "é",
        "2026-11-2",
    ],
)
def test_the_work_grows_with_the_text_and_not_faster(piece: str) -> None:
    def steps(length: int) -> float:
        text = (piece * length)[:length]
        return min(timeit.repeat(lambda: mask_personal(text), number=1, repeat=5))

    # Ten times the text takes ten times as long. What took a hundred times as long (or more) is what this looks for.
    assert steps(200_000) < 40 * steps(20_000)


@given(st.text(), st.from_regex(r"08[0-9]{8,10}", fullmatch=True), st.text())
def test_a_number_between_spaces_never_stays(before: str, number: str, after: str) -> None:
    assert number not in mask_personal(f"{before.replace(number, '')} {number} {after.replace(number, '')}")
