"""What a window and its sound process say to each other, and what a window knows of its sound."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from console.sound.tones import Tone

EXIT_NO_OUTPUT = 3
"""The sound process ends with this code where the computer has no output: there is nothing for it to do."""


class Play(msgspec.Struct, frozen=True, tag="play"):
    """Play a tone now, in the place of one that plays still; `number` stands in the answer."""

    number: int
    tone: Tone
    loudness: int


class SoundOutput(msgspec.Struct, frozen=True, tag="output"):
    """Where tones are heard from now on, by the name that the computer gives it; "" for nowhere."""

    name: str


class TonePlayed(msgspec.Struct, frozen=True, tag="played"):
    """The output took the whole tone."""

    number: int


class ToneFailed(msgspec.Struct, frozen=True, tag="failed"):
    """The output did not take the tone, and why."""

    number: int
    why: str


FromSound = SoundOutput | TonePlayed | ToneFailed


class SoundAvailability(StrEnum):
    """Whether tones can be heard at this computer."""

    UNKNOWN = "unknown"
    """It was not asked yet."""
    READY = "ready"
    NO_OUTPUT = "no output"
    FAILED = "failed"
    """There is an output, or there may be, and it does not play."""
    OFF = "off"
    """Whoever began this window wanted none."""


class SoundState(msgspec.Struct, frozen=True):
    """Whether tones can be heard; `detail` is the output's name, or what failed."""

    availability: SoundAvailability
    detail: str = ""
