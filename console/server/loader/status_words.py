"""What a word of a file means as a status where neither the layout nor the plain words know it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from api_client.model import Status

_STILL_OPEN = re.compile(
    r"wait|pend|hold|open|progress|review|wacht|behandel|wart|offen|ausstehend|bearbeit|attente|cours|ouvert|espera"
    r"|curso|abiert|abert|andamento|attes|apert|menunggu|tunda|proses|\bnew|\bneu|\bnuev|\bnouv|\bnov[oa]|\bbaru"
)
"""Parts of words that say in many languages that something is not done."""
_NAME = re.compile("stat|zustand|estado|etat|état|phase|progress|stadium|situa")
_MOST_WORDS, _TOLD = 2_000, 8


_GUESSED = (
    (Status.CLOSED, "abgelehnt|rechaz|rejeit|rejet|reject|cancel|annul|storn|ditolak|invalid|duplic|improced|respin"),
    (Status.RETURNED, "reopen|wieder|reabiert|reabert|heropen|riapert|rouvert"),
    (Status.RESOLVED, "erledigt|abgeschl|geschlossen|resuelt|cerrad|atendid|finaliz|conclu|fechad|encerrad|termin"
     "|trait|clos|clôtur|clotur|résolu|resol|afgehandeld|opgelost|gesloten|chius|risolt|selesai|finish|fixed|solved"
     "|complet|behoben|gelöst|^done|solucion"),
    (Status.COORDINATION, "wart|wacht|espera|attente|attes|pend|hold|weitergeleitet|deriv|encaminh|doorgezet|refer"),
    (Status.ASSIGNED, "assign|zugewiesen|asign|atribu|toegewezen|assegn|ditugaskan|program|geplant|gepland|planif"),
    (Status.PROGRESS, "bearbeit|curso|cours|proces|behandel|lavor|andamento|proses|progress|review|prüf"),
    (Status.NEW, "offen|neu|abiert|abert|ouvert|nieuw|apert|baru|recib|receb|reçu|eingegangen|open|registr|gemeld"),
)  # fmt: skip


def guess_status(word: str) -> Status | None:
    """What a word in small letters may mean in one of some languages; for a person to look at, never for loading."""
    return next((status for status, parts in _GUESSED if re.search(parts, word)), None)


class StatusWords:
    """Counts the words of a file, and with how many of them a closing time stands."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._closed: Counter[str] = Counter()

    def see(self, word: str, closed: bool) -> None:
        """Look at one line of the first reading."""
        small = small_word(word)
        if small in self.seen or len(self.seen) < _MOST_WORDS:
            self.seen[small] += 1
            self._closed[small] += closed

    def meaning(self, word: str, closed: bool) -> Status:
        """What an unknown word (in small letters) counts as on a line with or without a closing time.

        A closing time ends a report only where most lines of that word have one and the word does not say otherwise: a
        report that is closed by mistake is seen by nobody.
        """
        # protects: an-unknown-word-hides-nothing
        usual = 2 * self._closed[word] > self.seen[word] or word not in self.seen
        return Status.RESOLVED if closed and usual and not _STILL_OPEN.search(word) else Status.NEW

    def unknown(self, known: Mapping[str, Status], also: Mapping[str, Status]) -> str:
        """A sentence that names the words without a meaning; "" when there are none."""
        found = [(word, count) for word, count in self.seen.most_common() if word not in known and word not in also]
        if not found:
            return ""
        said = ", ".join(f"“{word[:60]}” ({count:,})" for word, count in found[:_TOLD])
        more = f" and {len(found) - _TOLD:,} more" if len(found) > _TOLD else ""
        return f"words without a meaning here: {said}{more}; the table statuses of a mapping says what they are"


def small_word(word: str) -> str:
    """A word in small letters and with single spaces, as layouts have them."""
    return " ".join(word.casefold().split())


def candidates(columns: Mapping[str, Iterable[str]], known: Mapping[str, Status]) -> list[tuple[str, list[str]]]:
    """Columns (name -> values of some lines) that may hold the status, each with its commonest words; best first."""
    found: list[tuple[float, str, list[str]]] = []
    for name, values in columns.items():
        words = Counter(small for value in values if (small := small_word(value)))
        count = words.total()
        if not count or (len(words) > 12 and len(words) > count // 4):
            continue
        meant = sum(times for word, times in words.items() if word in known or _STILL_OPEN.search(word)) / count
        is_named = _NAME.search(name.casefold()) is not None
        if meant >= 0.5 or (is_named and len(words) <= 40 and not all(word.isdigit() for word in words)):
            found.append((meant + is_named / 2, name, [word[:30] for word, _ in words.most_common(4)]))
    found.sort(key=lambda each: -each[0])
    return [(name, words) for _, name, words in found]
