"""Fold a name, or what somebody says for it, to words that can be compared: "Jln. M.H. Thamrin" -> "jalan mh thamrin".

The places of a map are folded by it when they are written and what is looked for when it is asked: a change here needs
maps to be built anew (`manifest.FORMAT`).
"""

from __future__ import annotations

import functools
import re
import unicodedata

_WORDS = {
    "jl": "jalan", "jln": "jalan", "gg": "gang", "gng": "gang", "kel": "kelurahan", "kec": "kecamatan",
    "jend": "jenderal", "jendral": "jenderal", "ltjen": "letjen", "kp": "kampung", "kpg": "kampung", "st": "stasiun",
    "sta": "stasiun", "stn": "stasiun", "station": "stasiun", "ps": "pasar", "psr": "pasar", "tmn": "taman",
    "komp": "komplek", "kompleks": "komplek", "perum": "perumahan", "rs": "rumahsakit", "hospital": "rumahsakit",
    "mesjid": "masjid", "mosque": "masjid", "bridge": "jembatan", "ponte": "jembatan", "river": "sungai",
    "airport": "bandara", "estacao": "stasiun", "aeroporto": "bandara", "toll": "tol", "r": "rua", "av": "avenida",
    "kb": "kebon",
}  # fmt: skip
"""Abbreviations, and words of callers of other tongues, of the cities that the maps were tried with; one that means
something else elsewhere is no harm, as both sides are folded alike."""
ALSO = {
    "stasiun": ("santa", "saint"), "metro": ("stasiun",),
    "s": ("sao", "santo", "santa", "san"), "d": ("dom", "dona"), "dr": ("doutor",),
    "prof": ("professor", "professora"), "eng": ("engenheiro",), "cons": ("conselheiro",), "brig": ("brigadeiro",),
    "cel": ("coronel",), "gen": ("general",), "gal": ("general", "galeria"), "mal": ("marechal",),
    "visc": ("visconde",), "pca": ("praca",), "pc": ("praca",), "lg": ("largo",), "lgo": ("largo",),
    "tv": ("travessa",), "trav": ("travessa",), "al": ("alameda",), "estr": ("estrada",), "rod": ("rodovia",),
    "k": ("katu",), "kt": ("katu",), "t": ("tie",), "rd": ("road",), "str": ("street",), "jb": ("jembatan",),
    "pasar": ("praca",), "tj": ("tanjung",), "moh": ("mohammad", "muhammad"), "sekolah": ("sdn", "smpn", "sman"),
    "school": ("sdn", "smpn", "sman", "sekolah", "escola", "koulu"), "market": ("pasar", "mercado"),
    "minimarket": ("alfamart", "indomaret"),
}  # fmt: skip
"""What a folded word that was said may mean too: an abbreviation of several, or a word for a kind of landmark."""
_NUMERALS = {
    "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
    "xi": "11", "xii": "12", "xiii": "13", "xiv": "14", "xv": "15",
}  # fmt: skip
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.\s?){2,}")
_RUA = re.compile(r"^\s*r\.?\s+(?=[^\W\d_]\.?\s)")
"""Before the initials of a name, not one of them."""
_APOSTROPHES = str.maketrans("", "", "’'ʼ`´")
_WORD = re.compile(r"[^\W_]+")
_JOINED = (
    (re.compile(r"\brumah sakit\b"), "rumahsakit"),
    (re.compile(r"\b(sd|smp|sma|smk) negeri\b"), r"\1n"),
    (re.compile(r"\bci (?=[a-z]{4})"), "ci"),  # of rivers: "Ci Liwung", "Ciliwung"
    (re.compile(r"\bbus stop\b"), "halte"),
)
"""Words that are written as one or as two."""


@functools.lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Lower case without diacritics, abbreviations spelled out, initials joined, numerals after a word as figures."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_APOSTROPHES))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _RUA.sub("rua ", plain)
    plain = _INITIALS.sub(lambda found: re.sub(r"[.\s]", "", found[0]) + " ", plain)
    words = _WORD.findall(plain)
    folded = [_NUMERALS[word] if at and word in _NUMERALS else _WORDS.get(word, word) for at, word in enumerate(words)]
    text = " ".join(folded)
    for apart, joined in _JOINED:
        text = apart.sub(joined, text)
    return text
