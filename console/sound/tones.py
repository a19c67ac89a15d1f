"""The tones that call an operator: their pulses, and the samples that a loudspeaker is given. Nothing is recorded."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

SampleFormat = Literal["uint8", "int16", "int32", "float"]
LOUDNESSES = (1, 2, 3, 4, 5)
"""The steps of loudness, the last as loud as the computer is set."""
_STEP_DB = 6.0
_HARMONICS = (1.0, 0.5, 0.35, 0.25, 0.15)
"""How strong the fundamental and the frequencies above it are: some are heard over whatever noise a room has."""
_RISE_S, _FALL_S = 0.012, 0.04
"""A pulse that begins or ends at once clicks."""
_SILENCE_S = 0.2
"""Some outputs cut the last moment of what they are given."""


class Tone(StrEnum):
    """What is called out: each has a rhythm of its own, so that they can be told apart without an ear for pitch."""

    P1 = "p1"
    ALARM = "alarm"
    MESSAGE = "message"
    ALL_CLEAR = "all_clear"


class _Pulse(NamedTuple):
    """One sound of a tone: when it begins and how long it lasts, in seconds, and its fundamental in hertz."""

    at_s: float
    length_s: float
    hz: float


_PULSES: dict[Tone, tuple[_Pulse, ...]] = {
    # Numbers and grouping after the alarm signals of IEC 60601-1-8: five quick pulses, three slow ones, one or two.
    Tone.P1: (
        _Pulse(0.0, 0.13, 659.0),
        _Pulse(0.19, 0.13, 784.0),
        _Pulse(0.38, 0.13, 988.0),
        _Pulse(0.76, 0.13, 784.0),
        _Pulse(0.95, 0.13, 988.0),
    ),
    Tone.ALARM: (_Pulse(0.0, 0.2, 523.0), _Pulse(0.4, 0.2, 523.0), _Pulse(0.8, 0.2, 523.0)),
    Tone.MESSAGE: (_Pulse(0.0, 0.12, 587.0), _Pulse(0.16, 0.18, 784.0)),
    Tone.ALL_CLEAR: (_Pulse(0.0, 0.3, 784.0), _Pulse(0.34, 0.45, 523.0)),
}
_LEVELS = {Tone.P1: 1.0, Tone.ALARM: 0.7, Tone.MESSAGE: 0.35, Tone.ALL_CLEAR: 0.35}
"""How loud a tone is beside that of a P1."""


def samples(tone: Tone, loudness: int, rate_hz: int) -> array[float]:
    """The tone as numbers from -1 to 1, so many a second, with a moment of silence behind it.

    `loudness` is one of LOUDNESSES; each step is 6 dB, about half as loud again.
    """
    pulses = _PULSES[tone]
    amplitude = _LEVELS[tone] * 10 ** (-_STEP_DB * (LOUDNESSES[-1] - loudness) / 20) / sum(_HARMONICS)
    last = pulses[-1]
    made = array("f", bytes(4 * round((last.at_s + last.length_s + _SILENCE_S) * rate_hz)))
    heard = [number for number in range(1, len(_HARMONICS) + 1) if number * max(one.hz for one in pulses) < rate_hz / 2]
    for pulse in pulses:
        begin, count = round(pulse.at_s * rate_hz), round(pulse.length_s * rate_hz)
        for number in range(count):
            time_s = number / rate_hz
            turn = 2 * math.pi * pulse.hz * time_s
            envelope = min(1.0, time_s / _RISE_S, (pulse.length_s - time_s) / _FALL_S)
            wave = sum(_HARMONICS[one - 1] * math.sin(one * turn) for one in heard)
            made[begin + number] = amplitude * envelope * wave
    return made


def encode(mono: Sequence[float], sample_format: SampleFormat, channels: int) -> bytes:
    """Samples as an output wants them: each value once for every channel, in this computer's byte order."""
    if sample_format == "float":
        return array("f", [value for value in mono for _ in range(channels)]).tobytes()
    if sample_format == "uint8":  # whose silence is 128
        return bytes(round(128 + 127 * value) for value in mono for _ in range(channels))
    code, most = ("h", 2**15 - 1) if sample_format == "int16" else ("i", 2**31 - 1)
    return array(code, [round(most * value) for value in mono for _ in range(channels)]).tobytes()
