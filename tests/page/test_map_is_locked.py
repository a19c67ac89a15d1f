"""The page can't leave, call out, write, or take the program down; each lock is tried for itself."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PySide6.QtCore import QMetaMethod, QUrl
from PySide6.QtWebEngineCore import QWebEngineSettings
from pytestqt.qtbot import QtBot

from tests.page.conftest import LAT, LON, TIMEOUT_MS, Console, MapRig, opened
from widgets.map import scheme
from widgets.map.bridge import Bridge
from widgets.map.page import PAGE_URL, SETTINGS, MapPage, OnlyOurScheme

HOSTILE = [
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=2</script>",
    "<svg onload=window.pwned=3></svg>",
    '"><iframe srcdoc="<script>parent.pwned=4</script>">',
    "<a href='javascript:window.pwned=5'>x</a>",
    "</style><style>*{display:none}</style>",
    "{{constructor.constructor('window.pwned=6')()}}",
    "\u202egnp.exe\u200b\u2066",
    "a\x00b\x1b[31m\r\nfake",
    "%s%n {symbols} {cells.constructor}",
    "'); DROP TABLE reports; --",
    "A" * 100_000,
]


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A foreign server on this computer, and the requests that reached it."""
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", hits
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_texts_are_only_texts(rig: MapRig, console: Console, text: str) -> None:
    feature = {"type": "Feature", "geometry": None, "properties": {"name": text, "level": 1, "lat": LAT, "lon": LON}}
    rig.areas = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    rig.symbols = [(1, LAT, LON + 0.01, 1, 0, 8)]
    rig.panel.set_units([{"id": "u", "code": text, "state_key": text, "lat": LAT - 0.01, "lon": LON}])
    rig.panel.set_areas(1)
    rig.panel.set_selection(1, LAT, LON + 0.01, text)
    rig.panel.set_texts({"p1": text, "unit_free": text, "lock_on": text, "counts": text, "picking": text, "map": text})
    rig.panel.set_view(0, text, text)
    rig.panel.set_background_state(text)
    rig.show()
    assert rig.js("window.pwned ?? 0") == 0
    assert rig.js("document.querySelectorAll('#frame img, iframe, svg, a, #frame script, body style').length") == 0
    assert rig.colour(LAT, LON + 0.01) == rig.theme.hex("priority.p1"), "still drawn"
    assert console.lines == []


CALLS = {
    "fetch": "fetch('{0}/fetch').catch(() => 0)",
    "xhr": "(() => {{ const x = new XMLHttpRequest(); x.open('GET', '{0}/xhr'); try {{ x.send() }} catch {{}} }})()",
    "image": "new Image().src = '{0}/image'",
    "beacon": "navigator.sendBeacon('{0}/beacon', 'x')",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {{src: '{0}/frame'}}))",
    "script": "document.head.append(Object.assign(document.createElement('script'), {{src: '{0}/script'}}))",
    "style": "document.head.append(Object.assign(document.createElement('link'), {{rel: 'stylesheet', href: '{0}'}}))",
    "socket": "(() => {{ try {{ new WebSocket('{0}/socket'.replace('http', 'ws')) }} catch {{}} }})()",
    "form": (
        "(() => {{ const f = document.createElement('form'); f.action = '{0}/form';"
        "document.body.append(f); f.submit() }})()"
    ),
    "location": "location.href = '{0}/location'",
    "window": "window.open('{0}/window')",
    "link": "(() => {{ const a = document.createElement('a'); a.href = '{0}/link'; a.click() }})()",
    "download": "(() => {{ const a = document.createElement('a'); a.href = '{0}/d'; a.download = 'd'; a.click() }})()",
    "prefetch": "document.head.append(Object.assign(document.createElement('link'), {{rel: 'prefetch', href: '{0}'}}))",
    "file": "fetch('file:///etc/passwd').catch(() => 0)",
    "worker": "(() => {{ try {{ new Worker('{0}/worker') }} catch {{}} }})()",
}


@pytest.mark.parametrize("way", CALLS)
def test_no_way_out(rig: MapRig, stranger: tuple[str, list[str]], way: str, expected_log: None) -> None:
    origin, hits = stranger
    rig.show()
    rig.js(CALLS[way].format(origin) + "; 0")
    rig.draw()  # the page lives, and had its time
    assert hits == []
    assert rig.panel.page.url() == PAGE_URL


def allow_everything(self: object, info: object) -> None:
    """An interceptor that is out of order."""


@pytest.mark.parametrize("alone", ["policy", "interceptor"])
def test_each_lock_holds_alone(
    qtbot: QtBot,
    stranger: tuple[str, list[str]],
    alone: str,
    monkeypatch: pytest.MonkeyPatch,
    expected_log: None,
) -> None:
    origin, hits = stranger
    if alone == "policy":
        monkeypatch.setattr(OnlyOurScheme, "interceptRequest", allow_everything)
    else:
        monkeypatch.setattr(scheme, "CSP", "default-src * 'unsafe-inline' 'unsafe-eval'")
    with opened(qtbot) as rig:
        rig.show()
        for call in CALLS.values():
            rig.js(call.format(origin) + "; 0")
        rig.draw()
        assert hits == []
        assert rig.panel.page.url() == PAGE_URL


