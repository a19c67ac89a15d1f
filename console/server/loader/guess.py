"""Guesses a mapping for a file whose layout nobody has described, from its headings and first lines."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from api_client.model import Status
from console.server.loader.dialect import Dialect, plain
from console.server.loader.dialects import Dialects, read_dialects
from console.server.loader.load import opened
from console.server.loader.places import read_pair
from console.server.loader.plain_file import plain_file
from console.server.loader.raw import DATES, FIELDS
from console.server.loader.result import LoadError
from console.server.loader.sample import sample
from console.server.loader.status_words import candidates, guess_status, small_word
from console.server.loader.times import DateColumn, read_time
from console.server.toml_text import read_toml

_UTC = ZoneInfo("UTC")
_SAMPLED, _LOOKED_AT = 2_000, 300
_ROWS = 3
_SHOWN, _MOST_SHOWN, _MOST_STATUSES = 28, 30, 60
_LEAST = 0.5
_WORDS: Mapping[str, str] = {
    "id": "id nr no num number numero número nummer ticket vorgang vorgangsnummer folio radicado caso case key"
    " reference expediente dossier zaak zaaknummer aktenzeichen meldungsnummer protocollo protocolo nomor",
    "status": "status state stage stato statut estado etat état zustand phase situacion situación situacao situação",
    "service": "category categoria categoría kategorie catégorie categorie rubrik rubrique tipo type typ art thema kind"
    " onderwerp servicio serviço servico assunto asunto kategori jenis topic issue was motivo",
    "title": "title titel titre titulo título subject betreff oggetto judul summary",
    "description": "description beschreibung descripcion descripción descrição descricao descrizione omschrijving text"
    " texte texto testo message meldung detail details comments bemerkung comentario isi deskripsi melding keterangan",
    "created": "created opened eingang eingangsdatum fecha data date datum creation creacion creación apertura abertura"
    " reported gemeldet aangemaakt melddatum ingreso tanggal erstellt erstellung recibido wann apertura ouverture",
    "updated": "updated modified geändert aktualisiert modificacion modificación actualizacion gewijzigd änderung"
    " diperbarui modification wijziging",
    "closed": "closed completed resolved erledigt erledigung abgeschlossen abschluss cierre fechamento conclusão"
    " conclusao cloture clôture afgehandeld afhandeling chiusura selesai finished ende fin encerramento",
    "due": "due frist target vencimiento prazo deadline scadenza échéance",
    "address": "address adresse direccion dirección endereço endereco indirizzo adres strasse straße street calle rua"
    " rue via straat ort location standort alamat lokasi lieu wo",
    "zipcode": "zip zipcode plz postal postcode cp cep cap postleitzahl",
    "lat": "lat latitude latitud breite breitengrad y nord north northing hochwert ycoord ycoordinate lintang",
    "lon": "lon lng long longitude longitud länge längengrad x ost east easting rechtswert xcoord xcoordinate bujur",
    "point": "point geom geometry wkt geopoint koordinaten coordinates coordenadas coordonnées",
    "agency": "department agency amt abteilung dependencia secretaria secretaría dienst zuständig dinas entidad ufficio"
    " órgão orgao responsable direction afdeling",
    "channel": "channel kanal canal source origin herkunft origen origem kanaal quelle via provenance",
    "area": "ward district bezirk stadtteil barrio bairro quartier arrondissement wijk buurt neighborhood neighbourhood"
    " quartiere comuna colonia kelurahan ortsteil distrito",
    "priority": "priority priorität prioridad prioridade priorité urgency dringlichkeit prioriteit prioritas",
    "photo": "photo foto image bild imagen imagem media afbeelding",
    "disposition": "resolution resolucion resolución lösung solution",
    "reply": "reply antwort answer respuesta resposta réponse antwoord",
    "contact_name": "reporter melder solicitante denunciante pelapor",
    "contact_phone": "phone telefon telefono teléfono telefone telepon tel",
    "contact_email": "email mail correo",
}
_GENERAL = frozenset({"name", "nombre", "nom", "nome", "naam", "label", "value", "text"})
"""What the name of a part says nothing by: the object around it is meant."""
_DATE = frozenset({"date", "datum", "fecha", "data", "tanggal", "dt", "timestamp"})
_OTHER_DATES = frozenset(word for field in ("updated", "closed", "due") for word in _WORDS[field].split())
_OF_VALUES = {"photo": re.compile(r"https?://\S+"), "contact_email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")}
_PARTS = re.compile(r"[^\W\d_]+(?=[A-Z][a-z])|[^\W_]+")


class Guess(msgspec.Struct, frozen=True):
    """A guessed layout: our field -> column; the words of its status with a meaning or None; and example rows."""

    columns: dict[str, str]
    statuses: dict[str, Status | None]
    left: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    headings: bool
    in_metres: bool
    known: str | None


def guess_mapping(path: Path) -> Guess:
    """What the columns of a file may be. Raises LoadError when it is no file of any columns."""
    dialects = read_dialects()
    with plain_file(path) as readable, opened(readable, path, unknown(dialects)) as file:
        columns = sample(file.raws(), file.headings, _SAMPLED)
        has_headings = not file.headings or file.headings[0] != "1"
    looks = {name: _Look(name, values, place) for place, (name, values) in enumerate(columns.items()) if any(values)}
    if not looks:
        raise LoadError(f"The file {path} has no line to guess from.")
    found = _assigned(looks, dialects)
    words: dict[str, Status | None] = {}
    if "status" in found:
        counts = Counter(filter(None, map(small_word, columns[found["status"]])))
        for word, _ in counts.most_common(_MOST_STATUSES):
            if word not in dialects.plain.statuses:
                words[word] = guess_status(word)
    layout = dialects.recognise(list(columns))
    return Guess(
        found,
        words,
        tuple(name for name in looks if name not in found.values()),
        _examples(columns),
        has_headings,
        "lat" in found and "lon" in found and looks[found["lat"]].beyond_degrees,
        layout.name if layout not in (None, dialects.plain) and layout is not None else None,
    )


def unknown(dialects: Dialects) -> Dialects:
    """Layouts of which none is asked: any table, list or layer is one of reports."""
    return msgspec.structs.replace(dialects, given=Dialect("unknown layout", {}), any=True)


def shown(guess: Guess) -> list[str]:
    """The guess as lines for a terminal: our field, the column, and its values in three rows; then what is left."""
    width = max((len(name) for name in guess.columns.values()), default=0)
    lines = []
    for field in FIELDS:
        if (name := guess.columns.get(field)) is not None:
            values = " | ".join(_short(row.get(name, "")).ljust(_SHOWN) for row in guess.rows)
            lines.append(f"  {field:<15} {name:<{min(width, 40)}}  {values}".rstrip())
    for name in guess.left[:_MOST_SHOWN]:
        values = " | ".join(_short(row.get(name, "")).ljust(_SHOWN) for row in guess.rows)
        lines.append(f"  {'(not used)':<15} {name:<{min(width, 40)}}  {values}".rstrip())
    if len(guess.left) > _MOST_SHOWN:
        lines.append(f"  … {len(guess.left) - _MOST_SHOWN:,} more columns are not used")
    if "status" not in guess.columns:
        lines.append("  no column looks like a status: without one every report counts as new")
    open_words = [word for word, meaning in guess.statuses.items() if meaning is None]
    if open_words:
        lines.append(f"  say what these words of the status mean: {', '.join(open_words)[:300]}")
    if guess.in_metres:
        lines.append('  places are no degrees: say of which reference system they are, crs = "EPSG:…"')
    if guess.known:
        lines.append(f"  (this file is known: without a mapping it is read as one of {guess.known})")
    return lines


def write_mapping(guess: Guess, source: Path, path: Path) -> None:
    """Write the guess as a mapping file, with examples beside the columns. Raises LoadError when `path` exists."""
    name = re.sub(r"\W+", " ", source.name.split(".")[0]).strip() or "a city"
    marks = [column for field in ("id", "status", "created", "service") if (column := guess.columns.get(field))]
    lines = [
        f"# A guess from the first lines of {_comment(source.name)}. Mend it and look at what it makes of the file:",
        f"#   sigap serve --load {_comment(source.name)} --mapping {_comment(path.name)} --check",
        "# What stands behind # are examples from the file: take them out before you give this to others.",
        f"name = {_text(name)}",
    ]
    if not guess.headings:
        lines.append("headings = false")
    elif marks:
        lines.append(
            f"marks = [{', '.join(map(_text, marks))}]    # in a folder of mappings: headings that tell the file"
        )
    if guess.in_metres:
        lines.append('# crs = "EPSG:25832"    # the reference system of the places, which are no degrees')
    lines += ["", "[columns]"]
    for field in FIELDS:
        if (column := guess.columns.get(field)) is not None:
            said = "" if field.startswith("contact_") else f"    # {_example(guess, column)}"
            lines.append(f"{field} = {_text(column) if guess.headings else column}{said}")
    lines += [
        f"# ? = {_text(column) if guess.headings else column}    # {_example(guess, column)}"
        for column in guess.left[:_MOST_SHOWN]
    ]
    if guess.statuses:
        lines += [
            "",
            "[statuses]    # the file's words that are not known: new coordination assigned progress validation",
        ]
        lines[-1] += " returned resolved closed"
        for word, meaning in guess.statuses.items():
            lines.append(f'{"# " if meaning is None else ""}{_text(word)} = "{meaning or Status.NEW}"')
    # half a pair of surrogates, which JSON can say, is no letter of any file
    text = ("\n".join(lines) + "\n").encode("utf-8", "replace").decode()
    read_toml(text)  # whatever stands in headings and words, it is a mapping file
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as fault:
        raise LoadError(f"The file {path} is there already; a guess goes into a new one.") from fault
    except OSError as fault:
        raise LoadError(f"The file {path} cannot be written: {fault.strerror or fault}.") from fault


class _Look:
    """What one column looks like."""

    def __init__(self, name: str, values: Sequence[str], place: int) -> None:
        self.place = place
        parts = [part for part in name.split(".") if part] or [name]
        last = parts[-2] if len(parts) > 1 and parts[-1].casefold() in _GENERAL else parts[-1]
        self.words = {part.casefold() for part in _PARTS.findall(last)}
        self.whole = {plain(last), plain(name)}
        filled = [value for value in values if value]
        self.filled = len(filled) / max(1, len(values))
        looked = filled[:_LOOKED_AT]
        count = max(1, len(looked))
        self.values = looked
        self.dates = sum(map(_is_time, looked)) / count
        numbers = [pair[0] for value in looked if (pair := read_pair(value, "0", "")) is not None]
        self.numbers = len(numbers) / count
        self.decimals = sum(number != int(number) for number in numbers) / count
        self.widest = max(map(abs, numbers), default=0.0)
        self.beyond_degrees = sum(abs(number) > 180 for number in numbers) > count / 2
        self.unique = len(set(filled)) / max(1, len(filled))
        self.kinds = len(set(filled))
        self.length = sum(map(len, looked)) / count
        self.words_each = sum(len(value.split()) for value in looked) / count
        self.points = sum(bool(value) and read_pair("", "", value) is not None for value in looked) / count

    def share(self, pattern: re.Pattern[str]) -> float:
        """Which part of the values is of this form."""
        return sum(pattern.match(value) is not None for value in self.values) / max(1, len(self.values))


def _is_time(value: str) -> bool:
    if value.isdigit() or len(value) < 6:
        return False
    return any(read_time(value, DateColumn("", day_first=order), _UTC) is not None for order in (True, False))


def _assigned(looks: Mapping[str, _Look], dialects: Dialects) -> dict[str, str]:
    """Our field -> column, of all possibilities the likeliest first; no column twice."""
    columns = {name: look.values for name, look in looks.items()}
    states = {name: 1.5 - place / 10 for place, (name, _) in enumerate(candidates(columns, dialects.plain.statuses))}
    scores = [
        (score, field, name)
        for name, look in looks.items()
        for field in _WORDS
        if (score := _score(field, look, dialects.plain, states.get(name, 0.0))) >= _LEAST
    ]
    found: dict[str, str] = {}
    for _, field, name in sorted(scores, key=lambda each: -each[0]):
        if field not in found and name not in found.values():
            found[field] = name
    if not {"lat", "lon", "point"} & found.keys():
        found |= _pair({name: look for name, look in looks.items() if name not in found.values()})
    if ("lat" in found) != ("lon" in found):
        found.pop("lat", None)
        found.pop("lon", None)
    return found


def _pair(looks: Mapping[str, _Look]) -> dict[str, str]:
    """Two columns beside each other that nothing names and that may be degrees; of the north first unless it cannot."""
    names = [name for name, look in looks.items() if look.numbers > 0.9 and look.decimals > 0.9 and look.widest <= 180]
    for first, second in pairwise(names):
        if looks[second].place == looks[first].place + 1:
            return {"lat": second, "lon": first} if looks[first].widest > 90 else {"lat": first, "lon": second}
    return {}


def _score(field: str, look: _Look, plain_words: Dialect, as_status: float) -> float:
    """How likely a column is this field; below _LEAST it is not."""
    named = _named(field, look, plain_words)
    if field in DATES:
        fit = 0.1 if (look.filled > 0.98) == (field in ("created", "updated")) else 0.0
        usual = 0.4 if field == "created" and not look.words & _OTHER_DATES else 0.0
        return named + fit + usual if look.dates >= 0.8 else 0.0
    if look.dates >= 0.8:
        return 0.0
    if field == "status":
        return as_status
    if field in ("lat", "lon"):
        return named + look.decimals / 2 if named and look.numbers >= 0.9 else 0.0
    if field == "point":
        return named + 1 if look.points >= 0.8 else 0.0
    if (pattern := _OF_VALUES.get(field)) is not None:
        return named / 2 + look.share(pattern) if look.share(pattern) >= 0.5 else 0.0
    if look.decimals > 0.5:
        return 0.0
    if field == "id":
        first = 0.2 if look.place == 0 else 0.0
        return named + first + 0.3 if look.unique > 0.98 and look.filled > 0.98 and look.length < 60 else 0.0
    if field == "service":
        return named + 0.2 if named and look.numbers < 0.5 and (look.unique < 0.5 or look.kinds < 12) else 0.0
    if field == "description":
        return (
            named * 0.9 + min(0.15 * look.words_each, 1)
            if look.numbers < 0.5 and (named or look.words_each > 4)
            else 0.0
        )
    return named


def _named(field: str, look: _Look, plain_words: Dialect) -> float:
    """How much the name of a column says that it is this field: all of the name, a word of it, or nothing."""
    known, names = {plain(name) for name in plain_words.columns.get(field, ())}, set(_WORDS[field].split())
    if look.whole & (known | names):
        return 1.3 if look.whole & known else 1.1
    words = look.words - _DATE if field == "created" and look.words & _OTHER_DATES else look.words
    return 0.8 if words & (known | names) else 0.0


def _examples(columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], ...]:
    """The rows with most values, in the order of the file."""
    count = max(map(len, columns.values()))
    filled = sorted(range(count), key=lambda row: -sum(bool(values[row]) for values in columns.values()))[:_ROWS]
    return tuple({name: values[row] for name, values in columns.items()} for row in sorted(filled))


def _example(guess: Guess, column: str) -> str:
    return " | ".join(_short(row.get(column, "")) for row in guess.rows)


def _short(text: str) -> str:
    text = _comment(text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _comment(text: str) -> str:
    """Text that ends no line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
