"""The four tones: told apart by their rhythm, loud enough and never too loud, as every kind of output wants them."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import numpy.typing as npt
import pytest

from console.sound.tones import LOUDNESSES, Tone, encode, samples

RATE_HZ = 16_000
MADE = {tone: np.array(samples(tone, LOUDNESSES[-1], RATE_HZ)) for tone in Tone}


def rhythm(tone: Tone) -> list[tuple[int, int]]:
    """When the tone sounds: (first, last) of each pulse in hundredths of a second."""
    span = RATE_HZ // 100
    loud = np.abs(MADE[tone][: len(MADE[tone]) // span * span]).reshape(-1, span).max(axis=1) > 0.02
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def test_each_tone_has_a_rhythm_of_its_own_and_that_of_a_p1_has_the_most_pulses() -> None:
    counts = {tone: len(rhythm(tone)) for tone in Tone}
    assert counts == {Tone.P1: 5, Tone.ALARM: 3, Tone.MESSAGE: 2, Tone.ALL_CLEAR: 2}
    assert all(one != other for one, other in itertools.combinations([rhythm(tone) for tone in Tone], 2))
    lengths = {tone: sum(last - first for first, last in rhythm(tone)) for tone in (Tone.MESSAGE, Tone.ALL_CLEAR)}
    assert lengths[Tone.ALL_CLEAR] > 2 * lengths[Tone.MESSAGE], "two pulses each: one is short, the other long"


def test_no_tone_is_longer_than_a_second_and_a_half_clips_or_clicks() -> None:
    for tone, made in MADE.items():
        assert 0.2 < len(made) / RATE_HZ < 1.5, tone
        assert 0.1 < np.abs(made).max() <= 1.0, tone
        assert np.abs(made[-RATE_HZ // 10 :]).max() == 0, "what an output cuts is silence"
        first, last = rhythm(tone)[0]
        assert np.abs(made[[first * RATE_HZ // 100, last * RATE_HZ // 100]]).max() < 0.1, "it begins and ends softly"


def octaves(made: npt.NDArray[np.float64]) -> list[bool]:
    """Whether each octave from 500 to 4000 Hz holds a share of the tone that can be heard."""
    power = np.abs(np.fft.rfft(made)) ** 2
    hz = np.fft.rfftfreq(len(made), 1 / RATE_HZ)
    return [power[(hz >= low) & (hz < 2 * low)].sum() > 0.01 * power.sum() for low in (500, 1000, 2000)]


def test_a_tone_is_heard_in_several_octaves_so_that_no_noise_covers_it_whole() -> None:
    assert {tone: octaves(made) for tone, made in MADE.items()} == {tone: [True] * 3 for tone in Tone}


def test_a_step_of_loudness_is_six_decibels_and_a_message_is_softer_than_a_p1() -> None:
    peaks = [np.abs(np.array(samples(Tone.ALARM, step, RATE_HZ))).max() for step in LOUDNESSES]
    assert np.allclose(20 * np.log10(np.array(peaks[1:]) / peaks[:-1]), 6.0, atol=0.01)
    loudest = {tone: float(np.abs(made).max()) for tone, made in MADE.items()}
    assert loudest[Tone.P1] > loudest[Tone.ALARM] > loudest[Tone.MESSAGE]


def test_a_slow_output_gets_no_frequencies_that_it_cannot_play() -> None:
    """Above half its rate a frequency comes back as another, false one: 5 x 988 Hz as 3060."""
    slow = np.array(samples(Tone.P1, 5, 8000))
    power = np.abs(np.fft.rfft(slow)) ** 2
    hz = np.fft.rfftfreq(len(slow), 1 / 8000)
    assert power[(hz > 3045) & (hz < 3075)].sum() < 0.0005 * power.sum()


@pytest.mark.parametrize(
    ("sample_format", "code", "silence", "most"),
    [("uint8", "B", 128, 127), ("int16", "h", 0, 2**15 - 1), ("int32", "i", 0, 2**31 - 1), ("float", "f", 0, 1)],
)
def test_every_format_of_an_output_carries_the_same_wave_in_every_channel(
    sample_format: str, code: str, silence: int, most: int
) -> None:
    body = encode([0.0, 1.0, -1.0, 0.5], sample_format, 2)  # type: ignore[arg-type]
    values = struct.unpack(f"={len(body) // struct.calcsize(code)}{code}", body)
    assert values[::2] == values[1::2], "left and right"
    assert [(value - silence) / most for value in values[::2]] == pytest.approx([0, 1, -1, 0.5], abs=0.01)
