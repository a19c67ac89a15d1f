"""Finds the place that is typed into a form: areas, streets, places of the city map; where it lies, how exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject

from api_client.model import Area
from console.cache.catalog import Catalog, offered
from console.city_map.folding import fold
from console.city_map.messages import Address, FoundPlace, LatLon
from console.city_map.spelling import slips
from console.panels import formatting
from console.panels.forms.place_exactness import exactness
from console.panels.map.places import MapPlaces, label_of
from console.panels.map.streets import Street, is_named_by, left_over
from console.rules.area import AreaIndex, AreaNames, reach_m
from console.tasks import Tasks
from widgets.forms.choice import ListChoice, matching
from widgets.forms.place import PlaceForm

_PLACE = ("lat", "lon", "address")
_PLACES = 8
_STREET_M = 150.0
_NUMBER_SIGN = re.compile(r"^(?:no|nomor|number)\b\.?|^#", re.IGNORECASE)
_SAYS_NO_MORE = (
    "kelurahan", "kecamatan", "perempatan", "pertigaan", "simpang", "dan", "and", "corner", "of", "the",
)  # fmt: skip
_BESIDE_OTHERS = ("beside", "stretch", "crossing", "landmark")
"""Such places are told by what lies around them, in whatever area."""
_SURE = 3
"""Letters of a word in which a slip makes another word."""
_FAR_OFF_M = 500.0
"""A middle that may be farther off is asked about: a crew that goes there has the length of the street to look at."""


class PlaceController(QObject):
    """Binds a form that asks for a place to a city's areas and streets, for as long as there is the form.

    `streets_of` gives the streets that words name, `map_places` the
    places of the city map (None without it); `show_pin` shows a point on the map, None for nowhere. The place of
    a report that is `known` is not asked about unless it is changed: nobody typed it here.
    """

    def __init__(
        self,
        form: PlaceForm,
        catalog: Catalog,
        known: Mapping[str, Any],
        streets_of: Callable[[str, Callable[[list[Street]], None]], object],
        show_pin: Callable[[tuple[float, float] | None], object],
        tasks: Tasks,
        map_places: MapPlaces | None = None,
    ) -> None:
        super().__init__(form)
        self._map_places = map_places
        self._found: list[Street] | None = None
        self._on_map: list[FoundPlace] = []
        self._places: dict[str, FoundPlace] = {}
        self._addresses: dict[LatLon, Address | None] = {}
        self._form, self._catalog, self._streets_of, self._pin_wanted = form, catalog, streets_of, show_pin
        self._taken_over = tuple(known.get(name) for name in _PLACE)
        self._areas = {
            area.code: ListChoice(area.code, catalog.place(area.code))
            for area in offered(catalog.areas)
            if area.lat is not None and area.lon is not None
        }
        self._names = AreaNames(catalog.areas.values())
        self._typed = ""
        self._streets: dict[str, Street] = {}
        self._index: AreaIndex | None = None
        self._is_gone = False
        form.destroyed.connect(self._on_gone)
        form.place_typed.connect(self._offer)
        form.place_chosen.connect(self._take)
        form.changed.connect(lambda data: self.show_pin(data.get("lat"), data.get("lon")))
        form.place_changed.connect(self._check)
        for over in (form.left, form.committed):
            over.connect(lambda _: self.show_pin(None, None))
        areas = list(catalog.areas.values())
        tasks.submit(lambda: AreaIndex(areas), self._have_index, lambda _: self._have_index(AreaIndex([])))

    def _on_gone(self) -> None:
        self._is_gone = True

    def show_pin(self, lat: float | None, lon: float | None) -> None:
        """Show where the form's point lies on the map."""
        self._pin_wanted(None if lat is None or lon is None else (lat, lon))

    def _offer(self, text: str) -> None:
        """The areas of this name, the streets, and the areas that the words name among others."""
        self._typed, self._on_map = text, []
        self._offer_with(text, None)  # at once: Enter takes nothing that was found for fewer letters
        self._streets_of(text, lambda found: self._offer_with(text, found))
        if self._map_places is not None:
            self._map_places.find("form", text, lambda found: self._add_places(text, found))

    def _add_places(self, text: str, found: list[FoundPlace]) -> None:
        if text == self._typed and found:
            self._on_map = found
            self._offer_with(text, self._found)

    def _offer_with(self, text: str, found: list[Street] | None) -> None:
        if self._is_gone or text != self._typed or self._form.is_done:
            return  # more has been typed since
        self._found = found
        roads = [one for one in found or () if not self._is_area(one)]
        self._streets.update((_street_id(one), one) for one in roads)
        spots = self._spots_beside(roads)
        self._places.update((_place_id(one), one) for one in spots)
        if roads or spots:
            self._check()  # the point of a draft may be the middle of one of them
        named = [self._areas[code] for codes in self._names.named_in(text) for code in codes if code in self._areas]
        called = matching(list(self._areas.values()), text)
        whole = [one for one in called if one.text.casefold().startswith(text.strip().casefold())]
        ways = [self._street_choice(one) for one in roads]
        meant = [one for one in ways if is_named_by(text, one.text)]
        fitting = [one for one in spots if one.fits] or [one for one in spots if is_named_by(text, label_of(one))]
        exact = [self._place_choice(one) for one in fitting if one.exactness not in ("street", "area")]
        other = [one for one in map(self._place_choice, fitting) if one not in exact]
        rows = [self._place_choice(one) for one in spots]
        if found is not None and not (meant or exact or other):
            none_like = self.tr("No street like this")
            named = [replace(one, note=none_like) if left_over(text, one.text) else one for one in named]
        like = [one for one in (*ways, *rows) if one not in (*meant, *exact, *other)]
        offers = [*whole, *exact, *meant, *called, *other, *named, *like]
        once = {one.id: one for one in offers[::-1]}
        unsure = ""
        if not whole and len(exact) != 1 and len({one.id for one in (*exact, *meant, *other)}) > 1:
            unsure = self.tr("Several streets may be meant: ask which one, in which area; ↓ chooses")
        elif like and offers[0] is like[0]:
            unsure = self.tr("Nothing of this name is known: ↓ to what is like it, or Ctrl M points at it")
        self._form.set_places([once.pop(one.id) for one in offers if one.id in once][:_PLACES], unsure)

    def _take(self, place: str) -> None:
        if place in self._places:
            self._take_place(self._places[place])
        elif place in self._streets:
            self._take_street(self._streets[place])
        else:
            self._take_area(place)

    def _take_street(self, street: Street) -> None:
        typed = self._typed
        says_more = street.name.casefold() in typed.casefold() and len(typed.strip()) > len(street.name)
        choice, area = self._street_choice(street).text, self._catalog.areas.get(street.area or "")
        rest = left_over(typed, choice)
        label = typed if says_more else _street_text(f"{street.name} {rest}".strip(), area)
        roughly = self.tr("middle of the street, ±{distance}").format(distance=_reach(street))
        self._form.set_place(street.lat, street.lon, label, within_m=_reach_m(street), roughly=roughly)
        self.show_pin(street.lat, street.lon)

    def _take_place(self, place: FoundPlace) -> None:
        """Take a place of the city map; words that say more than its name stay beside it."""
        distance = formatting.distance(place.within_m)
        roughly = self.tr("middle of the street, ±{distance}") if place.exactness == "street" else "±{distance}"
        self._form.set_place(
            place.lat,
            place.lon,
            _words_for(place, self._typed),
            within_m=place.within_m,
            roughly=roughly.format(distance=distance) if place.within_m else "",
        )
        self.show_pin(place.lat, place.lon)

    def _take_area(self, code: str) -> None:
        """Take the middle of an area; words that say more than its name stay ("Gang Mawar 3, Jati Padang")."""
        typed, areas = self._typed, self._catalog.areas
        area, place = areas[code], self._catalog.place(code)
        is_more = any(code in codes for codes in AreaNames([area]).named_in(typed))
        label = typed if is_more and typed.casefold() not in place.casefold() else place
        if area.lat is not None and area.lon is not None:
            roughly = self.tr("middle of the area, the caller knows no more")
            within_m = reach_m(area, areas)
            self._form.set_place(area.lat, area.lon, label, middle_of=code, within_m=within_m, roughly=roughly)
            middle = self.tr("Middle of {area}: ask for a street, a number, a landmark").format(area=area.name)
            self._form.set_exactness(middle, self.tr("The caller knows no more than {area}").format(area=area.name))
            self.show_pin(area.lat, area.lon)

    def _have_index(self, index: AreaIndex) -> None:
        self._index = index
        if not self._is_gone:
            self._check()

    def _check(self) -> None:
        """Hold the point against the areas that the words beside it name, whichever of them came last."""
        values = self._form.values()
        if values["lat"] is None or values["lon"] is None or values["middle_of"]:
            return
        is_new = tuple(values[name] for name in _PLACE) != self._taken_over
        spot = (values["lat"], values["lon"])
        found = (one for one in self._streets.values() if (one.lat, one.lon) == spot)
        on = next(found, None) if is_new else None  # a place that the report has may be all that is known of a street
        # A street may be called like an area elsewhere ("Jl. Marunda Baru"): where it lies is known.
        place = next((one for one in self._places.values() if (one.lat, one.lon) == spot), None) if is_new else None
        name = on.name if on is not None else place.name if place is not None else ""
        address = left_over(values["address"], name) if name else values["address"]
        if place is not None and place.fits and place.exactness in _BESIDE_OTHERS:
            address = ""  # "near Tebet station" says nothing of the area Tebet
        point = {**values, "address": address}
        where, doubt, instead = exactness(self._catalog, self._names, self._index, point, self.tr)
        if on is not None:
            where = self._street_words(on, numbered=any(letter.isdigit() for letter in address))
        elif place is not None and self._map_places is not None:
            where = " · ".join(part for part in (self._map_places.exactness_text(place), where) if part)
        elif values["is_point"] and is_new:
            where = " · ".join(part for part in (self._address_of(spot), where) if part)
        if not doubt and values["within_m"] > _FAR_OFF_M:  # also of a draft, whose street is not found yet
            street = values["address"] if on is None else on.name
            doubt = self.tr("The caller knows no more than {street}").format(street=street)
        self._form.set_exactness(where, doubt if is_new else "", instead)

    def _address_of(self, spot: LatLon) -> str:
        """The address of a point that was picked; "" while it is not known. Where nothing is typed it is filled in."""
        if self._map_places is None:
            return ""
        if spot not in self._addresses:
            self._addresses[spot] = None
            self._map_places.address("form", spot, lambda found: self._have_address(spot, found))
        address = self._addresses[spot]
        return self._map_places.marked_address(address, self._area_name(spot)) if address is not None else ""

    def _have_address(self, spot: LatLon, found: Address | None) -> None:
        if found is None or self._is_gone or self._map_places is None:
            return
        self._addresses[spot] = found
        values = self._form.values()
        if (values["lat"], values["lon"]) == spot and not self._form.is_done:
            self._form.offer_words(self._map_places.address_text(found, self._area_name(spot)))
            self._check()

    def _area_name(self, spot: LatLon) -> str:
        at = self._index.area_at(*spot) if self._index is not None else None
        return self._catalog.areas[at[0]].name if at is not None else ""

    def _spots_beside(self, roads: list[Street]) -> list[FoundPlace]:
        """The places of the city map but for streets that are offered by their reports."""
        known = {(fold(one.name), fold(self._catalog.areas[one.area].name)) for one in roads if one.area is not None}
        return [
            one for one in self._on_map if one.exactness != "street" or (fold(one.name), fold(one.area)) not in known
        ]

    def _place_choice(self, place: FoundPlace) -> ListChoice:
        note = self._map_places.exactness_text(place) if self._map_places is not None else ""
        return ListChoice(_place_id(place), label_of(place), note)

    def _street_choice(self, street: Street) -> ListChoice:
        """A street to choose, with how exact its place is."""
        label = _street_text(street.name, self._catalog.areas.get(street.area or ""))
        return ListChoice(_street_id(street), label, self.tr("±{distance}").format(distance=_reach(street)))

    def _is_area(self, street: Street) -> bool:
        """Whether it is no street at all: who knew no more gave the area's own name as the address."""
        area, name = self._catalog.areas.get(street.area or ""), street.name.casefold()
        return area is not None and name in (area.name.casefold(), self._catalog.place(area.code).casefold())

    def _street_words(self, street: Street, *, numbered: bool) -> str:
        """How exact the middle of a street is, and what to ask the caller for, who may have given a number already."""
        several = street.reports > 1
        by = self.tr("Middle of the street by {n} earlier reports on it" if several else "By {n} report on this street")
        words = "±{distance}, wherever the number is: ask for a landmark"
        ask = self.tr(words if numbered else "±{distance}: ask for a number, a landmark")
        return f"{by.format(n=street.reports)}, {ask.format(distance=_reach(street))}"


