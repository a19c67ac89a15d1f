"""Who may post: programs with an api_key, and everybody where the city wants that."""

from __future__ import annotations

from starlette.requests import Request

from console.rules.rights import CITIZEN
from console.server.city.clients import ApiClients
from console.server.city.records import Actor, CitizenOptions, Posting
from console.server.georeport.faults import GeoReportRefusal
from console.server.http.endpoint import HttpEndpoint, check_local

_VIA = "open311"


class Posters:
    """Says who a POST is from. Without a choice of the city, posting is free only while the server has no users, and
    then only from this computer, as everything else on such a server is.
    """

    def __init__(self, clients: ApiClients, http_endpoint: HttpEndpoint, options: CitizenOptions) -> None:
        self._clients = clients
        self._http_endpoint = http_endpoint
        self._posting = options.posting

    def actor(self, request: Request, key: str) -> Actor:
        """Who posts.

        Raises GeoReportRefusal (403) when the key is unknown, or missing where one is needed; TooMany when too often.
        """
        if key:
            client = self._clients.of_key(key)
            if client is None or not client.may_post:
                self._http_endpoint.count_unknown_key(request)
                raise GeoReportRefusal("Invalid api_key received.", status=403)
            self._http_endpoint.count_post(request, client.name)
            return Actor(client.name, CITIZEN, via=_VIA)
        self._http_endpoint.count_post(request, None)
        if self._posting is Posting.KEYED or (self._posting is Posting.LOCAL and self._http_endpoint.has_users()):
            raise GeoReportRefusal("api_key was not provided: ask the city for one.", status=403)
        if self._posting is Posting.LOCAL:
            check_local(request)
        return Actor(CITIZEN, CITIZEN, via=_VIA)
