"""Find out what kind of report API answers at an address somebody typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from api_client import errors
from api_client.dispatch import PREFIX, DispatchClient
from api_client.georeport import GeoReportClient
from api_client.transport import is_loopback, split_address

_NOT_THERE = (errors.NotThisServer, errors.Malformed, errors.Refused, errors.ServerFault)
_JURISDICTION = "jurisdiction_id"
_GEOREPORT_PATHS = ("", "/open311/v2", "/v2", "/open311")


@dataclass(frozen=True)
class ProbeResult:
    """What answers: `kind` is dispatch or open311, `name` is the city's or the host's.

    `params` are those that every request to an open311 server needs.
    """

    kind: str
    name: str
    base_url: str
    timezone: str = ""
    reports: int | None = None
    params: dict[str, str] = field(default_factory=dict)


def split_params(address: str) -> tuple[str, dict[str, str]]:
    """An address as typed without what stands behind its "?", and that as parameters. Raises BadAddress."""
    parts = split_address(address)
    return parts._replace(query="").geturl(), dict(parse_qsl(parts.query))


def with_scheme(address: str) -> str:
    """An address as typed, with https:// (or http:// for this computer) where none was given. Raises BadAddress."""
    text = address.strip()
    if "://" in text:
        return text
    host = split_address("//" + text).hostname or ""
    return f"{'http' if is_loopback(host) else 'https'}://{text}"


def probe(
    url: str,
    *,
    kind: str = "auto",
    token: str | None = None,
    insecure_http: bool = False,
    params: Mapping[str, str] | None = None,
) -> ProbeResult:
    """Ask the address who it is, and for some reports; `kind` auto tries the Dispatch API first.

    `params` go with every request to an Open311 server, as does what stands behind a "?" in the address.

    Raises Unreachable at once when nothing answers, NotThisServer when what answers is neither, NeedsParameter when it
    gives no reports without a parameter.
    """
    address, more = split_params(with_scheme(url))
    address, params = address.rstrip("/"), {**more, **(params or {})}
    if kind in ("auto", "dispatch"):
        try:
            return _dispatch(address, token, insecure_http)
        except (errors.NotThisServer, errors.Malformed, errors.ServerFault):
            if kind == "dispatch":
                raise
        except errors.Refused as error:
            if kind == "dispatch":
                raise errors.NotThisServer(f"{urlsplit(address).netloc} is not a Sigap server.") from error
    found = _georeport(address, params, insecure_http)
    if found is None:
        host = urlsplit(address).netloc
        raise errors.NotThisServer(f"{host} answers, but neither as a Sigap server nor as an Open311 server.")
    return found


def _dispatch(address: str, token: str | None, insecure_http: bool) -> ProbeResult:
    base = address.removesuffix(PREFIX)
    client = DispatchClient(base, token, insecure_http=insecure_http)
    try:
        root = client.root()
        reports = client.stats().reports
    finally:
        client.close()
    return ProbeResult("dispatch", root.city.name or urlsplit(base).netloc, base, root.city.timezone, reports)


def _georeport(address: str, params: dict[str, str], insecure_http: bool) -> ProbeResult | None:
    for path in _GEOREPORT_PATHS:
        client = GeoReportClient(address + path, params=params, insecure_http=insecure_http)
        try:
            services = client.services()
        except _NOT_THERE:
            continue
        else:
            if any(service.service_code or service.service_name for service in services):
                _read_some(client, urlsplit(address).netloc, params)
                return ProbeResult("open311", urlsplit(address).netloc, address + path, params=params)
        finally:
            client.close()
    return None


def _read_some(client: GeoReportClient, host: str, params: Mapping[str, str]) -> None:
    """One page of reports, for categories alone are no proof. Raises NeedsParameter and whatever the server says."""
    try:
        client.newest()
    except _NOT_THERE as error:
        if _JURISDICTION in params:
            raise
        raise errors.NeedsParameter(
            f"{host} is an Open311 server, but gives no reports: {error} "
            "Perhaps it wants a jurisdiction (its jurisdiction_id, which its operators know)."
        ) from error
