"""Find out what kind of report API answers at an address somebody typed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from api_client import errors
from api_client.dispatch import PREFIX, DispatchClient
from api_client.georeport import GeoReportClient
from api_client.transport import is_loopback, split_address

_GEOREPORT_PATHS = ("", "/open311/v2", "/v2", "/open311")


@dataclass(frozen=True)
class Found:
    """What answers: `kind` is dispatch or open311, `name` is the city's or the host's."""

    kind: str
    name: str
    base_url: str
    timezone: str = ""
    reports: int | None = None


def with_scheme(address: str) -> str:
    """An address as typed, with https:// (or http:// for this computer) where none was given. Raises BadAddress."""
    text = address.strip()
    if "://" in text:
        return text
    host = split_address("//" + text).hostname or ""
    return f"{'http' if is_loopback(host) else 'https'}://{text}"


def probe(url: str, *, kind: str = "auto", token: str | None = None, insecure_http: bool = False) -> Found:
    """Ask the address who it is; `kind` auto tries the Dispatch API first.

    Raises Unreachable at once when nothing answers, NotThisServer when what answers is neither.
    """
    address = with_scheme(url).rstrip("/")
    if kind in ("auto", "dispatch"):
        try:
            return _dispatch(address, token, insecure_http)
        except (errors.NotThisServer, errors.Malformed, errors.ServerFault):
            if kind == "dispatch":
                raise
        except errors.Refused as error:
            if kind == "dispatch":
                raise errors.NotThisServer(f"{urlsplit(address).netloc} is not a Sigap server.") from error
    found = _georeport(address, insecure_http)
    if found is None:
        host = urlsplit(address).netloc
        raise errors.NotThisServer(f"{host} answers, but neither as a Sigap server nor as an Open311 server.")
    return found


def _dispatch(address: str, token: str | None, insecure_http: bool) -> Found:
    base = address.removesuffix(PREFIX)
    client = DispatchClient(base, token, insecure_http=insecure_http)
    try:
        root = client.root()
        reports = client.stats().reports
    finally:
        client.close()
    return Found("dispatch", root.city.name or urlsplit(base).netloc, base, root.city.timezone, reports)


def _georeport(address: str, insecure_http: bool) -> Found | None:
    for path in _GEOREPORT_PATHS:
        client = GeoReportClient(address + path, insecure_http=insecure_http)
        try:
            services = client.services()
        except (errors.NotThisServer, errors.Malformed, errors.Refused, errors.ServerFault):
            continue
        finally:
            client.close()
        if any(service.service_code or service.service_name for service in services):
            return Found("open311", urlsplit(address).netloc, address + path)
    return None
