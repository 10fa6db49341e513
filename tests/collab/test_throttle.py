"""Whoever asks too often is told when to come back, and nobody else is affected."""

import pytest

from collab import throttle
from tests.backends import Redis, missing_backends
from tests.servers import skip_without

pytestmark = pytest.mark.django_db


@pytest.fixture
def limited(settings, monkeypatch):
    """With limits, counted in memory."""
    settings.COLLAB = settings.COLLAB.model_copy(
        update={"api_per_token": 3, "api_per_user": 5, "api_per_address": 2}
    )
    counters = throttle._Counters("")
    monkeypatch.setattr(throttle, "_counters", lambda: counters)


def statuses(caller, times):
    return [caller.send("GET", "documents").status_code for _ in range(times)]


def test_a_token_has_its_limit_and_its_user_another(limited, alice, program_of, browser_of):
    assert statuses(program_of(alice), 4) == [200, 200, 200, 429]
    # Another token of hers, and then her browser: five for all of them.
    assert statuses(program_of(alice), 3) == [200, 200, 429]
    assert statuses(browser_of(alice), 1) == [429]


def test_others_are_not_affected(limited, alice, bob, program_of):
    assert statuses(program_of(alice), 4)[-1] == 429
    assert statuses(program_of(bob), 1) == [200]


def test_strangers_count_by_their_address(limited, browser_of, client):
    wrong = {"Authorization": "Bearer collab_wrong"}
    assert [client.get("/api/v1/me", headers=wrong).status_code for _ in range(2)] == [401, 401]
    assert client.get("/api/v1/me", headers=wrong).status_code == 429
    assert browser_of(None).send("GET", "me").status_code == 429
    elsewhere = client.get("/api/v1/me", headers=wrong, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401


def test_all_addresses_of_an_ipv6_network_count_together(limited, client):
    wrong = {"Authorization": "Bearer collab_wrong"}

    def ask(address):
        return client.get("/api/v1/me", headers=wrong, REMOTE_ADDR=address).status_code

    assert [ask(f"2001:db8::{number}") for number in range(3)] == [401, 401, 429]
    assert ask("2001:db8:0:1::1") == 401


def test_the_answer_says_when_to_come_back(limited, alice, program_of):
    program = program_of(alice)
    statuses(program, 3)
    refused = program.send("GET", "me")
    assert refused.json()["code"] == "too-many-requests"
    assert 1 <= int(refused["Retry-After"]) <= 120


class Counting:
    """What several processes count together."""

    def __init__(self, url):
        self.processes = [throttle._Counters(url), throttle._Counters(url)]

    def take(self, process):
        rate = throttle.RateLimitItemPerMinute(3)
        return self.processes[process].take(rate, "token", "7")


@pytest.mark.timeout(60)
def test_processes_count_together_and_each_for_itself_without_redis(tmp_path):
    skip_without([name for name in missing_backends() if "redis" in name])
    with Redis(tmp_path) as redis:
        counting = Counting(redis.url)
        assert [counting.take(0), counting.take(1), counting.take(0)] == [None] * 3
        assert counting.take(1) is not None
    assert counting.take(1) is None  # Redis is away: nobody is shut out


@pytest.mark.parametrize(
    ("url", "uri", "options"),
    [
        ("redis://one:6379/1,redis://two:6379/1", "redis://one:6379/1", {}),
        ("unix:///run/redis.sock", "redis+unix:///run/redis.sock", {}),
        (
            "redis+sentinel://:secret@a:26379,b:26379/main/2",
            "redis+sentinel://:secret@a:26379,b:26379/main",
            {"db": 2},
        ),
    ],
)
def test_every_form_of_redis_url_counts(url, uri, options):
    assert throttle._storage(url) == (uri, options)


def test_a_limit_of_nought_is_none(alice, program_of):
    assert statuses(program_of(alice), 8) == [200] * 8
