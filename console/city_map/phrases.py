"""Understand what a caller says of a place: what is meant, beside, near or in what, a number, a crossing, a kilometre.

"opposite the Alfamart in Gang Buntu, near Tebet station", "Jl. Sudirman 45 seberang halte", "perempatan Jl A dan Jl B".
"""

from __future__ import annotations

import itertools
import re
from typing import Literal

import msgspec

from console.city_map.folding import fold

Relation = Literal["beside", "near", "in", "towards"]

_RELATIONS: dict[str, Relation] = {
    **dict.fromkeys(
        (
            "depan", "didepan", "dpn", "seberang", "sebrang", "seberangnya", "sbrg", "sebelah", "sblh", "samping",
            "smpg", "disamping", "belakang", "dibelakang", "blkg", "blakang", "opposite", "behind", "beside", "next to",
            "sebelah barat", "sebelah timur", "sebelah utara", "sebelah selatan",
            "in front of", "across from", "across", "em frente a", "em frente ao", "em frente", "atrás de", "atrás do",
            "atras do", "ao lado do", "ao lado da", "ao lado de", "vastapäätä", "vieressä", "takana",
        ),
        "beside",
    ),
    **dict.fromkeys(
        (
            "dekat", "deket", "dkt", "sekitar", "near", "close to", "by the", "perto de", "perto da", "perto do",
            "próximo a", "junto a", "junto ao", "lähellä",
        ),
        "near",
    ),
    **dict.fromkeys(("arah", "menuju", "towards", "toward", "sentido"), "towards"),
    **dict.fromkeys(("di", "in", "on", "at", "within"), "in"),
}  # fmt: skip
"""What stands between two places, by how near they are."""
_RELATION = re.compile(
    rf"(?<!\w)({'|'.join(sorted(map(re.escape, _RELATIONS), key=len, reverse=True))})(?!\w)", re.IGNORECASE
)
_RT_RW = re.compile(r"\b(?:rt|rw)\s*[./]?\s*0*\d{1,3}(?:\s*/\s*(?:rw)?\s*\.?\s*0*\d{1,3})?", re.IGNORECASE)
_SPEAKER = re.compile(
    r"^(?:\W*\b(?:halo|hallo|tolong|(?:pak|bu|mas|mbak)(?=\W+(?:tolong|saya|ada)\b)|(?:rumah\s+)?(?:saya|aku|kami|kita)|ada|"
    r"lagi|sedang|posisi(?:nya)?|lokasi(?:nya)?|hello|please|i\s+am|i'm|we\s+are|we're|my\s+house\s+is)\b)+(?=\W+\w)",
    re.IGNORECASE,
)
"""Words before a place that are about who calls: as words of a name they are like those of other places."""
_AWAY = re.compile(
    r"(?:\b(?:kira-?kira|kira2|kurang\s+lebih|about|some)\s+)?\b\d{1,4}\s*(?:m|mtr|meter|metres|meters)\b",
    re.IGNORECASE,
)
_KM = re.compile(r"\bkm\.?\s*(\d{1,3})(?:[.,](\d{1,3})|\s?\+\s?(\d{3}))?(?!\w)", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?:\b(?:no|nomor|nmr|number|kav|kavling|nº|n°|numero|número)\b|#|\bn[º°])\s*[.:]?\s*(\d{1,5}\s?[a-z]?)\b",
    re.IGNORECASE,
)
_LAST_NUMBER = re.compile(r"(?:,\s*|\s)(\d{1,5}(?:\s?[a-z])?)(?:\s*[-/]\s*\d{1,5})?[\s,.]*$", re.IGNORECASE)
_FIRST_NUMBER = re.compile(r"^\s*(\d{1,5}[a-z]?),?\s+(?=\D)", re.IGNORECASE)
_CROSSING = re.compile(
    r"\b(?:perempatan|prapatan|perapatan|pertigaan|pertemuan|persimpangan|simpang(?:an)?(?:\s+(?:empat|tiga|lima))?|"
    r"crossing|cross-?roads?|corner|intersection|junction|cruzamento|esquina|kulma|risteys|sudut|pojok)\b"
    r"(?:\s+(?:of|antara|between|from)\b|\s+d[aeo]s?\b)?",
    re.IGNORECASE,
)
_AND = re.compile(
    r"(?<!\w)(?:dan|dgn|dengan|and|with|com|ketemu|x|ja)(?!\w)|[&×+/]|\s-\s|(?<=\s)e(?=\s)", re.IGNORECASE
)
_BETWEEN = re.compile(r"\b(?:antara|between|entre)\b", re.IGNORECASE)
_STARTERS = frozenset(
    {
        "jalan", "gang", "stasiun", "pasar", "kelurahan", "kecamatan", "sungai", "kali", "jembatan", "rumahsakit",
        "puskesmas", "terminal", "sdn", "smpn", "sman", "smkn", "taman", "tol", "rua", "avenida", "bandara", "komplek",
        "perumahan", "kampung",
    }
)  # fmt: skip
_ALONE = frozenset(
    {
        "alfamart", "indomaret", "minimarket", "halte", "masjid", "musala", "gereja", "spbu", "apotek", "warung",
        "bank", "atm", "school", "sekolah", "market",
    }
)  # fmt: skip
"""Folded words with which another place begins where all words together name none; those of the second sort need no
name behind them."""
_AREA_WORDS = frozenset({"kelurahan", "kecamatan", "desa", "kota"})
_INSIDE = _AREA_WORDS | {"jalan", "gang", "rua", "avenida"}
"""Of what begins with them what was said before is a part, where no other word says how it lies."""
_ARTICLES = frozenset({"the", "an", "nya", "yang", "over", "atas"})
"""Folded words that say nothing of a place."""
_MOST_SAID, _MOST_WORDS, _MOST_PARTS = 200, 10, 4


