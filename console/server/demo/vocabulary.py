"""The words of the demo city: its 26 services with targets, agencies, calendars and standard texts."""

from __future__ import annotations

import msgspec

from console.domain.report import (
    Agency,
    AttributeValue,
    Calendar,
    Datatype,
    Service,
    ServiceAttribute,
    Sla,
    Template,
    WaitsFor,
)

HOUR, DAY = 3600, 86400

AGENCIES = (
    Agency("SDA", "Dinas SDA"),
    Agency("BMG", "Dinas Bina Marga"),
    Agency("LH", "Dinas Lingkungan Hidup"),
    Agency("DSH", "Dinas Perhubungan"),
    Agency("TMN", "Dinas Pertamanan"),
    Agency("DKS", "Dinas Kesehatan"),
    Agency("DMK", "Dinas Gulkarmat"),
    Agency("POL", "Satpol PP"),
    Agency("CKT", "Dinas Citata"),
    Agency("SOS", "Dinas Sosial"),
    Agency("KPK", "Dinas KPKP"),
    Agency("PLN", "PLN UID Jakarta Raya"),
    Agency("PAM", "PAM Jaya"),
    Agency("PPSU", "Kelurahan (PPSU)"),
)

CALENDARS = (
    Calendar("office", "Asia/Jakarta", ((450, 960),) * 4 + ((450, 990), None, None)),
    Calendar("always", "Asia/Jakarta", ((0, 1440),) * 7),
)

_PAUSES = (WaitsFor.REPORTER, WaitsFor.WEATHER)
TARGETS: dict[str, Sla] = {
    "1": Sla(15 * 60, 6 * HOUR, 12 * HOUR, ()),
    "2": Sla(1 * HOUR, 24 * HOUR, 12 * HOUR, _PAUSES),
    "*": Sla(6 * HOUR, 7 * DAY, 24 * HOUR, _PAUSES),
}
"""Jakarta's own rule: coordinated within 6 hours, finished within 7 days, proof checked within a day."""


def _choices(**names: str) -> tuple[AttributeValue, ...]:
    return tuple(AttributeValue(key, name) for key, name in names.items())


_DEPTH = ServiceAttribute(
    "depth",
    "Tinggi air",
    Datatype.SINGLEVALUELIST,
    order=1,
    datatype_description="Pilih satu",
    values=_choices(ankle="Mata kaki", knee="Lutut", waist="Pinggang", chest="Dada"),
)
QUESTIONS: dict[str, tuple[ServiceAttribute, ...]] = {
    "banjir": (
        _DEPTH,
        ServiceAttribute("since", "Sejak kapan", Datatype.DATETIME, order=2, datatype_description="Tanggal dan jam"),
        ServiceAttribute(
            "affected",
            "Yang terendam",
            Datatype.MULTIVALUELIST,
            order=3,
            values=_choices(road="Jalan", house="Rumah", school="Sekolah", market="Pasar"),
        ),
    ),
    "genangan": (_DEPTH,),
    "jalan-rusak": (
        ServiceAttribute("width", "Lebar lubang", Datatype.NUMBER, order=1, datatype_description="Sentimeter"),
    ),
    "lampu-jalan": (
        ServiceAttribute("pole", "Nomor tiang", order=1, datatype_description="Tertulis di tiang"),
        ServiceAttribute(
            "state",
            "Keadaan lampu",
            Datatype.SINGLEVALUELIST,
            order=2,
            values=_choices(dark="Mati", flickers="Berkedip", day="Menyala siang hari"),
        ),
    ),
    "parkir-liar": (ServiceAttribute("vehicle", "Kendaraan dan pelat nomor", Datatype.TEXT, order=1),),
    "kabel-listrik": (
        ServiceAttribute("warning", "Jangan mendekat, jangan menyentuh kabel.", Datatype.TEXT, variable=False, order=1),
    ),
}
"""What some services ask of the reporter; in the demo city nothing has to be answered."""


