"""What citizens of the demo city write: short Indonesian sentences about streets, water levels and waiting."""

from __future__ import annotations

import random
from collections.abc import Mapping

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "banjir": (
        "Air naik cepat di {gang}, sudah {cm} cm, ada lansia di lantai bawah.",
        "Banjir {cm} cm di depan {spot}, motor tidak bisa lewat.",
        "Rumah warga RT {rt} terendam {cm} cm sejak subuh.",
        "Air kali meluap ke permukiman, arus deras setinggi {part}.",
        "Banjir belum surut, warga mulai mengungsi ke musala.",
        "Sudah {cm} cm dan masih naik, listrik belum dipadamkan.",
    ),
    "genangan": (
        "Genangan {cm} cm di {spot}, pengendara memutar balik.",
        "Air menggenang setiap hujan di depan {spot}, setinggi {part}.",
        "Genangan di terowongan, mobil kecil mogok.",
        "Becek dan tergenang {cm} cm, anak sekolah sulit lewat.",
    ),
    "saluran": (
        "Saluran PHB tersumbat sampah dan lumpur, air meluap ke jalan.",
        "Got depan rumah mampet, air masuk setiap hujan.",
        "Tutup saluran hilang di {spot}, berbahaya untuk pejalan kaki.",
        "Saluran penuh lumpur, minta dikeruk.",
        "Tali air tertutup, air tidak bisa masuk ke got.",
    ),
    "tanggul": (
        "Tanggul kali rembes di belakang rusunawa, air mulai masuk.",
        "Turap retak sepanjang {m} meter, tanah mulai turun.",
        "Karung pasir di tanggul hanyut, air hampir melimpas.",
    ),
    "jalan-rusak": (
        "Aspal ambles selebar {m} meter dekat {spot}.",
        "Lubang dalam di tikungan, sering ada pemotor jatuh.",
        "Jalan berlubang dan tertutup air, tidak terlihat malam hari.",
        "Bekas galian tidak ditutup rapi, jalan bergelombang.",
        "Aspal mengelupas sepanjang {m} meter.",
    ),
    "trotoar": (
        "Ubin trotoar lepas, lansia hampir tersandung.",
        "Trotoar ambles {cm} cm di depan {spot}.",
        "Jalur pemandu tunanetra rusak.",
    ),
    "lampu-jalan": (
        "PJU mati sepanjang gang, gelap dan rawan.",
        "Lampu jalan berkedip terus di depan {spot}.",
        "{n} tiang lampu padam sejak kemarin malam.",
        "Lampu jalan menyala siang hari, boros listrik.",
    ),
    "sampah": (
        "Sampah menumpuk di {spot}, bau sekali.",
        "Tumpukan sampah liar di pinggir jalan, sudah {n} hari tidak diangkut.",
        "Sampah kiriman menumpuk di saringan pintu air.",
        "TPS penuh sampai ke badan jalan.",
        "Kasur dan lemari bekas dibuang di trotoar.",
    ),
    "bakar-sampah": (
        "Warga membakar sampah, asap masuk rumah, ada balita.",
        "Asap pembakaran sampah setiap sore di lahan kosong.",
    ),
    "pencemaran": (
        "Kali berbusa dan berbau menyengat sejak pagi.",
        "Limbah usaha dibuang ke got, air menghitam.",
        "Debu proyek beterbangan, tidak disiram.",
    ),
    "kemacetan": (
        "Truk mogok di lajur kanan, antrean sampai {spot}.",
        "Macet total, tidak ada petugas di persimpangan.",
        "Kendaraan melawan arah, lalu lintas tersendat.",
        "Antrean panjang karena galian kabel di lajur kiri.",
    ),
    "lampu-merah": (
        "Lampu lalu lintas mati, kendaraan saling serobot.",
        "Lampu hijau hanya {n} detik, antrean panjang.",
        "Lampu penyeberangan tidak berfungsi di depan {spot}.",
    ),
    "parkir-liar": (
        "Mobil parkir di trotoar, pejalan kaki turun ke jalan.",
        "Parkir liar dua lapis di depan {spot}.",
        "Truk parkir semalaman menutup jalan warga.",
        "Motor parkir di jalur sepeda setiap sore.",
    ),
    "halte": (
        "Atap halte bocor, penumpang kehujanan.",
        "Papan informasi halte mati.",
        "Angkutan ngetem lama menutup halte.",
    ),
    "pohon-tumbang": (
        "Pohon besar tumbang menutup dua lajur.",
        "Dahan patah menimpa kabel di depan {spot}.",
        "Pohon tumbang menimpa warung, tidak ada korban.",
    ),
    "pohon-rawan": (
        "Pohon miring ke rumah warga, minta dipangkas.",
        "Dahan kering di atas jalan, rawan patah saat hujan.",
        "Ranting menutupi lampu jalan dan kabel.",
        "Akar pohon mengangkat trotoar.",
    ),
    "taman": (
        "Ayunan taman rusak, berbahaya untuk anak.",
        "Taman kotor dan rumput tinggi.",
        "Bangku taman patah.",
    ),
    "kabel-listrik": (
        "Kabel putus menyentuh genangan di depan {spot}.",
        "Kabel menjuntai rendah, tersangkut truk lewat.",
        "Gardu mengeluarkan percikan api saat hujan.",
        "Tiang listrik miring hampir roboh.",
    ),
    "kebakaran": (
        "Asap tebal dari ruko, api terlihat di lantai dua.",
        "Kebakaran di lapak, api mulai merambat.",
        "Bau gas dan percikan api di dapur warung.",
    ),
    "tempat-tidur-rs": (
        "IGD penuh sejak pagi, mohon info kamar kosong.",
        "Pasien lansia sesak, butuh tempat tidur dan oksigen.",
        "Ruang isolasi penuh, mohon rujukan rumah sakit lain.",
    ),
    "pkl": (
        "Pedagang memakai seluruh trotoar di depan {spot}.",
        "Gerobak menutup jalur sepeda setiap malam.",
        "Lapak permanen di atas saluran air.",
    ),
    "ketertiban": (
        "Musik keras sampai lewat tengah malam.",
        "Remaja balap liar di jalan ini tiap malam.",
        "Spanduk liar dipasang di pohon dan tiang.",
        "Pak ogah mengatur putaran dan meminta uang.",
    ),
    "vandalisme": (
        "Tembok sekolah penuh coretan baru.",
        "Coretan di kolong jalan layang.",
    ),
    "fasilitas-umum": (
        "Pagar pembatas rusak ditabrak mobil.",
        "Toilet umum tidak ada air.",
        "Papan nama jalan hilang.",
        "Kursi tunggu puskesmas rusak.",
    ),
    "air-bersih": (
        "Air tidak mengalir sejak {n} hari lalu.",
        "Pipa bocor, air terbuang di jalan.",
        "Air keruh dan berbau.",
    ),
    "sosial": (
        "Ada orang telantar tidur di kolong jembatan, tampak sakit.",
        "Anak-anak mengamen di lampu merah sampai malam.",
        "Lansia hidup sendiri, butuh bantuan makan.",
    ),
}
_TAILS = (
    "", "", "", "Mohon segera ditangani.", "Sudah {n} hari.", "Mohon ditindaklanjuti, terima kasih.",
    "Dekat {spot}.", "Anak sekolah lewat sini.", "Tadi malam hampir ada korban.", "Sudah lapor RT.",
    "Patokan {spot}.", "Minggu lalu katanya selesai, tapi belum.", "Ada lansia dan balita.",
)  # fmt: skip
_SPOTS = (
    "pasar", "masjid", "sekolah", "puskesmas", "halte", "minimarket", "kantor kelurahan", "pos RW", "jembatan",
    "rel kereta", "taman", "SPBU", "rumah susun", "pintu air", "apotek", "warung kopi", "perempatan", "kolong flyover",
)  # fmt: skip
_LANES = (
    "Gang Arus", "Gang Mawar", "Gang Melati", "Gang Kenari", "Gang Haji", "Gang Sawo", "Gang Nangka", "Gang Masjid",
    "Gang Buntu", "Gang Damai", "Gang Rambutan", "Gang Kelor",
)  # fmt: skip
_PARTS = ("mata kaki", "betis", "lutut", "paha", "pinggang")


def write_text(service: str, chance: random.Random, address: str = "") -> str:
    """A report about a matter of this service; some name the street once more."""
    text = chance.choice(_TEXTS[service])
    tail = chance.choice(_TAILS)
    if address and chance.random() < 0.3:
        tail = f"Lokasi {address.partition(',')[0]}."
    filled = f"{text} {tail}".rstrip() if tail else text
    if "{" not in filled:
        return filled
    return filled.format(
        cm=chance.choice((10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120)),
        m=chance.randint(1, 12),
        n=chance.randint(2, 9),
        rt=f"{chance.randint(1, 16):02d}",
        spot=chance.choice(_SPOTS),
        gang=chance.choice(_LANES),
        part=chance.choice(_PARTS),
    )


def services_with_texts() -> frozenset[str]:
    """The services that somebody can write about."""
    return frozenset(_TEXTS)
