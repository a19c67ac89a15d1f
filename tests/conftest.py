"""What all tests share: Qt offscreen, the map's URL scheme registered first, a SIGAP_HOME of their own, the order and
the tier of each test, and failure on unexpected log records.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu")
if hasattr(os, "geteuid") and os.geteuid() == 0:
    os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does, for children that begin with another module
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
if "-B" not in sys.orig_argv:  # which test_protections says, where the sources change between two runs
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or hundreds of children would compile the program anew
    sys.dont_write_bytecode = False

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.memory import MEMORY, room_in_memory
from tests.helpers.tiers import is_pure, stay_pure

if TYPE_CHECKING:
    from tests.helpers.live_server import Live
    from tests.helpers.proxy import FaultProxy
    from tools.bench.postgres import Postgres

if "TMPDIR" not in os.environ and room_in_memory():  # or small databases wait for the disk at each commit
    os.environ["TMPDIR"] = tempfile.tempdir = MEMORY

# How long one example takes depends on what else the machine does.
settings.register_profile("sigap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sigap")

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("SIGAP_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


_HOME = pytest.StashKey[str]()
_HEAVY_FIRST = ("web", "faults", "unit/server/test_openapi.py", "e2e", "bench", "page", "widgets", "unit")
"""Files run side by side and whole; the long ones begin first, so that none is left over at the end, and those that
wait most of the time first of all, so that others use the processors meanwhile.
"""


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # while the tests are collected nothing is thrown away, and later a window must not be
    # Whatever a test or its child keeps without saying where: apart from the user's own and from other test runs.
    of_the_run = os.environ.get("SIGAP_HOME") if hasattr(config, "workerinput") else None
    os.environ["SIGAP_HOME"] = config.stash[_HOME] = tempfile.mkdtemp(prefix="sigap-home-")
    if of_the_run is not None:
        _share_photos(Path(of_the_run), Path(config.stash[_HOME]))
    try:
        from widgets.map.scheme import register_scheme
    except ImportError:
        return
    register_scheme()


def _share_photos(of_the_run: Path, own: Path) -> None:
    """The photos of the demo city's past are drawn once for all workers, as one demo draws them for the next."""
    photos = of_the_run / "demo" / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    (own / "demo").mkdir()
    (own / "demo" / "photos").symlink_to(photos, target_is_directory=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Delete test folders that are kept in memory when all tests passed; not earlier, as a window may still be
    writing.
    """
    if exitstatus == 0 and tempfile.tempdir == MEMORY and not hasattr(session.config, "workerinput"):
        folders = getattr(session.config, "_tmp_path_factory")  # noqa: B009 - pytest has no other way to it
        shutil.rmtree(folders.getbasetemp(), ignore_errors=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Four workers more than cores, as tests wait for half of their time; for pure tests, which never wait, as many as
    cores.

    Eight at most, as memory has no room for more.
    """
    cores = os.cpu_count() or 2
    return min(8, cores if "pure" in config.option.markexpr else cores + 4)


@pytest.hookimpl(tryfirst=True)  # before -m looks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "pure" in config.option.markexpr:  # each worker would look at every test
        for item in items:
            if _is_fast(item):
                item.add_marker("pure")
    order = {HERE / name: place for place, name in enumerate(_HEAVY_FIRST)}
    places = {
        path: min(order.get(each, len(order)) for each in (path, *path.parents))
        for path in {item.path for item in items}
    }
    items.sort(key=lambda item: places[item.path])


def _is_fast(item: pytest.Item) -> bool:
    return HERE / "unit" in item.path.parents and is_pure(item)


def pytest_collection_finish() -> None:
    """Exclude the collected tests, which live until the end, from garbage collection.

    By now each module that makes a database is loaded, too: its compiled statements are shared.
    """
    if "sqlalchemy" in sys.modules:
        from tests.helpers.compiled import share_compiled_statements

        share_compiled_statements()
    gc.freeze()


def pytest_report_header() -> str:
    used = "used from SIGAP_TEST_DATA or ../shared/data"
    return f"real city data: {used if DATA.is_dir() else 'MISSING, those tests are skipped'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this test run; without PostgreSQL on this computer the test is skipped."""
    from tools.bench.postgres import NoPostgres, own_postgres

    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_postgres(durable=False))
        except NoPostgres as fault:
            pytest.skip(str(fault))
        yield server


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A small city that is served by this process."""
    from tests.helpers.live_server import live_server

    with live_server(tmp_path / "server") as live:
        yield live


@pytest.fixture
def proxy(live: Live) -> Iterator[FaultProxy]:
    """A proxy in front of `live` that makes requests fail as the test wants."""
    from tests.helpers.proxy import FaultProxy

    proxy = FaultProxy(live.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def city_data() -> Path:
    """The folder of real reports; the test is skipped where it is missing."""
    if not DATA.is_dir():
        pytest.skip("no real city data here (SIGAP_TEST_DATA)")
    return DATA


@pytest.fixture(scope="module", autouse=True)
def collect_in_main_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect garbage in the main thread only: servers and sync run in threads of this process, and a collection that
    one of them started would destroy windows of tests.

    A window calls `gc.freeze` when it opens. Outside of tests/bench that call is only noted, since undoing it (all
    frozen objects would have to be looked through) would take too long after each file; in tests/bench, where times are
    measured, it is made and undone. To count the frozen objects would be as slow.
    """
    gc.disable()
    measured = "bench" in request.path.relative_to(HERE).parts
    freeze, windows = gc.freeze, list[None]()

    def take() -> None:
        windows.append(None)
        if measured:
            freeze()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "freeze", take)
        yield
    if measured and windows:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Collect what a test has left behind before the next one begins."""
    yield
    gc.collect(1)


@pytest.fixture(autouse=True)
def no_stray_log(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A record of WARNING or above fails the test unless it asked for `expected_log`."""
    yield
    if "expected_log" in request.fixturenames:
        return
    stray = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not stray, f"unexpected log: {[record.getMessage() for record in stray]}"


@pytest.fixture(autouse=True)
def stay_in_tier(request: pytest.FixtureRequest) -> None:
    """A test of the fast tier fails when it starts a process."""
    if _is_fast(request.node):
        stay_pure(request.getfixturevalue("monkeypatch"))


@pytest.fixture
def expected_log() -> None:
    """Request this fixture in a test that provokes warnings on purpose."""
