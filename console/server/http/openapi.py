"""Turns one table of operations into the routes of an application and into the OpenAPI document that describes them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import msgspec
from msgspec import inspect
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api_client.model import (
    OBJECTS,
    PAYLOADS,
    About,
    AnotherProblem,
    BusyProblem,
    ConflictProblem,
    EditBody,
    Gone,
    Item,
    Key,
    Kind,
)
from console.server.errors import (
    AnotherReport,
    BusyRefusal,
    ConflictRefusal,
    ForbiddenRefusal,
    NotFound,
    Overloaded,
    Refusal,
    SignInRefusal,
    TooLargeRefusal,
    TooMany,
    TooSlow,
)
from console.server.http.endpoint import JSON, Endpoint, HttpEndpoint, Pool, RequestContext, Work

_REF = "#/components/schemas/{name}"
_NO_NUL = r"^[^\x00]*$"
_PLACE = re.compile(r"{(\w+)(?::path)?}")
_EVERYWHERE: tuple[type[Refusal], ...] = (Refusal, TooLargeRefusal, TooSlow, TooMany, Overloaded)
_SIGNED_IN: tuple[type[Refusal], ...] = (SignInRefusal, ForbiddenRefusal)

Schema = dict[str, Any]


class Parameter(msgspec.Struct, frozen=True):
    """What a request may say in its query or its headers; `kind` is a type that msgspec can describe."""

    name: str
    kind: Any
    text: str
    place: Literal["query", "header"] = "query"
    required: bool = False


class ResponseSpec(msgspec.Struct, frozen=True):
    """One answer: its words, its body (None: no body) and media types, and the headers that matter, with their words.

    `body` is a type that msgspec can describe, or a ready schema.
    """

    text: str
    body: Any = None
    media: tuple[str, ...] = (JSON,)
    headers: Mapping[str, str] = {}


class Operation(msgspec.Struct, frozen=True):
    """One row of the table: method and address (as Starlette writes it), what answers, and what may be said there.

    `most` is the limit of the body in bytes; `takes` describes the body as `Said.body` does; `role` says in words who
    may do it; `refusals` are the ones beside those that every address knows; `public` asks for no token. Without
    `work` the row only describes what is routed elsewhere.
    """

    method: str
    path: str
    name: str
    summary: str
    work: Work | None
    answers: Mapping[int, ResponseSpec]
    text: str = ""
    role: str = "Every role."
    parameters: tuple[Parameter, ...] = ()
    takes: Any = None
    takes_media: str = JSON
    most: int = 0
    public: bool = False
    pool: Pool | None = None
    refusals: tuple[type[Refusal], ...] = ()
    links: Mapping[str, Any] = {}


class ByMethod:
    """What answers at one address: an endpoint for each method, and what the address takes for every other."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints
        known = {*endpoints, "OPTIONS"} | ({"HEAD"} if "GET" in endpoints else set())
        self._allow = {"Allow": ", ".join(sorted(known))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        endpoint = self._endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is not None:
            response = await endpoint(request)
        elif request.method == "OPTIONS":
            response = Response(status_code=204, headers=self._allow)
        else:
            raise HTTPException(405, headers=self._allow)
        await response(scope, receive, send)


def routes_of(table: Sequence[Operation], http_endpoint: HttpEndpoint) -> list[BaseRoute]:
    """One route for each address, in the order of the table: where two fit, the first answers."""
    addresses: dict[str, dict[str, Endpoint]] = {}
    for row in table:
        assert row.work is not None, row.name
        endpoint = http_endpoint.endpoint(row.work, most=row.most, public=row.public, pool=row.pool)
        addresses.setdefault(row.path, {})[row.method] = endpoint
    return [Route(path, ByMethod(endpoints)) for path, endpoints in addresses.items()]


class OpenApiDocument:
    """An OpenAPI document as it is served: written when first asked for, with the hash of its bytes as its ETag."""

    def __init__(self, content: Callable[[], Schema]) -> None:
        self._content = content

    @cached_property
    def body(self) -> bytes:
        """The document in JSON."""
        return msgspec.json.encode(self._content())

    @cached_property
    def _etag(self) -> str:
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def answer(self, context: RequestContext) -> Response:
        """The document, or 304 for who has it already."""
        headers = {"ETag": self._etag, "Cache-Control": "public, max-age=300"}
        if is_known(context.request, self._etag):
            return Response(status_code=304, headers=headers)
        return Response(self.body, 200, headers, JSON)


def is_known(request: Request, etag: str) -> bool:
    """Whether the request says (If-None-Match) that it has what bears this ETag."""
    header = request.headers.get("if-none-match", "")
    known = {each.strip().removeprefix("W/") for each in header.split(",")}
    return "*" in known or etag.removeprefix("W/") in known


def describe(
    table: Iterable[Operation], *, title: str, version: str, text: str, server: str, fault: Any = None
) -> Schema:
    """The OpenAPI 3.1 document of a table whose addresses stand below the path `server`.

    `fault` is the type of every error's body where it is not a word and a sentence.
    """
    paths: dict[str, Schema] = {}
    types = _Types(fault)
    for row in table:
        operation = _operation(row, types)
        paths.setdefault(_PLACE.sub(r"{\1}", row.path), {})[row.method.lower()] = operation
    whole: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": text,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": types.components(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    _write_patterns(whole)
    return whole


def _write_patterns(value: Any) -> None:
    r"""Patterns as JSON Schema has them: its `$` is the end, where Python's lets a line end pass and `\Z` is meant."""
    if isinstance(value, dict):
        if isinstance(pattern := value.get("pattern"), str):
            value["pattern"] = pattern.removesuffix(r"\Z") + "$" if pattern.endswith(r"\Z") else pattern
        for each in value.values():
            _write_patterns(each)
    elif isinstance(value, list):
        for each in value:
            _write_patterns(each)


class EditOf(msgspec.Struct, frozen=True):
    """Stands in `Operation.takes` for the body of an edit of one of these kinds, or of one that takes back."""

    kinds: tuple[Kind, ...]
    undo: tuple[Kind, ...] = ()


class _Types:
    """The types that a document names, each described once."""

    def __init__(self, fault: Any) -> None:
        self.fault = fault
        self._types: list[Any] = []
        self._written: dict[str, Schema] = {}

    def schema(self, kind: Any) -> Schema:
        """How a type (or a ready schema) is written where it is used."""
        if isinstance(kind, dict):
            return kind
        if isinstance(kind, EditOf):
            return self._edit(kind)
        self._types.append(kind)
        (found,), components = msgspec.json.schema_components([kind], ref_template=_REF)
        if Item.__name__ in components and Item.__name__ not in self._written:
            self._named(Item.__name__, {"oneOf": [self._item(*pair) for pair in (*OBJECTS.items(), ("gone", Gone))]})
        return found

    def components(self) -> dict[str, Schema]:
        """Every named type."""
        _, found = msgspec.json.schema_components(self._types, ref_template=_REF)
        for info in inspect.multi_type_info(self._types):
            _write_times(info, found, set())
        return dict(sorted((found | self._written).items()))

    def _named(self, name: str, schema: Schema) -> Schema:
        self._written[name] = schema
        return {"$ref": _REF.format(name=name)}

    def _item(self, word: str, kind: Any) -> Schema:
        """An object of the feed: its kind says what `data` is, which the struct holds as bytes."""
        properties = {
            "kind": {"const": word},
            "seq": {"type": "integer", "minimum": 0},
            "id": {"type": "string"},
            "data": self.schema(kind),
        }
        return self._named(f"Item_{word}", _object(properties, f"A {word} of the feed."))

    def _edit(self, edit: EditOf) -> Schema:
        bodies = [self._edit_of_kind(kind) for kind in edit.kinds]
        if edit.undo:
            (undoes,), _ = msgspec.json.schema_components([Key], ref_template=_REF)
            more = {"kind": {"enum": [kind.value for kind in edit.undo]}, "undoes": undoes}
            bodies.append(self._edit_body("Edit_undo", more, ["undoes"], "Takes an edit back; `data` may be empty."))
        return {"oneOf": bodies}

    def _edit_of_kind(self, kind: Kind) -> Schema:
        payload = PAYLOADS[kind]
        data = self.schema(payload)
        needed = ["data"] if any(field.required for field in msgspec.structs.fields(payload)) else []
        more = {"kind": {"const": kind.value}, "data": data, "undoes": {"type": "null"}}
        return self._edit_body(f"Edit_{kind.value}", more, needed, (payload.__doc__ or "").strip())

    def _edit_body(self, name: str, more: Schema, needed: list[str], text: str) -> Schema:
        _, found = msgspec.json.schema_components([EditBody], ref_template=_REF)
        properties = found["EditBody"]["properties"] | {"about": self.schema(About)} | more
        return self._named(name, _object(properties, text, ["id", "kind", *needed]))


def _object(properties: Schema, text: str, required: list[str] | None = None) -> Schema:
    wanted = list(properties) if required is None else required
    return {"type": "object", "description": text, "properties": properties, "required": wanted}


def _write_times(info: inspect.Type, components: dict[str, Schema], seen: set[type]) -> None:
    """Write `format: date-time` at every field that is a time: msgspec does so only where a zone is demanded."""
    if isinstance(info, inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        properties = components[info.cls.__name__]["properties"]
        for field in info.fields:
            schema = properties[field.encode_name]
            for each, written in _branches(field.type, schema):
                if isinstance(each, inspect.DateTimeType):
                    written["format"] = "date-time"
                _write_times(each, components, seen)
        return
    for name in ("item_type", "value_type", "types", "item_types"):
        inner = getattr(info, name, ())
        for each in inner if isinstance(inner, tuple) else (inner,):
            _write_times(each, components, seen)


def _branches(info: inspect.Type, schema: Schema) -> list[tuple[inspect.Type, Schema]]:
    """A type, or the members of a union, each beside its schema."""
    if not isinstance(info, inspect.UnionType):
        return [(info, schema)]
    texts = [each for each in schema.get("anyOf", [schema]) if each.get("type") == "string"]
    return [(each, texts[0] if texts else {}) for each in info.types]


def _operation(row: Operation, types: _Types) -> Schema:
    operation: Schema = {
        "operationId": row.name,
        "summary": row.summary,
        "description": " ".join(part for part in (row.text, f"Who may: {row.role}") if part),
        "parameters": [_in_path(name) for name in _PLACE.findall(row.path)]
        + [_parameter(each, types) for each in row.parameters],
        "responses": _responses(row, types),
        "security": [] if row.public else [{"token": []}],
    }
    if row.takes is not None:
        operation["requestBody"] = {"required": True, "content": {row.takes_media: {"schema": types.schema(row.takes)}}}
    return operation


_PLACES: dict[str, Schema] = {
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "minLength": 64, "maxLength": 64},
    "day": {"type": "string", "format": "date"},
}


def _in_path(name: str) -> Schema:
    schema = _PLACES.get(name, {"type": "string", "minLength": 1, "maxLength": 128})
    return {"name": name, "in": "path", "required": True, "schema": _of_address(schema)}


def _parameter(row: Parameter, types: _Types) -> Schema:
    schema = types.schema(row.kind)
    return {
        "name": row.name,
        "in": row.place,
        "required": row.required,
        "description": row.text,
        "schema": _of_address(schema) if row.place == "query" else schema,
    }


def _of_address(schema: Schema) -> Schema:
    """What a text may hold that stands in an address: no NUL, with which `HttpEndpoint` takes no request."""
    free = schema.get("type") == "string" and not {"pattern", "format"} & schema.keys()
    return schema | {"pattern": _NO_NUL} if free else schema


def _responses(row: Operation, types: _Types) -> Schema:
    responses = {str(status): _response(said, types) for status, said in row.answers.items()}
    if row.links:
        responses[min(responses)]["links"] = row.links
    kinds = {*_EVERYWHERE, *row.refusals, *(() if row.public else _SIGNED_IN)}
    if _PLACE.search(row.path):
        kinds.add(NotFound)
    for status in {kind.status for kind in kinds}:
        responses[str(status)] = _problem(status, [kind for kind in kinds if kind.status == status], types)
    defect = _words(["defect"]) if types.fault is None else types.schema(types.fault)
    responses["500"] = _said_no("A defect of the server.", defect)
    return dict(sorted(responses.items()))


def _response(spec: ResponseSpec, types: _Types) -> Schema:
    response: Schema = {"description": spec.text}
    if spec.headers:
        response["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in spec.headers.items()
        }
    if spec.body is not None:
        response["content"] = {media: {"schema": types.schema(spec.body)} for media in spec.media}
    return response


def _problem(status: int, kinds: list[type[Refusal]], types: _Types) -> Schema:
    """The answer of the refusals of one status: a word for programs, a sentence for people."""
    problem_of = {ConflictRefusal: ConflictProblem, BusyRefusal: BusyProblem, AnotherReport: AnotherProblem}
    text = " ".join(sorted((kind.__doc__ or "").strip().partition("\n")[0] for kind in kinds))
    if status == Refusal.status:
        text = "The request cannot be read."
    if types.fault is not None:
        return _said_no(text, types.schema(types.fault))
    bodies = [types.schema(problem_of[kind]) for kind in problem_of if kind in kinds]
    if plain := sorted({kind.code for kind in kinds if kind not in problem_of}):
        bodies.append(_words(plain))
    return _said_no(text, {"oneOf": bodies} if len(bodies) > 1 else bodies[0])


def _words(words: list[str]) -> Schema:
    return _object({"error": {"enum": words}, "message": {"type": "string"}}, "A word and a sentence.")


def _said_no(text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {JSON: {"schema": schema}}}
