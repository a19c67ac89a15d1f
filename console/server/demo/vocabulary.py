"""How the services of the demo city come in: how often, in which weather, and how urgent."""

from __future__ import annotations

import msgspec

from api_client.model import Service
from console.server.demo.facts import demo_facts


class Habit(msgspec.Struct, frozen=True):
    """A service and how it comes in: its share of all reports, in rain, and the chances of P1 to P4 (percent)."""

    service: Service
    share: float
    rain: float
    priorities: tuple[float, float, float, float]


_BY_CODE = {service.code: service for service in demo_facts().services}


def _habit(code: str, share: float, rain: float, priorities: tuple[float, float, float, float]) -> Habit:
    return Habit(_BY_CODE[code], share, rain, priorities)


_CALM = (0.0, 1.0, 63.0, 36.0)
HABITS: tuple[Habit, ...] = (
    _habit("banjir", 4.0, 7.0, (1.2, 16, 70, 12.8)),
    _habit("genangan", 5.0, 5.0, (0, 8, 66, 26)),
    _habit("saluran", 8.0, 2.0, (0, 4, 70, 26)),
    _habit("tanggul", 0.5, 4.0, (4, 40, 50, 6)),
    _habit("jalan-rusak", 14.0, 1.2, (0, 4, 70, 26)),
    _habit("trotoar", 2.5, 1, _CALM),
    _habit("lampu-jalan", 6.0, 1, (0, 1, 48, 51)),
    _habit("sampah", 13.0, 1, _CALM),
    _habit("bakar-sampah", 1.5, 0.3, _CALM),
    _habit("pencemaran", 1.2, 1, _CALM),
    _habit("kemacetan", 7.0, 2.0, (0, 5, 65, 30)),
    _habit("lampu-merah", 1.5, 1.2, (0, 8, 72, 20)),
    _habit("parkir-liar", 12.0, 0.7, (0, 0, 40, 60)),
    _habit("halte", 1.0, 1, _CALM),
    _habit("pohon-tumbang", 2.0, 4.0, (0.6, 22, 62, 15)),
    _habit("pohon-rawan", 6.0, 1.5, (0, 1, 60, 39)),
    _habit("taman", 1.0, 0.6, _CALM),
    _habit("kabel-listrik", 1.0, 2.0, (2.5, 22, 60, 15.5)),
    _habit("kebakaran", 0.25, 0.4, (14, 50, 30, 6)),
    _habit("tempat-tidur-rs", 0.6, 1, (0, 10, 75, 15)),
    _habit("pkl", 5.0, 0.6, _CALM),
    _habit("ketertiban", 8.0, 0.5, _CALM),
    _habit("vandalisme", 0.8, 0.6, _CALM),
    _habit("fasilitas-umum", 3.0, 0.8, _CALM),
    _habit("air-bersih", 1.2, 0.8, (0, 2, 68, 30)),
    _habit("sosial", 1.5, 0.6, _CALM),
)
