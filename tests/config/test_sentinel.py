"""`sentinel://` URLs: taken apart for redis-py and for kombu, refused where something is missing."""

import pytest

from config.sentinel import Sentinels, parse
from config.settings import SettingsError, read_settings


def test_all_its_parts() -> None:
    url = "sentinel://:p%40ss@one:26380,two/3?master=mymaster"
    found = parse(url)
    assert found == Sentinels((("one", 26380), ("two", 26379)), "mymaster", 3, "p@ss")
    assert found.broker_url == "sentinel://:p%40ss@one:26380/3;sentinel://:p%40ss@two:26379/3"
    assert read_settings({"REDIS_URL": url}).broker_url == found.broker_url


def test_without_a_password() -> None:
    assert parse("sentinel://one/?master=m").broker_url == "sentinel://one:26379/0"


@pytest.mark.parametrize(
    "url", ["sentinel://one:26379/0", "sentinel://:planted-secret@/0?master=m", "sentinel://one/zero?master=m"]
)
def test_what_is_missing_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as complaint:
        read_settings({"REDIS_URL": url})
    assert "planted-secret" not in str(complaint.value)
    assert "\n" not in str(complaint.value)


def test_other_urls_have_no_sentinels() -> None:
    assert read_settings({"REDIS_URL": "rediss://:secret@host:6380/1"}).sentinels is None