class Habit(msgspec.Struct, frozen=True):
    """A service and how it comes in: its share of all reports, in rain, and the chances of P1 to P4 (percent)."""

    service: Service
    share: float
    rain: float
    priorities: tuple[float, float, float, float]


def _habit(
    code: str,
    name: str,
    group: str,
    glyph: str,
    agency: str,
    skills: tuple[str, ...],
    priority: int,
    share: float,
    rain: float,
    priorities: tuple[float, float, float, float],
    keywords: str = "",
    *,
    proof: bool = True,
) -> Habit:
    targets = dict(TARGETS)
    if glyph == "drain":
        targets["2"] = Sla(1 * HOUR, 7 * DAY, 24 * HOUR, _PAUSES)
    if glyph == "road":
        targets["*"] = Sla(6 * HOUR, 7 * DAY, 24 * HOUR, (*_PAUSES, WaitsFor.MATERIAL))
    asked = QUESTIONS.get(code, ())
    service = Service(code, name, group, glyph, priority, agency, skills, targets, proof, keywords, asked)
    return Habit(service, share, rain, priorities)


_CALM = (0.0, 1.0, 63.0, 36.0)
HABITS: tuple[Habit, ...] = (
    _habit("banjir", "Banjir", "air", "flood", "SDA", ("pump",), 3, 4.0, 7.0, (1.2, 16, 70, 12.8), "flood air luapan"),
    _habit("genangan", "Genangan", "air", "flood", "SDA", ("pump",), 3, 5.0, 5.0, (0, 8, 66, 26), "ponding becek"),
    _habit("saluran", "Saluran", "air", "drain", "SDA", ("drain",), 3, 8.0, 2.0, (0, 4, 70, 26), "drain got selokan"),
    _habit("tanggul", "Tanggul / turap", "air", "flood", "SDA", ("sandbags",), 2, 0.5, 4.0, (4, 40, 50, 6), "dike"),
    _habit("jalan-rusak", "Jalan rusak", "jalan", "road", "BMG", ("asphalt",), 3, 14.0, 1.2, (0, 4, 70, 26), "pothole"),
    _habit("trotoar", "Trotoar rusak", "trotoar", "pavement", "BMG", ("paving",), 4, 2.5, 1, _CALM, "sidewalk"),
    _habit("lampu-jalan", "Lampu jalan", "lampu", "lamp", "BMG", ("lamp",), 4, 6.0, 1, (0, 1, 48, 51), "PJU light"),
    _habit("sampah", "Sampah", "sampah", "garbage", "LH", ("truck",), 3, 13.0, 1, _CALM, "garbage waste tumpukan"),
    _habit("bakar-sampah", "Pembakaran sampah", "sampah", "garbage", "LH", ("truck",), 3, 1.5, 0.3, _CALM, "smoke"),
    _habit("pencemaran", "Pencemaran", "pencemaran", "other", "LH", ("truck",), 3, 1.2, 1, _CALM, "pollution limbah"),
    _habit("kemacetan", "Kemacetan", "lalu-lintas", "traffic", "DSH", ("traffic",), 3, 7.0, 2.0, (0, 5, 65, 30), "jam",
           proof=False),
    _habit("lampu-merah", "Lampu lalu lintas", "lalu-lintas", "traffic", "DSH", ("traffic",), 3, 1.5, 1.2,
           (0, 8, 72, 20), "traffic light APILL"),
    _habit("parkir-liar", "Parkir liar", "parkir", "parking", "DSH", ("tow",), 4, 12.0, 0.7, (0, 0, 40, 60)),
    _habit("halte", "Halte / angkutan", "angkutan", "other", "DSH", ("traffic",), 4, 1.0, 1, _CALM, "bus stop"),
    _habit("pohon-tumbang", "Pohon tumbang", "pohon", "tree", "TMN", ("saw",), 2, 2.0, 4.0, (0.6, 22, 62, 15)),
    _habit("pohon-rawan", "Pohon rawan", "pohon", "tree", "TMN", ("saw",), 3, 6.0, 1.5, (0, 1, 60, 39), "toppling"),
    _habit("taman", "Taman rusak", "taman", "other", "TMN", ("garden",), 4, 1.0, 0.6, _CALM, "park garden"),
    _habit("kabel-listrik", "Kabel listrik", "listrik", "power", "PLN", ("electric",), 2, 1.0, 2.0, (2.5, 22, 60, 15.5),
           "power line kabel putus"),
    _habit("kebakaran", "Kebakaran", "kebakaran", "fire", "DMK", ("fire",), 1, 0.25, 0.4, (14, 50, 30, 6), "fire api",
           proof=False),
    _habit("tempat-tidur-rs", "Tempat tidur RS", "kesehatan", "bed", "DKS", (), 3, 0.6, 1, (0, 10, 75, 15),
           "hospital bed IGD", proof=False),
    _habit("pkl", "Pedagang kaki lima", "ketertiban", "pavement", "POL", ("order",), 4, 5.0, 0.6, _CALM, "vendor"),
    _habit("ketertiban", "Gangguan ketertiban", "ketertiban", "other", "POL", ("order",), 3, 8.0, 0.5, _CALM, "noise",
           proof=False),
    _habit("vandalisme", "Coretan / vandalisme", "ketertiban", "other", "POL", ("order",), 4, 0.8, 0.6, _CALM),
    _habit("fasilitas-umum", "Fasilitas umum", "fasilitas", "other", "CKT", ("paving",), 4, 3.0, 0.8, _CALM, "public"),
    _habit("air-bersih", "Air bersih", "air-bersih", "drain", "PAM", ("drain",), 3, 1.2, 0.8, (0, 2, 68, 30), "water"),
    _habit("sosial", "Masalah sosial", "sosial", "other", "SOS", (), 4, 1.5, 0.6, _CALM, "social", proof=False),
)  # fmt: skip
SERVICES = tuple(habit.service for habit in HABITS)

