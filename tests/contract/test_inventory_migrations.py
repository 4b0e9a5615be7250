"""The migrations lead to exactly the tables that the code knows, and carry old data along."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url

import nhiscan.inventory
from nhiscan import data
from nhiscan.evaluate import evaluate
from nhiscan.inventory import Inventory, InventoryError, Plan, open_inventory
from nhiscan.inventory.schema import HEAD, METADATA, REVISIONS
from nhiscan.inventory.views import VIEWS
from nhiscan.model import Need, Scope
from nhiscan.rule import load

MIGRATIONS = Path(nhiscan.inventory.__file__).parent / "migrations"
OLD = Path(__file__).parent.parent / "data" / "inventory-0001.sql"


def migrate(place: str, revision: str) -> None:
    """Empty to a revision, by the migrations alone."""
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine(place).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def engine(place: str) -> Any:
    from sqlalchemy.pool import NullPool

    url = make_url(place if "://" in place else f"sqlite:///{place}")
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, poolclass=NullPool)


def differences(connection: Connection) -> list[Any]:
    return compare_metadata(MigrationContext.configure(connection), METADATA)  # type: ignore[no-any-return]


def structure(connection: Connection) -> Any:
    """What the database itself says about its tables: more than alembic compares (collation, rowid, keys)."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        return [
            (kind, name, table, sorted(line.strip(" ,\n\t") for line in (sql or "").replace("\t", "").splitlines()))
            for kind, name, table, sql in rows
            if table != "alembic_version"
        ]
    columns = connection.exec_driver_sql(
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, collation_name, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3"
    ).all()
    indexes = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1").all()
    return sorted(map(repr, columns)), sorted(map(repr, indexes))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "inventory.db")
    return str(request.getfixturevalue("postgres_database"))