def test_inline_script_and_eval_are_refused(rig: MapRig, console: Console, expected_log: None) -> None:
    rig.show()
    markup = "<img src=x onerror='window.pwned=1'>"
    rig.js(f"document.body.appendChild(document.createElement('div')).innerHTML = {json.dumps(markup)}; 0")
    rig.js("document.head.append(Object.assign(document.createElement('script'), {text: 'window.pwned=2'})); 0")
    rig.js("setTimeout('window.pwned=3', 0); 0")
    rig.qtbot.waitUntil(lambda: len(console.lines) >= 3, timeout=TIMEOUT_MS)
    rig.draw()
    assert rig.js("window.pwned ?? 0") == 0


def test_program_may_load_nothing_else(rig: MapRig, stranger: tuple[str, list[str]]) -> None:
    origin, hits = stranger
    rig.show()
    for address in (
        origin,
        "sigap://map/js/main.js",
        "sigap://other/index.html",
        "file:///etc/passwd",
        "data:text/html,x",
    ):
        assert not rig.panel.page.acceptNavigationRequest(
            QUrl(address), MapPage.NavigationType.NavigationTypeTyped, True
        ), address
    assert hits == []


PATHS = [
    "/../../../etc/passwd",
    "/js/../../../pyproject.toml",
    "/vendor/leaflet/LICENSE",
    "/data/reports/1/13/1,2,3/10x10",
    "/data/reports/1/13/nan,1,2,3/10x10",
    "/data/reports/1/13/1,2,3,4/99999x10",
    "/data/reports/-1/13/1,2,3,4/10x10",
    "/data/units/1/2",
    "/data/config/x",
    "/tiles/30/0/0",
    "/tiles/2/9/0",
    "/tiles/1/0/0?x=1",
    "/data/areas/1;drop",
    "//etc/passwd",
]


def test_only_known_addresses_answer(rig: MapRig, expected_log: None) -> None:
    rig.show()
    rig.asked.clear()
    for path in PATHS:
        rig.js(f"window.found = 0; fetch({json.dumps(path)})" + GOT)
        rig.wait_js("window.found !== 0")
        assert rig.js("window.found") != 200, path
    assert rig.asked == []


GOT = ".then(a => window.found = a.status, () => window.found = -1); 0"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_get(rig: MapRig, method: str, expected_log: None) -> None:
    rig.show()
    rig.js(f"fetch('/data/areas/1', {{method: '{method}'}})" + GOT)
    rig.wait_js("window.found !== undefined")
    assert rig.js("window.found") != 200


@pytest.mark.parametrize(
    "value", ["bytes=999999-", "bytes=4-", "bytes=5-3", "bytes=-2", "lines=1-2", "bytes=0-1,3-4", "x"]
)
def test_range_past_the_end_is_survived(rig: MapRig, value: str, expected_log: None) -> None:
    rig.areas = b"1234"
    rig.show()
    rig.js(f"fetch('/data/areas/1', {{headers: {{Range: '{value}'}}}})" + GOT)
    rig.wait_js("window.found !== undefined")
    rig.draw()


def test_settings_are_as_the_table_says(rig: MapRig) -> None:
    settings = rig.panel.page.settings()
    for attribute, on in SETTINGS.items():
        assert settings.testAttribute(attribute) == on, attribute
    assert not settings.testAttribute(QWebEngineSettings.WebAttribute.LocalContentCanAccessFileUrls)
    assert rig.panel.page.profile().isOffTheRecord()


def test_bridge_has_few_slots_and_none_writes() -> None:
    meta = Bridge.staticMetaObject  # type: ignore[attr-defined]
    own = [meta.method(index) for index in range(meta.methodOffset(), meta.methodCount())]
    slots = {
        bytes(one.methodSignature().data()).decode() for one in own if one.methodType() == QMetaMethod.MethodType.Slot
    }
    assert slots == {
        "ready()",
        "pickReport(int)",
        "pickCrowd(QVariantList)",
        "pickCell(double,double,double,double)",
        "pickUnit(QString)",
        "pickPlace(double,double)",
        "addCorner(double,double,int)",
        "moveCorner(int,double,double)",
        "removeCorner(int)",
        "endArea()",
        "askMenu(double,double,int,QString)",
        "leavePick()",
        "showView(double,double,double,double,double)",
        "tellDrawn(int,int)",
        "tellAlive(int,int,int)",
        "tellLocked(bool)",
        "tellCursor(bool)",
        "switchGround()",
    }


