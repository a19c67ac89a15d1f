"""What axe-core finds wrong in a page that is open: rules of WCAG 2 A and AA, in the light and in the dark."""

from __future__ import annotations

import functools
from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "tools/web/node_modules/axe-core/axe.min.js"
HAS_AXE = _AXE.exists()
"""Whether tools/web has it, which `make set-up-checks` and `make test` see to."""
_FAULTS = """async (rules) => {
  for (const one of document.getAnimations()) one.finish(); // a colour on its way to another one is not what is read
  return (await axe.run(document, rules)).violations.flatMap(({id, help, nodes}) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)} ${node.any[0]?.message ?? ""}`));
}"""
_ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
_CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


def assert_accessible(page: Page) -> None:
    """Nothing is wrong with the page as it is: by all rules in the light, by that of contrast in the dark.

    Without axe nothing is looked at, and test_pages_hold says so.
    """
    if not HAS_AXE:
        return
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    page.emulate_media(color_scheme="dark")
    found = page.evaluate(_FAULTS, _CONTRAST)
    page.emulate_media(color_scheme="light")
    assert [*found, *page.evaluate(_FAULTS, _ALL)] == [], page.url


@functools.cache
def _source() -> str:
    return _AXE.read_text("utf-8")
