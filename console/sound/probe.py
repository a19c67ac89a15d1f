"""Whether this computer has an output for sound, asked once and without a window."""

from __future__ import annotations

import subprocess
import sys

from console.pipe import BrokenFrame, Frames
from console.sound.messages import FromSound, SoundAvailability, SoundOutput, SoundState

COMMAND = (sys.executable, "-P", "-m", "console.sound.player")
"""Starts the sound process."""


def find_output(timeout_s: float = 10.0) -> SoundState:
    """Which output there is, by a sound process that ends with its answer; nothing is heard."""
    try:
        child = subprocess.run(
            COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
        messages: list[FromSound] = list(Frames[FromSound](FromSound).feed(child.stdout))
    except subprocess.TimeoutExpired:
        return SoundState(SoundAvailability.FAILED, "the computer's sound system does not answer")
    except (OSError, BrokenFrame) as error:
        return SoundState(SoundAvailability.FAILED, str(error))
    names = [one.name for one in messages if isinstance(one, SoundOutput)]
    if not names:
        return SoundState(SoundAvailability.FAILED, f"the sound process ends by itself ({child.returncode})")
    return SoundState(SoundAvailability.READY, names[-1]) if names[-1] else SoundState(SoundAvailability.NO_OUTPUT)
