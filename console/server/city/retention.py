"""How long a city keeps what is personal: stands with its name and time zone, and is kept to by `City.tidy`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

RETENTION = "retention"
"""The key of the city's facts."""

Days = Annotated[int, Meta(ge=1, le=36_500)]
TextDays = Annotated[int, Meta(ge=31, le=36_500)]
"""Answers to edits are kept for 30 days, and hold words."""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many days are kept: contacts, texts with photos, and messages with a report after it was closed, other
    messages after they were written, hand-overs after the shift, the last positions of units after they came.

    None: for as long as the report, or until a newer one comes.
    """

    contacts_days: Days = 90
    texts_days: TextDays | None = None
    messages_days: Days = 90
    handovers_days: Days = 90
    positions_days: Days | None = None

    @property
    def texts(self) -> timedelta | None:
        """How long texts and photos are kept."""
        return timedelta(days=self.texts_days) if self.texts_days is not None else None
