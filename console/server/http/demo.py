"""The addresses under /demo/v1, which only a living demo city has: what its visitor may ask of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api_client.model import Lat, Lon
from console.rules.rights import SUPERVISOR
from console.server.demo_controls import FASTEST, SLOWEST, DemoControls, RainWanted
from console.server.errors import ForbiddenRefusal, Invalid
from console.server.http.bodies import SMALL_BODY
from console.server.http.endpoint import HttpEndpoint, RequestContext, json_response


class WantedRain(msgspec.Struct, frozen=True):
    """Where it shall pour; without a place, somewhere."""

    lat: Lat | None = None
    lon: Lon | None = None


class WantedSpeed(msgspec.Struct, frozen=True):
    """How many times faster than in life the city shall live."""

    speed: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)]


class DemoAddresses:
    """What answers under /demo/v1."""

    def __init__(self, controls: DemoControls, http_endpoint: HttpEndpoint) -> None:
        self._controls = controls
        self._http_endpoint = http_endpoint

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        end = self._http_endpoint.endpoint
        return [
            Route("/state", end(self._state)),
            Route("/rain", end(self._rain, most=SMALL_BODY), methods=["POST"]),
            Route("/speed", end(self._speed, most=SMALL_BODY), methods=["POST"]),
        ]

    def _state(self, context: RequestContext) -> Response:
        return json_response(self._controls.state)

    def _rain(self, context: RequestContext) -> Response:
        """202: it rains at the city's next step, unless it rains in three places already."""
        _check(context)
        wanted = context.json(WantedRain)
        if (wanted.lat is None) != (wanted.lon is None):
            raise Invalid("A place has lat and lon.")
        self._controls.rain(RainWanted(wanted.lat, wanted.lon))
        return json_response(self._controls.state, 202)

    def _speed(self, context: RequestContext) -> Response:
        _check(context)
        self._controls.set_speed(context.json(WantedSpeed).speed)
        return json_response(self._controls.state, 202)


def _check(context: RequestContext) -> None:
    if context.actor.role != SUPERVISOR:
        raise ForbiddenRefusal("Only a supervisor may ask this of the demo city.")
