"""What somebody else changed on a report while a form about it was open, in words, with both values."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from console.cache.catalog import Catalog
from console.panels.report.conflict_text import field_label, field_value
from console.panels.report.details import ReportDetails


def changed_meanwhile(
    before: ReportDetails,
    now: ReportDetails,
    fields: Collection[str],
    catalog: Catalog,
    me: str,
    tr: Callable[[str], str],
) -> tuple[str, str]:
    """`budi changed meanwhile: Priority P3 routine, now P2 urgent`, and the same without the name; ("", "") for no
    change.

    `before` is the report as it was when the form was opened.
    """
    was, is_ = (msgspec.to_builtins(one.shown) for one in (before, now))
    parts = []
    for name in fields:
        old, new = was.get(name), is_.get(name)
        if old != new:
            values = [field_value(name, value, catalog, tr).text for value in (old, new)]
            parts.append(
                tr("{field} {old}, now {new}").format(field=field_label(name, tr), old=values[0], new=values[1])
            )
    if not parts:
        return "", ""
    known = {entry.id for entry in before.entries}
    who = sorted({entry.author for entry in now.entries if entry.id not in known} - {me, ""})
    text = tr("{who} changed meanwhile: {what}") if who else tr("Changed meanwhile: {what}")
    what = "; ".join(parts)
    return text.format(who=", ".join(who), what=what), what
