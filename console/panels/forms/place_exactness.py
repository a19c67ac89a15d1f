"""Holds a point against the areas that the words beside it name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.cache.catalog import Catalog
from console.rules.area import AreaIndex, AreaNames

BORDER_M = 50.0
"""So near a border either area may be the one that is meant."""


def exactness(
    catalog: Catalog, names: AreaNames, index: AreaIndex | None, values: Mapping[str, Any], tr: Callable[[str], str]
) -> tuple[str, str, str]:
    """Where a point lies; what is to be asked about it, "" when it lies where the words say; and the name of where
    it lies when they name another place.
    """
    if index is None:
        return "", tr("In which area it lies is not known yet"), ""
    if not len(index):
        return "", "", ""
    named = names.named_in(values["address"])
    at = index.area_at(values["lat"], values["lon"])
    if at is None:
        outside = tr("Outside the city") if named else ""
        return tr("Outside every area of the city"), tr("It lies outside the city"), outside
    here = catalog.place(at[0])
    point = tr("Point in {area}").format(area=here)
    around = index.areas_near(values["lat"], values["lon"], BORDER_M)
    beside = [code for code in around if not _lies_in(catalog, at[0], code)]
    if beside:
        others = ", ".join(catalog.areas[code].name for code in beside)
        point = tr("Point in {area}, at the border of {others}").format(area=here, others=others)
    # protects: both-sides-of-a-border
    if any(not _doubt(catalog, code, named, tr) for code in beside):
        return point, "", ""
    doubt = _doubt(catalog, at[0], named, tr)
    return point, doubt, here if doubt else ""


def _doubt(catalog: Catalog, at: str, named: Sequence[Sequence[str]], tr: Callable[[str], str]) -> str:
    """What is to be asked about a point in an area when the words name these areas; "" when they fit."""
    around = [[code for code in codes if _lies_in(catalog, at, code)] for codes in named]
    for codes, fitting in zip(named, around, strict=True):
        smaller = _smaller_within(catalog, codes, fitting)
        exact = any(
            one != codes and _are_within(catalog, those, fitting) for one, those in zip(named, around, strict=True)
        )
        if not fitting or (smaller and not exact):
            doubt = tr("It lies in {here}, not in {named}")
            if fitting:
                doubt = tr("It lies in {here}: the larger {named} is meant, not the smaller one")
            return doubt.format(here=catalog.areas[at].name, named=catalog.areas[codes[0]].name)
    return ""


def _smaller_within(catalog: Catalog, codes: Sequence[str], fitting: Sequence[str]) -> bool:
    """Whether the name of these areas is also that of a part of one that fits, which does not fit itself."""
    return any(_are_within(catalog, [code], fitting) for code in codes if code not in fitting)


def _are_within(catalog: Catalog, codes: Sequence[str], wholes: Sequence[str]) -> bool:
    """Whether one of these areas is a part of one of those."""
    return any(code != whole and _lies_in(catalog, code, whole) for code in codes for whole in wholes)


def _lies_in(catalog: Catalog, code: str | None, named: str) -> bool:
    """Whether an area is the named one, or a part of it."""
    seen: set[str] = set()
    while code is not None and code not in seen:
        if code == named:
            return True
        seen.add(code)
        area = catalog.areas.get(code)
        code = area.parent if area is not None else None
    return False
