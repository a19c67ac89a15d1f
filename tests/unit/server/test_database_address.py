"""Addresses of a city's database: several hosts of one, and how long a computer may be silent that holds it."""

from __future__ import annotations

import contextlib

import pytest
import sqlalchemy as sa

from console.server.city.database import Database, database_url


@pytest.mark.parametrize(
    ("address", "hosts", "ports", "others"),
    [
        ("postgresql+psycopg://sigap@db1:5432,db2:5433/city", "db1,db2", "5432,5433", {}),
        ("postgresql://sigap:a%40b,c@db1:6432,db2/city", "db1,db2", "6432,5432", {}),
        ("postgres://[fd00::1]:5433,[fd00::2],10.0.0.3/city", "fd00::1,fd00::2,10.0.0.3", "5433,5432,5432", {}),
        (
            "postgresql+psycopg://db1,db2?dbname=city&connect_timeout=9",
            "db1,db2",
            "5432,5432",
            {"connect_timeout": "9"},
        ),
        (
            "postgresql+psycopg://sigap@db1,db2/city?target_session_attrs=primary",
            "db1,db2",
            "5432,5432",
            {"target_session_attrs": "primary"},
        ),
    ],
)
def test_several_hosts_are_written_as_for_libpq_and_the_one_is_meant_that_takes_changes(
    address: str, hosts: str, ports: str, others: dict[str, str]
) -> None:
    with contextlib.closing(Database(address)) as database:
        _, said = database.engine.dialect.create_connect_args(database.url)
    assert (said["host"], said["port"], said["dbname"]) == (hosts, ports, "city")
    assert said.items() >= ({"target_session_attrs": "read-write", "connect_timeout": "3"} | others).items()


def test_a_host_that_is_none_is_refused_without_being_told() -> None:
    for address in ("postgresql://sigap:hidden@db1:port,db2/city", "postgresql://sigap:hidden@db1,,db2/city"):
        with pytest.raises(sa.exc.ArgumentError) as refused:
            database_url(address)
        assert "hidden" not in str(refused.value)


def test_a_database_whose_computer_is_silent_is_given_up_within_the_time_of_a_request() -> None:
    """Its power has failed: nothing closes its connections, and requests waited for it a quarter of an hour."""
    with contextlib.closing(Database("postgresql://sigap@db1/city?tcp_user_timeout=1000")) as database:
        _, said = database.engine.dialect.create_connect_args(database.url)
    assert said["tcp_user_timeout"] == "1000"
    assert int(said["keepalives_idle"]) + int(said["keepalives_interval"]) < 10
    with contextlib.closing(Database("postgresql://sigap@db1/city")) as database:
        assert int(str(database.url.query["tcp_user_timeout"])) < 10_000
    assert not database_url("sqlite:///city.db").query