class PlaceWords(msgspec.Struct, frozen=True):
    """The folded words for one place. `number` is its house number; `last` says that it stood at the end with nothing
    that says what it is, so that it may be part of the name. `breaks` are where another place may begin.
    """

    words: tuple[str, ...] = ()
    number: str = ""
    last: bool = False
    breaks: tuple[int, ...] = ()
    is_area: bool = False

    @property
    def without_number(self) -> tuple[str, ...]:
        """The words that are left when the number is a house's."""
        return self.words[:-1] if self.last else self.words


class Context(msgspec.Struct, frozen=True):
    """A place that what is meant lies beside, near or in."""

    relation: Relation
    place: PlaceWords


class Phrase(msgspec.Struct, frozen=True):
    """What a caller said. `meant` is what is looked for; `beside` how it lies to that, when only a landmark is named.

    `crossed` is the other street of a crossing; `between` are the two ends of a stretch. `left_out` are words that no
    map knows, as they were said.
    """

    meant: PlaceWords = PlaceWords()
    beside: Relation | None = None
    contexts: tuple[Context, ...] = ()
    crossed: PlaceWords | None = None
    between: tuple[PlaceWords, PlaceWords] | None = None
    km: float | None = None
    left_out: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    """All words, should what looks like a relation be a part of the name."""


def understood(text: str) -> Phrase:
    """What a text says, at most 200 letters of it."""
    text = text[:_MOST_SAID]
    # protects: the-speaker-is-no-place
    text = _SPEAKER.sub(" ", text)
    left_out: tuple[str, ...] = ()
    for pattern in (_RT_RW, _AWAY):
        left_out += tuple(" ".join(found[0].split()) for found in pattern.finditer(text))
        text = pattern.sub(" ", text)
    km = None
    if (post := _KM.search(text)) is not None:
        km = float(f"{post[1]}.{post[2] or post[3] or 0}")
        text = f"{text[: post.start()]} {text[post.end() :]}"
    whole = tuple(fold(text).split()[:_MOST_WORDS])
    first, *rest = _RELATION.split(text, maxsplit=_MOST_PARTS)
    found = [(_RELATIONS[word.casefold()], said) for word, said in zip(rest[::2], rest[1::2], strict=True)]
    # "di depan X": of two words for the same place the second says more.
    parts = [(relation, words) for relation, words in [(None, first), *found] if fold(words)]
    beside: Relation | None = None
    crossed: PlaceWords | None = None
    between: tuple[PlaceWords, PlaceWords] | None = None
    meant = PlaceWords()
    contexts: list[Context] = []
    for at, (relation, words) in enumerate(parts):
        if (ends := _ends(words)) is not None:
            words, between = ends
            if not fold(words):
                continue
        if crossed is None and (two := _two_streets(words)) is not None:
            if at == 0 and not meant.words:
                meant, crossed = two
                continue
            words = " ".join(_CROSSING.sub(" ", words).split())
        if not meant.words:
            meant = _place(words)
            beside = relation if relation in ("beside", "near", "towards") else None
        else:
            contexts.append(Context(relation or "near", _place(words)))
    return Phrase(
        meant, beside, tuple(contexts), crossed, between, km, left_out, whole if found or crossed or between else ()
    )