def test_the_revisions_known_are_the_revisions_there() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed([*scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_current_head() == HEAD


def test_empty_to_head_equals_the_metadata(place: str) -> None:
    migrate(place, "head")
    with engine(place).connect() as connection:
        assert differences(connection) == []
    assert open_inventory(place).scans() == []


def test_a_new_database_equals_a_migrated_one(place: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.db")
    if "://" in place:
        import psycopg

        other = place + "_other"
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {other.rpartition('/')[2]}".encode())
    migrate(place, "head")
    open_inventory(other)
    with engine(place).connect() as migrated, engine(other).connect() as made:
        assert differences(made) == []
        assert structure(made) == structure(migrated)


@pytest.mark.postgres
def test_every_text_column_compares_by_code_point(postgres_database: str) -> None:
    open_inventory(postgres_database)
    with engine(postgres_database).connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'text' AND table_name <> 'alembic_version'"
        ).all()
    assert len(rows) > 100
    assert [row for row in rows if row[2] != "C"] == []


def old_database(tmp_path: Path) -> str:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    return str(path)


def test_an_old_database_is_refused_until_it_is_upgraded(tmp_path: Path) -> None:
    place = old_database(tmp_path)
    with pytest.raises(InventoryError, match=r"older schema \(0001.*nhiscan db upgrade"):
        open_inventory(place)
    open_inventory(place, upgrade=True)
    with engine(place).connect() as connection:
        assert differences(connection) == []
    open_inventory(place)  # and stays upgraded


def test_an_old_database_reads_back_after_the_upgrade(tmp_path: Path) -> None:
    inventory = open_inventory(old_database(tmp_path), upgrade=True)
    assert [(info.number, info.started_at, info.scopes) for info in inventory.scans()] == [
        (1, 1_700_000_000, ("aws/account/aws:111122223333",)),
        (2, 1_700_086_400, ("aws/account/aws:111122223333",)),
    ]
    select = "SELECT native_id, state, used_at, first_seen_at, confirmed, predecessor FROM credential ORDER BY key"
    key = "aws/account/aws:111122223333/access_key/"
    with inventory.bound(1) as bound:
        assert [*bound.sql.rows(select)] == [
            ("AKIAOLD", "active", 1_699_990_000, 1_700_000_000, 1, None),
        ]
    with inventory.bound(2) as bound:
        assert [*bound.sql.rows(select)] == [
            ("AKIANEW", "active", None, 1_700_086_400, 1, f"{key}AKIAOLD"),
            ("AKIAOLD", "inactive", 1_700_010_000, 1_700_000_000, 1, None),
        ]
        assert bound.sql.one("SELECT count(*) FROM finding") == (0,)
    assert [document.text for document in inventory.documents(2)] == ['{"Statement":[]}']
    assert [(scope[-4:], source, len(calls)) for scope, source, calls in inventory.transcript(2)] == [
        ("3333", "iam.credential-report", 1)
    ]


ACCOUNT = "aws/account/aws:111122223333"
ROWS_OF_0002 = f"""
INSERT INTO run VALUES ('r', 'finished', NULL, '0.1.0', '["aws"]', '{{}}', '-', '{{}}', 'host', 1, 1000, 1060);
INSERT INTO scan VALUES (1, 'r', 1000, 1060);
INSERT INTO scan_scope VALUES ('{ACCOUNT}', 1);
INSERT INTO scope_range (key, provider, first_scan, from_scan) VALUES ('{ACCOUNT}', 'aws', 1, 1);
INSERT INTO need_range VALUES ('{ACCOUNT}', 'effective_access', 1, 1, NULL, 1, NULL);
INSERT INTO need_range VALUES ('{ACCOUNT}', 'trust', 1, 1, NULL, 1, NULL);
INSERT INTO effective_access_range VALUES
 ('a', '{ACCOUNT}', 'u', 'administrator', '*', '*', '*', 'g', '1', 0, 'possible', 'why', 1, 1, NULL);
INSERT INTO escalation_path_range VALUES
 ('e', '{ACCOUNT}', 'u', 't', 'm', 'exploitable_now', 2, '[]', 'proven', 'why', 1, 1, NULL);
INSERT INTO trust_range VALUES
 ('t', '{ACCOUNT}', 'i', 'account', '1', NULL, 1, 0, 1, '{{}}', '2', 'possible', 'why', 1, 1, NULL);
"""


def of_0002(place: str) -> Inventory:
    """A database of schema 0002 with derived rows, upgraded."""
    migrate(place, "0002")
    with engine(place).connect() as connection:
        for statement in ROWS_OF_0002.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.commit()
    return open_inventory(place, upgrade=True)


def test_derived_rows_of_an_earlier_schema_stay_and_their_new_columns_are_null(place: str) -> None:
    inventory = of_0002(place)
    with engine(place).connect() as connection:
        assert differences(connection) == []
    found: dict[str, dict[str, Any]] = {}
    with inventory.bound(1) as bound:
        for view in ("effective_access", "escalation_path", "trust", "privilege", "access_use"):
            names = [column.name for column in VIEWS[view]]
            for row in bound.sql.rows(f"SELECT {', '.join(names)} FROM {view}"):
                found[view] = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    state = {"scope": ACCOUNT, "planned": 1, "first_seen_at": 1000, "reason": "why"}
    assert found == {
        "effective_access": state
        | {"key": "a", "principal": "u", "level": "administrator", "service": "*", "action": "*", "resource": "*"}
        | {"via": "g", "statement": "1", "conditional": 0, "confidence": "possible", "confirmed": 1},
        "escalation_path": state
        | {"key": "e", "principal": "u", "target": "t", "method": "m", "grade": "exploitable_now", "hops": 2}
        | {"steps": "[]", "confidence": "proven", "confirmed": 0},
        "trust": state
        | {"key": "t", "identity": "i", "principal_kind": "account", "principal": "1", "external": 1}
        | {"external_id": 0, "conditional": 1, "conditions": "{}", "statement": "2", "confidence": "possible"}
        | {"confirmed": 1},
    }


def test_what_an_earlier_version_did_not_work_out_is_unknown_and_not_clean(place: str) -> None:
    inventory = of_0002(place)
    rules = [
        rule
        for rule in load([data.folder("rules")])
        if {"effective_access", "escalation_path", "privilege", "trust"} & {*rule.needs}
    ]
    with inventory.bound(1, materialise=True) as bound:
        evaluation = evaluate(bound.sql, rules, {}, 1000)
    assert {(count.scope, count.gap) for count in evaluation.counts if count.scope == ACCOUNT} == {
        (ACCOUNT, "coverage")
    }
    run = inventory.start(Plan("next", 2000, "0", ("aws",), "{}", "-", "{}", "host", 1))
    run.plan_scopes([Scope(ACCOUNT, "aws", "account", "aws:111122223333")], [])
    with run.finish(2060) as scan:
        needs = ("effective_access", "escalation_path", "privilege", "trust")
        scan.needs([Need(ACCOUNT, need, 1, 1) for need in needs])
    with inventory.bound(2) as bound:  # a scan of this version knows
        assert [*bound.sql.rows("SELECT need, complete FROM need ORDER BY need")] == [(need, 1) for need in needs]


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    place = str(tmp_path / "newer.db")
    open_inventory(place)
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for upgrade in (False, True):
        with pytest.raises(InventoryError, match=r"newer nhiscan \(schema 9999"):
            open_inventory(place, upgrade=upgrade)
