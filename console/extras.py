"""Which extra of Sigap a package belongs to that is not installed: the base has neither a window nor a server."""

from __future__ import annotations

_EXTRAS = {
    "desktop": ("PySide6", "shiboken6", "pyqtgraph", "pmtiles", "PIL", "fontpkg_inter", "fontpkg_jetbrains_mono"),
    "server": (
        "starlette",
        "uvicorn",
        "h11",
        "sqlalchemy",
        "alembic",
        "psycopg",
        "python_multipart",
        "pyogrio",
        "defusedxml",
        "prometheus_client",
    ),
    "map": ("osmium", "shapely", "scipy"),
}
"""By extra, the packages that it alone brings, as they are imported; PIL and pmtiles come with two of them."""


def missing_extra(error: BaseException) -> str | None:
    """The extra without which an import failed; None for any other fault."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    package = error.name.partition(".")[0]
    return next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
