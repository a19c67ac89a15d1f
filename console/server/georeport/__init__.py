"""The citizens' side: Open311 GeoReport v2 over the same reports, in XML and JSON.

endpoint   the addresses, and that every answer is in the form that was asked for
formats    XML and JSON: which one, and how it is written        faults    refusals in the words of the standard
query      the arguments of an address                           form      the body of a POST
services   discovery, services and their questions               requests  service requests, chosen and in pages
posters    who may post                                          post      a new request
answers    answers to a service's questions, checked             updates   servicerequestupdates, both ways
"""

from console.server.georeport.endpoint import BY_DEFAULT, GeoReport

__all__ = ["BY_DEFAULT", "GeoReport"]
