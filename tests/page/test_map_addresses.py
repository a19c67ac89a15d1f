"""Which addresses mean what, and what the sandbox probe says."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.map.routes import Request, parse
from widgets.map.sandbox import sandbox_possible, sandboxed


def test_three_forms() -> None:
    found = parse("/data/reports/7/13.5/106.75,-6.25,106.9,-6.1/910x720")
    assert found == Request("reports", 7, 13.5, 106.75, -6.25, 106.9, -6.1, 910, 720)
    assert parse("/data/areas/3") == Request("areas", 3)
    assert parse("/data/closures/3") == Request("closures", 3)
    assert parse("/tiles/14/13055/8474") == Request("tiles", z=14, x=13055, y=8474)


@given(st.text(max_size=400) | st.from_regex(r"/(data|tiles)(/[-+.,0-9a-zx²٣]{0,12}){1,5}", fullmatch=True))
def test_anything_else_is_nothing_and_never_raises(path: str) -> None:
    found = parse(path)
    if found is not None and found.kind == "tiles":
        assert 0 <= found.x < 2**found.z
        assert 0 <= found.y < 2**found.z
    if found is not None and found.kind == "reports":
        assert -720 <= found.west < found.east <= 720
        assert 0 < found.width <= 8192


@pytest.mark.skipif(os.name != "posix", reason="POSIX users")
def test_sandbox_is_not_claimed() -> None:
    if os.geteuid() == 0:
        assert not sandbox_possible()
    assert not sandboxed(os.getpid())
