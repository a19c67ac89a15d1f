"""The categories that a report can be given, as a list to choose from."""

from __future__ import annotations

from console.cache.catalog import Catalog, offered
from console.rules.names import all_names
from widgets.forms.choice import ListChoice


def category_choices(catalog: Catalog) -> list[ListChoice]:
    """What a city offers, by the names that the operator reads; found by what they are called in any language."""
    return [
        ListChoice(
            one.code,
            one.name,
            glyph=one.glyph,
            words=" ".join(word for word in (one.keywords, *all_names(catalog.services[one.code])) if word != one.name),
        )
        for one in sorted(offered(catalog.shown), key=lambda one: one.name.casefold())
    ]