def test_bridge_takes_every_argument_for_hostile() -> None:
    bridge = Bridge(lambda: 0.0)
    said: list[object] = []
    picks = ("menu_asked", "report_picked", "crowd_picked", "cell_picked", "unit_picked", "place_picked")
    for name in (*picks, "corner_added", "corner_moved", "corner_removed", "view_changed", "drawn", "alive"):
        getattr(bridge, name).connect(lambda *values: said.append(values))
    nan, inf = float("nan"), float("inf")
    bridge.pickReport(0)
    bridge.pickReport(-5)
    wrong: list[list[Any]] = [[], [1], [1, 0], [1, -2], [1, 2.5], [1, nan], [1, inf], [1, 2**53], [1, "2"], [1, None]]
    for rows in (*wrong, [1] * 65):
        bridge.pickCrowd(rows)
    for text in ("", "x" * 65, "<b>", "a\nb", "../x;y", "a\x00"):
        bridge.pickUnit(text)
    for lat, lon in ((nan, 0), (0, inf), (91, 0), (0, 181)):
        bridge.askMenu(lat, lon, 0, "")
    bridge.askMenu(0, 0, -1, "")
    bridge.askMenu(0, 0, 0, "<b>")
    bridge.askMenu(0, 0, 0, "x" * 65)
    for lat, lon in ((nan, 0), (0, inf), (91, 0), (0, 181)):
        bridge.pickPlace(lat, lon)
        bridge.addCorner(lat, lon, 0)
        bridge.moveCorner(0, lat, lon)
    for corner in (-2, 10_001, 2**31 - 1):
        bridge.addCorner(0, 0, corner)
        bridge.moveCorner(corner, 0, 0)
        bridge.removeCorner(corner)
    bridge.pickCell(2.0, 0.0, 1.0, 1.0)
    bridge.showView(0.0, 0.0, 1.0, 1.0, 99.0)
    bridge.showView(nan, 0.0, 1.0, 1.0, 3.0)
    bridge.tellDrawn(-1, 0)
    bridge.tellDrawn(1, 16)
    for answer in ((0, 1, 1), (1, -2, 1), (1, 1, -1)):
        bridge.tellAlive(*answer)
    assert said == []
    bridge.pickUnit("PPSU-KBR 2/ä")
    bridge.pickCrowd([7, 9.0])
    assert said == [("PPSU-KBR 2/ä",), ((7, 9),)]


def test_bridge_hears_fifty_a_second() -> None:
    now = [0.0]
    bridge = Bridge(lambda: now[0])
    heard: list[int] = []
    bridge.report_picked.connect(heard.append)
    for row in range(1, 201):
        bridge.pickReport(row)
    assert len(heard) == 50
    now[0] = 0.5
    for row in range(1, 201):
        bridge.pickReport(row)
    assert len(heard) == 75


def test_owned_page_is_heard_but_obeyed_in_nothing(rig: MapRig, expected_log: None) -> None:
    """A script in the page's own world with a line of its own to the bridge."""
    rig.show()
    places: list[object] = []
    rig.panel.place_picked.connect(lambda *place: places.append(place))
    with rig.qtbot.waitSignal(rig.panel.report_picked, timeout=TIMEOUT_MS) as picked:
        rig.js(
            "new QWebChannel(qt.webChannelTransport, c => { const b = c.objects.bridge; b.pickPlace(1, 1);"
            "b.pickUnit('x'.repeat(9999)); b.pickReport(-1); b.pickReport(1e99); b.pickReport(7) }); 0"
        )
    assert picked.args == [7]
    assert places == []


def test_lost_page_comes_back_as_it_was(rig: MapRig) -> None:
    rig.symbols = [(1, LAT, LON, 1, 0, 0)]
    rig.show(zoom=15.0)
    before = rig.panel.last_view
    with (
        rig.qtbot.waitSignal(rig.panel.page_lost, timeout=TIMEOUT_MS),
        rig.qtbot.waitSignal(rig.panel.drawn, timeout=TIMEOUT_MS),
    ):
        os.kill(rig.panel.page.renderProcessPid(), signal.SIGKILL)
    assert rig.panel.locked
    assert rig.panel.last_view is not None
    assert before is not None
    assert rig.panel.last_view[1] == before[1]
    assert rig.panel.last_view[0] == pytest.approx(before[0], abs=1e-4)
    assert rig.colour(LAT, LON) == rig.theme.hex("priority.p1")


def test_a_loss_after_three_reloads_switches_the_map_off(rig: MapRig) -> None:
    rig.show()
    for _ in range(4):
        assert not rig.panel.is_off
        with rig.qtbot.waitSignal(rig.panel.page_lost, timeout=TIMEOUT_MS):
            os.kill(rig.panel.page.renderProcessPid(), signal.SIGKILL)
        if not rig.panel.is_off:
            rig.qtbot.waitSignal(rig.panel.drawn, timeout=TIMEOUT_MS).wait()
    assert rig.panel.is_off
    with rig.qtbot.waitSignal(rig.panel.drawn, timeout=TIMEOUT_MS):
        rig.panel.reload()
    assert not rig.panel.is_off
