"""Who may post: programs with an api_key, and everybody where the city wants that."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from console.rules.rights import CITIZEN
from console.server.city.clients import ApiClients
from console.server.city.rates import RateLimit
from console.server.city.records import Actor, CitizenOptions, Posting
from console.server.georeport.faults import GeoReportRefusal
from console.server.http.endpoint import HttpEndpoint, check_local

_VIA = "open311"


class Poster(msgspec.Struct, frozen=True):
    """Who posts: the actor and, of a program with a key, its name and how often it may, where it has a rule of its own;
    None for everybody else.
    """

    actor: Actor
    client: str | None = None
    rate: RateLimit | None = None


class Posters:
    """Says who a POST is from. Without a choice of the city, posting is free only while the server has no users, and
    then only from this computer, as everything else on such a server is.
    """

    def __init__(self, clients: ApiClients, http_endpoint: HttpEndpoint, options: CitizenOptions) -> None:
        self._clients = clients
        self._http_endpoint = http_endpoint
        self._posting = options.posting

    def poster(self, request: Request, key: str) -> Poster:
        """Who posts.

        Raises GeoReportRefusal (403) when the key is unknown, or missing where one is needed; TooMany when an address
        tries keys.
        """
        if key:
            client = self._clients.of_key(key)
            if client is None or not client.may_post:
                self._http_endpoint.count_unknown_key(request)
                raise GeoReportRefusal("Invalid api_key received.", status=403)
            rate = RateLimit.read(client.rate) if client.rate else None
            return Poster(Actor(client.name, CITIZEN, via=_VIA), client.name, rate)
        if self._posting is Posting.KEYED or (self._posting is Posting.LOCAL and self._http_endpoint.has_users()):
            raise GeoReportRefusal("api_key was not provided: ask the city for one.", status=403)
        if self._posting is Posting.LOCAL:
            check_local(request)
        return Poster(Actor(CITIZEN, CITIZEN, via=_VIA))