TEMPLATES = (
    Template("reply-received", "reply", "Terima kasih, laporan Anda sudah kami terima dan sedang dikoordinasikan."),
    Template("reply-sent", "reply", "Petugas sudah berangkat ke lokasi."),
    Template("reply-done", "reply", "Laporan sudah ditindaklanjuti. Terima kasih atas kepedulian Anda."),
    Template("reply-photo", "reply", "Mohon kirim foto dan patokan lokasi yang lebih jelas."),
    Template("reply-pump", "reply", "Pompa sudah menyala, air diperkirakan surut dalam 2 jam.", "banjir"),
    Template("done-cleaned", "disposition", "Sudah dibersihkan"),
    Template("done-repaired", "disposition", "Sudah diperbaiki"),
    Template("done-controlled", "disposition", "Sudah ditertibkan"),
    Template("done-receded", "disposition", "Air sudah surut", "banjir"),
    Template("close-duplicate", "close", "Duplikat"),
    Template("close-notfound", "close", "Tidak ditemukan di lokasi"),
    Template("close-notours", "close", "Bukan kewenangan Pemprov"),
    Template("close-spam", "close", "Bukan laporan"),
    Template("close-withdrawn", "close", "Dicabut pelapor"),
    Template("return-place", "return", "Foto tidak sesuai lokasi laporan"),
    Template("return-old", "return", "Foto diambil sebelum pekerjaan"),
    Template("return-undone", "return", "Pekerjaan belum selesai"),
    Template("hold-rain", "hold", "Menunggu hujan reda"),
    Template("hold-material", "hold", "Menunggu material"),
    Template("hold-agency", "hold", "Menunggu instansi lain"),
    Template("hold-reporter", "hold", "Menunggu jawaban pelapor"),
)