def _words_for(place: FoundPlace, typed: str) -> str:
    """The address of a place that was found: its name, and what of the words says more than that.

    "Opposite the school" is not the school: such words stay whole, with the area behind them.
    """
    label, name = label_of(place), f"{place.name} {place.number}".strip()
    has = [*fold(label).split(), *_SAYS_NO_MORE]
    more = " ".join(part for part in typed.split() if any(not _is_in(word, has) for word in fold(part).split()))
    more = _NUMBER_SIGN.sub("", more).strip() if place.number else more
    if not more or place.exactness in ("point", "area"):
        return label
    if place.exactness in ("beside", "stretch"):
        area = place.area if fold(place.area) not in fold(typed) else ""
        return f"{typed.strip()}, {area}" if area else typed.strip()
    return f"{name} {more}, {place.area}" if place.area else f"{label} {more}"


def _is_in(word: str, words: Sequence[str]) -> bool:
    return any(one.startswith(word) or (len(word) > _SURE and slips(word, one) <= 1) for one in words)


def _place_id(place: FoundPlace) -> str:
    return f"map:{place.lat}:{place.lon}:{place.name}"


def _street_id(street: Street) -> str:
    return f"street:{street.area or ''}:{street.name}"


def _street_text(name: str, area: Area | None) -> str:
    return f"{name}, {area.name}" if area is not None else name


def _reach(street: Street) -> str:
    return formatting.distance(_reach_m(street))


def _reach_m(street: Street) -> float:
    """How far its middle may be from what is meant; two reports at one house tell nothing of a street's length."""
    return max(street.within_m, _STREET_M)
