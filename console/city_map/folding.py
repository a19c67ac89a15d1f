"""Fold a name, or what somebody says for it, to words that can be compared: "Jln. M.H. Thamrin" -> "jalan mh thamrin".

The places of a map are folded by it when they are written and what is looked for when it is asked: a change here needs
maps to be built anew (`manifest.FORMAT`).
"""

from __future__ import annotations

import re
import unicodedata

_WORDS = {
    "jl": "jalan", "jln": "jalan", "gg": "gang", "gng": "gang", "kel": "kelurahan", "kec": "kecamatan",
    "jend": "jenderal", "jendral": "jenderal", "ltjen": "letjen", "kp": "kampung", "kpg": "kampung", "st": "stasiun",
    "sta": "stasiun", "ps": "pasar", "psr": "pasar", "tmn": "taman", "komp": "komplek", "kompleks": "komplek",
    "perum": "perumahan", "rs": "rumahsakit", "r": "rua", "av": "avenida",
}  # fmt: skip
"""Abbreviations of the cities that the maps were tried with; one that means something else elsewhere is no harm, as
both sides are folded alike."""
_NUMERALS = {
    "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
    "xi": "11", "xii": "12", "xiii": "13", "xiv": "14", "xv": "15",
}  # fmt: skip
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.\s?){2,}")
_APOSTROPHES = str.maketrans("", "", "’'ʼ`´")
_WORD = re.compile(r"[^\W_]+")
_HOSPITAL = re.compile(r"\brumah sakit\b")


def fold(text: str) -> str:
    """Lower case without diacritics, abbreviations spelled out, initials joined, numerals after a word as figures."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_APOSTROPHES))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _INITIALS.sub(lambda found: re.sub(r"[.\s]", "", found[0]) + " ", plain)
    words = _WORD.findall(plain)
    folded = [_NUMERALS[word] if at and word in _NUMERALS else _WORDS.get(word, word) for at, word in enumerate(words)]
    return _HOSPITAL.sub("rumahsakit", " ".join(folded))
