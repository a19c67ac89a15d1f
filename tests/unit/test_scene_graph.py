"""Where OpenGL is only emulated, and what is chosen then."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from console.commands import doctor
from widgets.map.scene_graph import BACKEND, choose_scene_graph, emulated_opengl, is_emulated

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux' devices")


def computer(folder: Path, *drivers: str, nvidia: bool = False) -> tuple[Path, Path]:
    """The folders /dev and /sys of a computer with one render node for each kernel driver."""
    devices, system = folder / "dev", folder / "sys"
    devices.mkdir()
    if nvidia:
        (devices / "nvidiactl").touch()
    for number, driver in enumerate(drivers, 128):
        (devices / "dri").mkdir(exist_ok=True)
        (devices / "dri" / f"renderD{number}").touch()
        module = system / "bus" / driver
        module.mkdir(parents=True)
        device = system / "class" / "drm" / f"renderD{number}" / "device"
        device.mkdir(parents=True)
        (device / "driver").symlink_to(module)
    return devices, system


@linux
def test_without_a_card_opengl_is_emulated(tmp_path: Path) -> None:
    assert emulated_opengl({}, *computer(tmp_path)) == "no graphics card"


@linux
@pytest.mark.parametrize(("drivers", "emulated"), [(("vgem",), True), (("i915",), False), (("vkms", "amdgpu"), False)])
def test_a_device_that_cannot_draw_is_no_card(tmp_path: Path, drivers: tuple[str, ...], emulated: bool) -> None:
    assert bool(emulated_opengl({}, *computer(tmp_path, *drivers))) is emulated


@linux
def test_a_card_without_a_node_of_the_kernel_s_own_counts(tmp_path: Path) -> None:
    assert emulated_opengl({}, *computer(tmp_path, nvidia=True)) == ""


@linux
@pytest.mark.parametrize(
    "environ", [{"LIBGL_ALWAYS_SOFTWARE": "1"}, {"LIBGL_ALWAYS_SOFTWARE": "true"}, {"GALLIUM_DRIVER": "llvmpipe"}]
)
def test_who_asks_for_emulation_has_it(tmp_path: Path, environ: dict[str, str]) -> None:
    assert emulated_opengl(environ, *computer(tmp_path, "i915"))
    assert not emulated_opengl(dict.fromkeys(environ, "0"), tmp_path / "dev", tmp_path / "sys")


@pytest.mark.parametrize(
    ("renderer", "emulated"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("softpipe", True),
        ("Software Rasterizer", True),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", False),
        ("NVIDIA GeForce RTX 3060/PCIe/SSE2", False),
        ("virgl (AMD Radeon)", False),
        ("", False),
    ],
)
def test_the_driver_s_own_name_tells_too(renderer: str, emulated: bool) -> None:
    assert is_emulated(renderer) is emulated


@linux
def test_the_environment_s_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBGL_ALWAYS_SOFTWARE", "1")
    monkeypatch.setenv(BACKEND, "rhi")
    choose_scene_graph()
    assert {one.what: one.found for one in doctor.examine()}["Drawing"] == f"rhi ({BACKEND} is set)"


@linux
def test_emulation_is_left_alone_and_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBGL_ALWAYS_SOFTWARE", "1")
    monkeypatch.delenv(BACKEND, raising=False)
    said = {one.what: one.found for one in doctor.examine()}["Drawing"]
    assert said == "by software, without OpenGL (LIBGL_ALWAYS_SOFTWARE is set)"
    choose_scene_graph()
    chosen = os.environ.pop(BACKEND, "")  # before any other test sees it
    assert chosen == "software"
