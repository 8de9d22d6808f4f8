"""Which errors are tried again, how often, and after how long."""

import pytest
from sqlalchemy.exc import OperationalError

from classify.errors import BadAnswerError, FatalError, HeldBackError, RefusedError, TransientError
from tasks.errors import LONGEST_RETRY_S, MOST_TRIES, is_transient, retry_delay


@pytest.mark.parametrize("error", [BadAnswerError("b"), RefusedError("r"), FatalError("f"), ValueError("v")])
def test_what_will_not_change_is_not_tried_again(error: Exception) -> None:
    assert not is_transient(error)


def test_a_question_that_always_fails_is_given_up_but_not_one_that_has_to_wait() -> None:
    assert is_transient(TransientError("HTTP 500"), MOST_TRIES - 1)
    assert not is_transient(TransientError("HTTP 500"), MOST_TRIES)
    assert is_transient(TransientError("HTTP 429", rate_limited=True), 10 * MOST_TRIES)
    assert is_transient(HeldBackError("by a limit"), 10 * MOST_TRIES)
    assert is_transient(OperationalError("SELECT", {}, Exception("away")), 10 * MOST_TRIES)


@pytest.mark.parametrize("asked", [0.0, 2.0, 15.0])
def test_what_the_endpoint_asks_for_goes_first(asked: float) -> None:
    delays = [retry_delay(9, TransientError("HTTP 429", retry_after=asked)) for _ in range(50)]
    assert min(delays) >= asked
    assert max(delays) <= min(LONGEST_RETRY_S, 1.25 * asked + 1)
    assert len(set(delays)) > 40  # with jitter


def test_delays_grow_and_stay_below_the_longest() -> None:
    assert max(retry_delay(0, ValueError()) for _ in range(50)) <= 2
    assert max(retry_delay(30, ValueError()) for _ in range(50)) <= LONGEST_RETRY_S