def divided(place: PlaceWords) -> tuple[PlaceWords, tuple[Context, ...]]:
    """What is meant first in some words, and what it then is near, where a word or a comma begins another place."""
    if not place.breaks:
        return place, ()
    edges = [0, *place.breaks, len(place.words)]
    pieces = [place.words[start:end] for start, end in itertools.pairwise(edges)]
    first, *others = (PlaceWords(piece) for piece in pieces if piece)
    if place.number and not place.last:
        first = msgspec.structs.replace(first, number=place.number)
    return _numbered(first), tuple(
        Context("in" if one.words[0] in _INSIDE else "near", _without_area_word(_numbered(one))) for one in others
    )


def _place(text: str) -> PlaceWords:
    """The words for one place, and its house number."""
    text = _CROSSING.sub(" ", text)
    said = _NUMBER.search(text)
    text = _NUMBER.sub(" ", text)
    number = said[1].replace(" ", "") if said is not None else ""
    if not number and (leading := _FIRST_NUMBER.match(text)) is not None and not _LAST_NUMBER.search(text):
        number, text = leading[1], text[leading.end() :]
    last = None if number else _LAST_NUMBER.search(text)
    if last is not None:
        text = f"{text[: last.start()]} {last[1].replace(' ', '')}"
    words: list[str] = []
    breaks: list[int] = []
    for piece in re.split(r"[,;]", text):
        folded = [word for word in fold(piece).split() if word not in _ARTICLES]
        if folded and words and not (last is not None and len(folded) == 1 and folded[0].isdigit()):
            breaks.append(len(words))
        for word in folded:
            begins = word in _STARTERS or word in _ALONE
            if begins and words and words[-1] not in _STARTERS and len(words) not in breaks:
                breaks.append(len(words))
            words.append(word)
    words, breaks = words[:_MOST_WORDS], [at for at in breaks if at < min(len(words), _MOST_WORDS)]
    is_last = last is not None and len(words) > 1 and words[-1][:1].isdigit()
    number = words[-1] if is_last else number
    return _without_area_word(PlaceWords(tuple(words), number, is_last, tuple(breaks)))


def _numbered(place: PlaceWords) -> PlaceWords:
    """The same with the figure at its end as a number that may be a house's."""
    if place.number or len(place.words) < 2 or not _is_number(place.words[-1]):
        return place
    return msgspec.structs.replace(place, number=place.words[-1], last=True)


def _without_area_word(place: PlaceWords) -> PlaceWords:
    """ "Kelurahan Kebon Baru": an area is meant."""
    if len(place.words) < 2 or place.words[0] not in _AREA_WORDS:
        return place
    breaks = tuple(at - 1 for at in place.breaks if at > 1)
    return msgspec.structs.replace(place, words=place.words[1:], breaks=breaks, is_area=True)


def _two_streets(text: str) -> tuple[PlaceWords, PlaceWords] | None:
    """Both streets of a crossing that is named by a word for it, or by what joins them."""
    pieces = [piece for piece in _AND.split(_CROSSING.sub(" / ", text)) if fold(piece)]
    if len(pieces) == 2:
        first, second = _place(pieces[0]), _place(pieces[1])
        if first.words and second.words and not (len(second.words) == 1 and _is_number(second.words[0])):
            return first, second
    return None


def _ends(text: str) -> tuple[str, tuple[PlaceWords, PlaceWords]] | None:
    """(the words before, both ends) of "X between A and B"."""
    found = _BETWEEN.search(text)
    if found is None or _CROSSING.search(text):
        return None
    pieces = [piece for piece in _AND.split(text[found.end() :]) if fold(piece)]
    if len(pieces) != 2:
        return None
    return text[: found.start()], (_place(pieces[0]), _place(pieces[1]))


def _is_number(word: str) -> bool:
    return re.fullmatch(r"\d{1,5}[a-z]?", word) is not None
