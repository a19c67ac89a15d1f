"""SQL statements that are compiled once for all databases of a test process.

An engine compiles each statement anew, a millisecond apiece, and nearly every test of the server has an engine of its
own: that was a fifth of their time.
"""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import LRUCache
from typing_extensions import override

_MOST = 5_000


class CompiledStatements(LRUCache[Any, Any]):
    """SQLAlchemy's cache (the execution option `compiled_cache`) for all engines of one kind of database.

    Its keys begin with the dialect, of which each engine has another; those of one kind are set up alike here.
    """

    @override
    def get(self, key: Any, default: Any = None) -> Any:
        dialect, *statement = key
        return super().get((type(dialect), *statement), default)

    @override
    def __setitem__(self, key: Any, value: Any) -> None:
        dialect, *statement = key
        super().__setitem__((type(dialect), *statement), value)


def share_compiled_statements() -> None:
    """Let every engine that is made from now on use one cache."""
    options = {"compiled_cache": CompiledStatements(_MOST)}
    made = functools.partial(sa.create_engine, execution_options=options)
    setattr(sa, "create_engine", made)  # noqa: B010 - a module's function, for mypy
