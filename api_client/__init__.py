"""A library of clients for cities' report APIs: knows HTTP; knows no Qt, no SQL, no console."""

from api_client.dispatch import DispatchClient
from api_client.errors import ApiError
from api_client.georeport import GeoReportClient
from api_client.probe import Found, probe

__all__ = ["ApiError", "DispatchClient", "Found", "GeoReportClient", "probe"]
