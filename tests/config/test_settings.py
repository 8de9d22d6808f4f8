"""Settings: what the environment says is checked, named when wrong, and turned into addresses."""

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url

from config.settings import ROOT, Settings, SettingsError, read_settings


def test_defaults_are_embedded() -> None:
    s = read_settings({})
    assert s.embeds_redis
    assert s.embeds_database
    assert s.data_dir == ROOT / ".data"
    assert s.ipm == 800


def test_empty_variables_count_as_not_set() -> None:
    assert read_settings({"IPM": "", "REDIS_URL": ""}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IPM", "fast"),
        ("IPM", "0"),
        ("IPM", "-1"),
        ("IPM", "inf"),
        ("IPM", "nan"),
        ("MAX_IN_FLIGHT", "0"),
        ("WORKER_CONCURRENCY", "2.5"),
        ("VISIBILITY_TIMEOUT", "1"),
        ("LOG_LEVEL", "loud"),
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "mysql://localhost/classify"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


def test_a_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"DATABASE_URL": "mysql://user:planted-secret@localhost/classify"})
    assert "planted-secret" not in str(error.value)


def test_external_addresses() -> None:
    s = read_settings(
        {"REDIS_URL": "redis://:pw@cache:6379/1", "DATABASE_URL": "postgresql://u:p@db/classify?sslmode=require"}
    )
    assert s.redis_address == s.broker_url == "redis://:pw@cache:6379/1"
    assert s.database_address == "postgresql+psycopg2://u:p@db/classify?sslmode=require"
    assert not s.embeds_redis
    assert not s.embeds_database


@pytest.mark.parametrize(
    ("url", "broker_url"),
    [
        ("rediss://cache/0", "rediss://cache/0?ssl_cert_reqs=required"),
        ("rediss://cache/0?ssl_ca_certs=/ca.pem", "rediss://cache/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required"),
        ("rediss://cache/0?ssl_cert_reqs=none", "rediss://cache/0?ssl_cert_reqs=none"),
    ],
)
def test_a_certificate_is_checked_unless_the_url_says_otherwise(url: str, broker_url: str) -> None:
    assert read_settings({"REDIS_URL": url}).broker_url == broker_url


def test_a_password_of_its_own_goes_into_a_url_that_has_none() -> None:
    odd = "p@s/s:w%rd"
    s = read_settings(
        {
            "REDIS_URL": "redis://cache:6379/1",
            "DATABASE_URL": "postgresql://u@db/classify?sslmode=require",
            "REDIS_PASSWORD": odd,
            "POSTGRES_PASSWORD": odd,
        }
    )
    assert s.redis_address == s.broker_url == "redis://:p%40s%2Fs%3Aw%25rd@cache:6379/1"
    assert s.database_address == "postgresql+psycopg2://u:p%40s%2Fs%3Aw%25rd@db/classify?sslmode=require"
    assert make_url(s.database_address).password == odd
    assert odd not in repr(s)
    behind = read_settings({"REDIS_URL": "sentinel://one,two:26380/0?master=m", "REDIS_PASSWORD": odd}).sentinels
    assert behind is not None
    assert (behind.hosts, behind.password) == ((("one", 26379), ("two", 26380)), odd)


def test_a_password_of_its_own_changes_nothing_elsewhere() -> None:
    own = {"REDIS_PASSWORD": "other", "POSTGRES_PASSWORD": "other"}
    urls = {"REDIS_URL": "redis://:pw@cache", "DATABASE_URL": "postgresql://u:p@db/classify"}
    for environment in ({}, urls):
        bare, with_own = read_settings(environment), read_settings({**environment, **own})
        assert with_own.redis_address == bare.redis_address
        assert with_own.broker_url == bare.broker_url
        assert with_own.database_address == bare.database_address


def test_embedded_addresses_fit_a_unix_socket_wherever_the_data_lies(tmp_path: Path) -> None:
    short = read_settings({"DATA_DIR": "/srv/classify"})
    assert short.run_dir == Path("/srv/classify/run")
    for odd in (tmp_path / "with space", tmp_path / "ümlaut", tmp_path / ("long" * 40)):
        s = read_settings({"DATA_DIR": str(odd)})
        assert re.fullmatch(r"[A-Za-z0-9/._-]{1,80}", str(s.run_dir))
        assert s.run_dir != read_settings({"DATA_DIR": str(odd) + "2"}).run_dir


def test_the_example_names_every_variable_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?\s?([A-Z_]+)=", example, re.M))
    assert named == {field.upper() for field in Settings.model_fields}
