"""The commands of `sigap`: arguments in, exit codes out (0 done, 1 our defect, 2 usage, 3 not reached, 4 local)."""

from __future__ import annotations

import argparse
import gc
import getpass
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from console import error_text

PERSPECTIVES = ("dispatch", "field", "wall")
_COLLECT_AFTER = (10_000, 10, 10)
"""Python's own 700 objects have a twelfth of what a server does spent on looking for cycles, of which it makes few."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices, and its threads cost a start
    gc.set_threshold(*_COLLECT_AFTER)
    sys.setswitchinterval(0.0005)
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is _serve:
        _put_settings(arguments)
        arguments = parser.parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = error_text.exit_code(error)
        if code == error_text.DEFECT:
            raise
        print(f"sigap: {error_text.describe(error)}", file=sys.stderr)
        return code


_CITY = "sqlite:///sigap-city.db"
_CITY_HELP = "%(default)s (in this folder) unless said; or postgresql+psycopg://user@host/city"


def build_parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser(
        prog="sigap", description="A desktop operations console for a city's citizen reports."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    for name, words, run in (
        ("demo", "a living demo city in a window", _demo),
        ("run", "the console on a profile", _run),
    ):
        window = commands.add_parser(name, help=words, description=words)
        window.set_defaults(command=run)
        window.add_argument("--profile", default="demo" if name == "demo" else "default", metavar="NAME")
        window.add_argument(
            "--reports",
            type=_positive,
            default=365_000,
            metavar="N",
            help="size of the demo city (two years)",
        )
        window.add_argument("--seed", type=int, default=1, metavar="S")
        window.add_argument(
            "--speed", type=_speed, default=1.0, metavar="N", help="the demo city lives N times faster than in life"
        )
        window.add_argument(
            "--screenshot", type=Path, metavar="FILE", help="save a picture when all is drawn, then quit"
        )
        window.add_argument(
            "--state", type=Path, metavar="FILE", help="write what the panels show, as JSON, when it ends"
        )
        window.add_argument("--size", type=_size, metavar="WxH", help="1920x1080")
        window.add_argument("--theme", choices=("dark", "light"))
        window.add_argument("--lang", choices=("en", "id"))
        window.add_argument("--perspective", choices=PERSPECTIVES, default="dispatch")
        window.add_argument("--quit-after", type=float, metavar="S", help="quit after S seconds")
        window.add_argument("--unsandboxed", action="store_true", help="run the map without the web engine's sandbox")
        window.add_argument("--reset-layout", action="store_true")
        window.add_argument("--no-sound", action="store_true", help="no tones: another window at this desk has them")
        if name == "demo":
            window.add_argument("--second-desk", action="store_true", help=argparse.SUPPRESS)

    serve = commands.add_parser("serve", help="the embedded report API")
    serve.set_defaults(command=_serve, parser=serve)
    serve.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="options from a TOML file, by their names (port = 8311); the environment (SIGAP_SERVE_PORT) wins over it, "
        "and the command line over both",
    )
    _add_database(serve)
    serve.add_argument(
        "--connections",
        type=int,
        metavar="N",
        help="to PostgreSQL at most, of this process: 23 unless said, so that four processes and psql fit into its 100",
    )
    serve.add_argument("--host", default="127.0.0.1", metavar="H", help="127.0.0.1 unless said; others need users")
    serve.add_argument(
        "--port", type=int, default=8311, metavar="P", help="%(default)s unless said; 0 takes a free one"
    )
    serve.add_argument(
        "--load", type=Path, action=_Several, default=[], metavar="FILE", help="reports of a file; may be repeated"
    )
    serve.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="which column of --load is what (TOML or JSON), or a folder of such files",
    )
    serve.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="lines of text unless said, or one JSON object a line; SIGAP_LOG=info says more",
    )
    serve.add_argument(
        "--metrics",
        default="",
        metavar="PORT",
        help="answer to Prometheus at this port of this computer, or at HOST:PORT, which the network alone guards",
    )
    serve.add_argument(
        "--refused",
        type=Path,
        metavar="FILE",
        help="a new file for what is refused of the one of --load, to be mended there and loaded by itself",
    )
    serve.add_argument(
        "--guess",
        type=Path,
        metavar="FILE",
        help="make this mapping file for the one of --load, show it with example rows, keep nothing else, and end",
    )
    serve.add_argument("--check", action="store_true", help="say what --load would bring, keep nothing, and end")
    serve.add_argument(
        "--timezone", default="", metavar="NAME", help="the city's from now on (a new city: Asia/Jakarta unless said)"
    )
    serve.add_argument("--areas", type=Path, metavar="FILE", help="wards, districts and the like (GeoJSON)")
    serve.add_argument("--services", type=Path, metavar="FILE", help="services and what they ask of a reporter (JSON)")
    serve.add_argument("--users", type=Path, metavar="FILE", help="many users at once (JSON); else: sigap user add")
    serve.add_argument("--media", type=Path, metavar="FOLDER", help="where photos are kept")
    serve.add_argument(
        "--map",
        type=Path,
        metavar="FOLDER",
        help="the city map whose streets the pages show: its folder, or that of a profile (“default” unless said; the "
        "demo city has its own)",
    )
    serve.add_argument("--name", default="", help="the city's name")
    serve.add_argument(
        "--behind-proxy",
        nargs="?",
        const="127.0.0.1",
        metavar="ADDRESS",
        help="believe the X-Forwarded-For of a proxy at this address (127.0.0.1), or of several, with commas",
    )
    serve.add_argument("--jurisdiction", default="", metavar="ID", help="the city's jurisdiction_id (GeoReport)")
    serve.add_argument(
        "--public-url",
        type=_web_address,
        metavar="URL",
        help="where people reach this server, such as https://reports.example.org (for GeoReport's discovery)",
    )
    posting = serve.add_mutually_exclusive_group()
    posting.add_argument(
        "--open-reports",
        dest="posting",
        action="store_const",
        const="open",
        help="everybody may post reports (GeoReport)",
    )
    posting.add_argument(
        "--keyed-reports",
        dest="posting",
        action="store_const",
        const="keyed",
        help="an api_key is needed: sigap client add NAME",
    )
    serve.add_argument("--no-public", action="store_true", help="serve no pages for citizens")
    serve.add_argument(
        "--admin-page",
        choices=("off", "local", "public"),
        default="local",
        help="the page /admin, which there is once somebody has the role admin: for this computer only unless said; "
        "public needs --public-url",
    )
    serve.add_argument("--demo-city", action="store_true", help="fill it with the demo city and let it live")
    serve.add_argument("--reports", type=_positive, default=365_000, help=argparse.SUPPRESS)
    serve.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    serve.add_argument(
        "--end-with-input",
        action="store_true",
        help="end when standard input does: for a program that starts a server of its own, and may be killed",
    )
    serve.add_argument("--still", action="store_true", help="with --demo-city: nothing happens by itself")
    serve.add_argument("--speed", type=_speed, default=1.0, metavar="N", help=argparse.SUPPRESS)

    connect = commands.add_parser("connect", help="add a city's server to a profile; its token on standard input")
    connect.set_defaults(command=_connect)
    connect.add_argument("url", metavar="URL")
    connect.add_argument("--kind", default="auto", choices=("auto", "dispatch", "open311"))
    connect.add_argument("--name", default="")
    connect.add_argument("--profile", default="default", metavar="NAME")
    connect.add_argument(
        "--insecure-http", action="store_true", help="http to another computer: everybody on the way can read"
    )
    connect.add_argument("--jurisdiction", default="", metavar="ID", help="the jurisdiction_id of an Open311 server")
    connect.add_argument(
        "--param",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="goes with every request to an Open311 server; may be repeated",
    )
    connect.add_argument("--json", action="store_true")

    sync = commands.add_parser("sync", help="bring the profile's cache up to date and send what waits")
    sync.set_defaults(command=_sync)
    sync.add_argument("--profile", default="default", metavar="NAME")
    sync.add_argument("--once", action="store_true", help="end when all is read and sent; else go on")
    sync.add_argument(
        "--tokens",
        metavar="FILE",
        help='where there is no keyring: a line "SOURCE TOKEN" each, a file of mode 0600 or - for standard input',
    )
    sync.add_argument("--json", action="store_true")
    sync.add_argument("--pipe", action="store_true", help=argparse.SUPPRESS)

    export = commands.add_parser("export", help="write the reports of a filter to a file, as the queue shows them")
    export.set_defaults(command=_export)
    export.add_argument("--format", required=True, choices=("csv", "geojson", "gpkg", "pdf"))
    export.add_argument("--out", required=True, type=Path, metavar="FILE")
    export.add_argument("--filter", default="", metavar="TEXT", help='as after "show": cat=flood is=overdue tab=closed')
    export.add_argument("--profile", default="default", metavar="NAME")

    user = commands.add_parser("user", help="users of the embedded report API")
    user_commands = user.add_subparsers(metavar="COMMAND", required=True)
    add = user_commands.add_parser(
        "add", help="add a user, or give one a new role and scope; prints a token once, one that it had is dead"
    )
    add.set_defaults(command=_user_add)
    add.add_argument("name")
    roles = ("viewer", "operator", "supervisor", "validator", "field", "admin")
    add.add_argument("--role", required=True, choices=roles)
    add.add_argument(
        "--area", action="append", default=[], metavar="CODE", help="works here and below; may be repeated"
    )
    add.add_argument("--agency", action="append", default=[], metavar="ID", help="works for this one; may be repeated")
    listing = user_commands.add_parser("list", help="all users, their roles and scopes")
    listing.set_defaults(command=_user_list)
    listing.add_argument("--json", action="store_true")
    removal = user_commands.add_parser("remove", help="remove a user; the token is dead at once")
    removal.set_defaults(command=_user_remove)
    removal.add_argument("name")
    renewal = user_commands.add_parser("token", help="give a user a new token; prints it once, the old one is dead")
    renewal.set_defaults(command=_user_token)
    renewal.add_argument("name")
    pin = user_commands.add_parser(
        "pin", help="give a user a PIN, by which he signs a hand-over at a colleague's desk; it comes on standard input"
    )
    pin.set_defaults(command=_user_pin)
    pin.add_argument("name")

    client = commands.add_parser("client", help="programs with an api_key for the citizens' side (GeoReport)")
    client_commands = client.add_subparsers(metavar="COMMAND", required=True)
    client_add = client_commands.add_parser("add", help="add a program; prints its api_key once")
    client_add.set_defaults(command=_client_add)
    client_add.add_argument("name")
    client_add.add_argument("--no-post", action="store_true", help="it is known by name, but may not post")
    client_add.add_argument("--rate", metavar="RULE", help="how often it may send, such as “600 per 1 minute”")
    client_rate = client_commands.add_parser(
        "rate", help="how often a program may send; without a rule as often as all"
    )
    client_rate.set_defaults(command=_client_rate)
    client_rate.add_argument("name")
    client_rate.add_argument("rule", nargs="?", metavar="RULE", help="such as “1200 per 1 minute”")
    client_list = client_commands.add_parser("list", help="all programs with an api_key")
    client_list.set_defaults(command=_client_list)
    client_list.add_argument("--json", action="store_true")
    client_remove = client_commands.add_parser("remove", help="remove a program; its api_key is dead at once")
    client_remove.set_defaults(command=_client_remove)
    client_remove.add_argument("name")
    for each in (client_add, client_rate, client_list, client_remove):
        _add_database(each)

    city = commands.add_parser("city", help="set a city up from a folder: services, agencies, areas, units, users …")
    city_commands = city.add_subparsers(metavar="COMMAND", required=True)
    init = city_commands.add_parser("init", help="write a small example with explanations")
    init.set_defaults(command=_city_init)
    check = city_commands.add_parser("check", help="list what is wrong in a folder; with --database what would change")
    check.set_defaults(command=_city_check)
    _add_database(check, default=None, words="the city to compare it with")
    apply = city_commands.add_parser("apply", help="show what would change in a city, ask, and change it")
    apply.set_defaults(command=_city_apply)
    apply.add_argument("--yes", action="store_true", help="do not ask")
    city_export = city_commands.add_parser("export", help="write what a city has into a folder, without secrets")
    city_export.set_defaults(command=_city_export)
    for each in (init, check, apply, city_export):
        each.add_argument("folder", type=Path, metavar="FOLDER")
    for each in (apply, city_export):
        _add_database(each)

    audit = commands.add_parser("audit", help="the embedded report API's audit log")
    audit_commands = audit.add_subparsers(metavar="COMMAND", required=True)
    verify = audit_commands.add_parser("verify", help="whether the log is as it was written (0 whole, 4 broken)")
    verify.set_defaults(command=_audit_verify)
    verify.add_argument("--head", metavar="NUMBER:HASH", help="a head that was printed and written down before")
    who = audit_commands.add_parser("who", help="who saw, changed or exported a report")
    who.set_defaults(command=_audit_who)
    who.add_argument("report", metavar="REPORT")
    log = audit_commands.add_parser("log", help="the log, the oldest row first")
    log.set_defaults(command=_audit_log)
    log.add_argument("--since", metavar="TIME", help="2026-11-24 or 2026-11-24T08:00:00+07:00")
    for command in (verify, who, log):
        command.add_argument("--json", action="store_true")
    for command in (add, listing, removal, renewal, pin, verify, who, log):
        _add_database(command)

    backup = commands.add_parser("backup", help="write a city's database into one file, while it is served")
    backup.set_defaults(command=_backup)
    _add_database(backup)
    backup.add_argument("--out", required=True, type=Path, metavar="FILE")
    backup.add_argument("--media", type=Path, metavar="FOLDER", help="put the photos of this folder into the file too")

    erase = commands.add_parser("erase", help="erase what was said and shown of a report, for good")
    erase.set_defaults(command=_erase)
    erase.add_argument("report", metavar="REPORT")
    erase.add_argument("--reason", required=True, help="stands in the history: name nobody")
    _add_database(erase)
    erase.add_argument("--media", type=Path, metavar="FOLDER", help="where the photos are; else a server removes them")

    restore = commands.add_parser("restore", help="put a backup into a database")
    restore.set_defaults(command=_restore)
    _add_database(restore)
    what = restore.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", metavar="FILE")
    what.add_argument("--only-epoch", action="store_true", help="the database was set back by other means: say so")
    restore.add_argument("--media", type=Path, metavar="FOLDER", help="put the photos of the file into this folder")
    restore.add_argument("--replace", action="store_true", help="instead of the city that is there")

    city_map = commands.add_parser("map", help="the city map of a profile: streets, places and the background")
    map_commands = city_map.add_subparsers(metavar="COMMAND", required=True)
    map_build = map_commands.add_parser(
        "build", help="make it of a file of OpenStreetMap data, and use it from then on"
    )
    map_build.set_defaults(command=_map_build)
    map_build.add_argument("file", type=Path, metavar="FILE.osm.pbf")
    map_build.add_argument(
        "--box", type=_box, metavar="W,S,E,N", help="only this part of the file: west, south, east, north in degrees"
    )
    map_build.add_argument(
        "--speeds", type=Path, metavar="FILE", help="the city's speeds by class of road and hour: see map speeds"
    )
    map_build.add_argument("--end-with-input", action="store_true", help=argparse.SUPPRESS)
    map_status = map_commands.add_parser("status", help="what map there is, and whether its files are whole")
    map_status.set_defaults(command=_map_status)
    map_remove = map_commands.add_parser("remove", help="delete it; the window shows the city's borders then")
    map_remove.set_defaults(command=_map_remove)
    map_speeds = map_commands.add_parser("speeds", help="the city's speeds by class of road and hour: a table (CSV)")
    map_speeds.set_defaults(command=_map_speeds)
    speeds = map_speeds.add_mutually_exclusive_group()
    speeds.add_argument("file", type=Path, nargs="?", metavar="FILE", help="use these; without it the table is printed")
    speeds.add_argument("--remove", action="store_true", help="use those without traffic again")
    speeds.add_argument(
        "--fit", action="store_true", help="find them in the times that the crews took, and print them: see --apply"
    )
    map_speeds.add_argument("--apply", action="store_true", help="with --fit: use what was found")
    for each in (map_build, map_status, map_remove, map_speeds):
        each.add_argument("--profile", default="default", metavar="NAME")
    for each in (map_build, map_status):
        each.add_argument("--json", action="store_true")

    map_process = commands.add_parser("map-process", help="answer a console about streets and places, over a pipe")
    map_process.set_defaults(command=_map_process)
    map_process.add_argument("folder", type=Path, help="of the profile, or of a map")

    doctor = commands.add_parser("doctor", help="what this computer has and lacks")
    doctor.set_defaults(command=_doctor)
    doctor.add_argument("--json", action="store_true")

    bench = commands.add_parser("bench", help="measure")
    bench.set_defaults(command=_bench)
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--reports", type=_positive, default=100_000, metavar="N")
    return parser


class _Several(argparse.Action):
    """An option that may be repeated; what is given replaces the default instead of being added to it."""

    @override
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _option: Any = None
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*([] if before is self.default else before), values])


def _add_database(command: argparse.ArgumentParser, *, default: str | None = _CITY, words: str = _CITY_HELP) -> None:
    """Where the city is: an address, or the file that holds it, as everybody reads a password on a command line."""
    where = command.add_mutually_exclusive_group()
    where.add_argument("--database", default=default, metavar="URL", help=words)
    where.add_argument(
        "--database-file",
        dest="database",
        type=_first_line,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="a file whose first line is that URL, such as a secret with a password",
    )


def _first_line(text: str) -> str:
    from console.commands.serve_config import first_line

    return first_line(text)


def _put_settings(arguments: argparse.Namespace) -> None:
    """Make what a file and the environment say the defaults of `sigap serve`; ends the program when that cannot be."""
    from console.commands.serve_config import ConfigFault, put_defaults

    try:
        put_defaults(arguments.parser, arguments.config, os.environ)
    except ConfigFault as fault:
        arguments.parser.exit(2, f"sigap: {fault}\n")


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"“{text}” is no address; write it like https://reports.example.org")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _speed(text: str) -> float:
    from console.server.demo_controls import FASTEST, SLOWEST

    speed = float(text)
    if not SLOWEST <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"from {SLOWEST:g} to {FASTEST:g}")
    return speed


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise argparse.ArgumentTypeError("write it like name=value")
    return name.strip(), value


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("write it like --box=106.68,-6.38,106.98,-6.07") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise argparse.ArgumentTypeError("west, south, east, north in degrees: --box=106.68,-6.38,106.98,-6.07")
    return west, south, east, north


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError("write it like 1920x1080") from None
    if not (800 <= width <= 16000 and 500 <= height <= 16000):
        raise argparse.ArgumentTypeError("from 800x500 to 16000x16000")
    return width, height


def _not_built(arguments: argparse.Namespace) -> bool:
    """Say what this version cannot show yet; True when it must not go on."""
    if arguments.lang == "id":
        print("sigap: the Indonesian texts are not translated yet; English is shown.", file=sys.stderr)
    if arguments.perspective != "dispatch":
        print(f"sigap: the {arguments.perspective} perspective is not built yet; use dispatch.", file=sys.stderr)
        return True
    return False


def _demo(arguments: argparse.Namespace) -> int:
    if _not_built(arguments):
        return 2
    from console.commands.run import run_demo, run_second_desk

    return run_second_desk(arguments) if arguments.second_desk else run_demo(arguments)


def _run(arguments: argparse.Namespace) -> int:
    if _not_built(arguments):
        return 2
    from console.commands.run import run_profile

    return run_profile(arguments)


def _serve(arguments: argparse.Namespace) -> int:
    from console.logs import log_server
    from console.paths import demo_folder, folder_of
    from console.server.city.records import AdminPage, CitizenOptions, DemoOptions, Posting, ServeOptions
    from console.server.request_id import present_request_id
    from console.server.serve import serve

    log_server(arguments.log_format, present_request_id)
    if arguments.map is not None and not arguments.map.is_dir():
        print(f"sigap: there is no folder {arguments.map}; the pages show no streets.", file=sys.stderr)
    demo = (
        DemoOptions(arguments.reports, arguments.seed, not arguments.still, arguments.speed, demo_folder() / "photos")
        if arguments.demo_city
        else None
    )
    posting = Posting(arguments.posting or Posting.LOCAL)
    return serve(
        ServeOptions(
            database=arguments.database,
            connections=arguments.connections,
            metrics=arguments.metrics,
            host=arguments.host,
            port=arguments.port,
            load=tuple(arguments.load),
            mapping=arguments.mapping,
            refused=arguments.refused,
            guess=arguments.guess,
            check=arguments.check,
            timezone=arguments.timezone,
            areas=arguments.areas,
            services=arguments.services,
            users=arguments.users,
            media=arguments.media,
            city_map=arguments.map or (demo_folder() if arguments.demo_city else folder_of("default")),
            demo=demo,
            name=arguments.name,
            behind_proxy=arguments.behind_proxy,
            ends_with_input=arguments.end_with_input,
            citizens=CitizenOptions(
                posting,
                arguments.jurisdiction,
                not arguments.no_public,
                arguments.public_url or "",
                arguments.behind_proxy is not None,
            ),
            admin_page=AdminPage(arguments.admin_page),
        )
    )


def _connect(arguments: argparse.Namespace) -> int:
    from console.sync.connect import connect

    token = None
    if not sys.stdin.isatty():
        token = sys.stdin.readline().strip() or None
    elif sys.stderr.isatty():
        token = getpass.getpass("Token (empty when the server needs none): ").strip() or None
    return connect(
        arguments.url,
        kind=arguments.kind,
        name=arguments.name,
        profile=arguments.profile,
        insecure_http=arguments.insecure_http,
        params=dict(arguments.param) | ({"jurisdiction_id": arguments.jurisdiction} if arguments.jurisdiction else {}),
        token=token,
        as_json=arguments.json,
    )


def _sync(arguments: argparse.Namespace) -> int:
    if arguments.pipe:
        from console.sync.process import run_pipe

        return run_pipe()
    from console.commands.sync import sync_profile

    return sync_profile(arguments.profile, once=arguments.once, as_json=arguments.json, tokens=arguments.tokens)


def _export(arguments: argparse.Namespace) -> int:
    from console.commands.export import run_export

    return run_export(arguments.format, arguments.out, arguments.filter, arguments.profile)


def _user_add(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import user_add

    return user_add(arguments.database, arguments.name, arguments.role, arguments.area, arguments.agency)


def _city_init(arguments: argparse.Namespace) -> int:
    from console.server.admin.city_commands import city_init

    return city_init(arguments.folder)


def _city_check(arguments: argparse.Namespace) -> int:
    from console.server.admin.city_commands import city_check

    return city_check(arguments.folder, arguments.database)


def _city_apply(arguments: argparse.Namespace) -> int:
    from console.server.admin.city_commands import city_apply

    asked = sys.stdin.isatty() and sys.stdout.isatty()
    return city_apply(arguments.folder, arguments.database, yes=arguments.yes, ask=input if asked else None)


def _city_export(arguments: argparse.Namespace) -> int:
    from console.server.admin.city_commands import city_export

    return city_export(arguments.folder, arguments.database)


def _user_list(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import user_list

    return user_list(arguments.database, as_json=arguments.json)


def _user_remove(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import user_remove

    return user_remove(arguments.database, arguments.name)


def _user_pin(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import user_pin

    return user_pin(arguments.database, arguments.name)


def _user_token(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import user_token

    return user_token(arguments.database, arguments.name)


def _client_add(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import client_add

    return client_add(arguments.database, arguments.name, may_post=not arguments.no_post, rate=arguments.rate)


def _client_rate(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import client_rate

    return client_rate(arguments.database, arguments.name, arguments.rule)


def _client_list(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import client_list

    return client_list(arguments.database, as_json=arguments.json)


def _client_remove(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import client_remove

    return client_remove(arguments.database, arguments.name)


def _audit_verify(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import audit_verify

    return audit_verify(arguments.database, arguments.head, as_json=arguments.json)


def _audit_who(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import audit_who

    return audit_who(arguments.database, arguments.report, as_json=arguments.json)


def _audit_log(arguments: argparse.Namespace) -> int:
    from console.server.admin.user_commands import audit_log

    return audit_log(arguments.database, arguments.since, as_json=arguments.json)


def _backup(arguments: argparse.Namespace) -> int:
    from console.server.city.backup import backup

    return backup(arguments.database, arguments.out, arguments.media)


def _erase(arguments: argparse.Namespace) -> int:
    from console.server.admin.city_commands import erase

    return erase(arguments.database, arguments.report, arguments.reason, arguments.media)


def _restore(arguments: argparse.Namespace) -> int:
    from console.server.city.backup import renew_epoch, restore

    if arguments.only_epoch:
        return renew_epoch(arguments.database)
    return restore(arguments.database, arguments.file, arguments.media, replace=arguments.replace)


def _map_build(arguments: argparse.Namespace) -> int:
    from console.commands.city_map import build

    return build(
        arguments.file,
        arguments.profile,
        arguments.box,
        arguments.speeds,
        as_json=arguments.json,
        ends_with_input=arguments.end_with_input,
    )


def _map_status(arguments: argparse.Namespace) -> int:
    from console.commands.city_map import status

    return status(arguments.profile, as_json=arguments.json)


def _map_remove(arguments: argparse.Namespace) -> int:
    from console.commands.city_map import remove

    return remove(arguments.profile)


def _map_speeds(arguments: argparse.Namespace) -> int:
    from console.commands.city_map import fit, speeds

    if arguments.fit:
        return fit(arguments.profile, apply=arguments.apply)
    if arguments.apply:
        print("sigap: --apply is for what --fit has found.", file=sys.stderr)
        return error_text.USAGE
    return speeds(arguments.file, arguments.profile, remove=arguments.remove)


def _map_process(arguments: argparse.Namespace) -> int:
    from console.city_map.map_process import serve

    return serve(arguments.folder)


def _doctor(arguments: argparse.Namespace) -> int:
    from console.commands.doctor import run_doctor

    return run_doctor(as_json=arguments.json)


def _bench(arguments: argparse.Namespace) -> int:
    if not (Path(__file__).resolve().parents[1] / "tools" / "bench").is_dir():
        print("sigap: bench runs from a checkout of Sigap's sources; what measures is not installed.", file=sys.stderr)
        return error_text.USAGE
    try:
        bench = importlib.import_module("tools.bench.run")
    except ModuleNotFoundError as error:
        if error_text.exit_code(error) != error_text.DEFECT:
            raise
        print(f"sigap: bench needs the development tools ({error.name} is missing): make bench.", file=sys.stderr)
        return error_text.USAGE
    return int(bench.run_bench(arguments.json, arguments.reports))
