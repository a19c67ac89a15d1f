"""Write the next migration of the server's database from what schema.py has and the migrations do not make.

    .venv/bin/python tools/new_migration.py "API clients"

Read the file before you keep it: Alembic sees tables, columns and indexes, not renamings and not the data.
"""

from __future__ import annotations

import re
import sys

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from console.server.city import migrations, schema


def main(words: str) -> int:
    """Write the file; 0 when it is there, 2 when nothing has changed."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrations.upgrade(connection, migrations.BASELINE)  # by the steps, not by what schema.py says
        migrations.upgrade(connection)
        options = {"render_as_batch": True, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        operations = produce_migrations(context, schema.metadata).upgrade_ops
    if operations is None or operations.is_empty():
        print("schema.py has nothing that the migrations do not make.", file=sys.stderr)
        return 2
    before = migrations.head()
    revision = f"{int(before) + 1:04}"
    lines = [line for line in render_python_code(operations).splitlines() if not line.strip().startswith("#")]
    body = "\n".join(line if line.startswith("    ") else f"    {line}" for line in lines)
    slug = re.sub(r"\W+", "_", words.casefold()).strip("_")
    path = migrations.VERSIONS / f"v{revision}_{slug}.py"
    path.write_text(
        f'"""{words}."""\n\nfrom __future__ import annotations\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f'revision = "{revision}"\ndown_revision = "{before}"\n\n\ndef upgrade() -> None:\n    """Make it so."""\n'
        f"{body}\n"
    )
    print(f"{path}: read it, then run ruff format and tests/unit/server/test_migrations.py")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
