"""A Plus Code means one cell; a short one the cell that is the nearest to a known place."""

from __future__ import annotations

import pytest

from console.city_map.plus_code import cell_of, is_plus_code, is_short


@pytest.mark.parametrize(
    ("code", "south", "west", "height"),
    [
        ("22222222+", -90.0, -180.0, 0.0025),
        ("6P580000+", -7.0, 106.0, 1.0),
        ("6P58QR00+", -6.25, 106.8, 0.05),
        ("6P58QRXM+", -6.2025, 106.8325, 0.0025),
        ("6P58QRXM+2Q", -6.2025, 106.834375, 0.000125),
        ("6p58qrxm+2q", -6.2025, 106.834375, 0.000125),
        ("6P58QRXM+2Q2", -6.2025, 106.834375, 0.000025),
        ("6P58QRXM+2QX", -6.2024, 106.83446875, 0.000025),
        ("8FVC2222+22", 47.0, 8.0, 0.000125),
        ("CFX30000+", 89.0, 1.0, 1.0),
    ],
)
def test_a_whole_code_is_a_cell(code: str, south: float, west: float, height: float) -> None:
    cell = cell_of(code)
    assert cell is not None
    assert (cell.south, cell.west, cell.height) == pytest.approx((south, west, height), abs=1e-9)


@pytest.mark.parametrize(
    ("code", "near", "whole"),
    [
        ("QRXM+2Q", (-6.2, 106.8), "6P58QRXM+2Q"),
        ("QRXM+2Q", (-6.6, 106.4), "6P58QRXM+2Q"),
        ("XM+2Q", (-6.21, 106.83), "6P58QRXM+2Q"),
        # Across the edge of the larger cell in which the known place lies, in all four directions.
        ("2222+22", (-7.001, 105.999), "6P582222+22"),
        ("XXXX+XX", (-5.999, 107.001), "6P58XXXX+XX"),
        ("2222+22", (89.9, 0.0), "CFX22222+22"),
        ("2222+22", (0.0, 179.9), "62G22222+22"),
    ],
)
def test_a_short_code_is_near_a_place(code: str, near: tuple[float, float], whole: str) -> None:
    short, full = cell_of(code, near), cell_of(whole)
    assert short is not None
    assert full is not None
    assert short.middle == pytest.approx(full.middle, abs=1e-9)
    assert is_short(code)
    assert cell_of(code) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "G+",
        "8FWC2345+G",
        "8FWC2_45+G6",
        "8FWC2345+G6+",
        "8FWC2345G6+",
        "8FWC2300+G6",
        "WC2300+",
        "X2222222+",
        "2X222222+",
        "8FWCX40+",
        "849VGJQF+VX7QR3U",
        "QRX+2Q",
        "AAAA+AA",
        "00000000+",
    ],
)
def test_other_words_are_no_code(text: str) -> None:
    assert not is_plus_code(text)
    assert cell_of(text, (0.0, 0.0)) is None
