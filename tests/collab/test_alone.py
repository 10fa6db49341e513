"""Two processes on one database without a Redis between them: the second is refused."""

from typing import Any

import pytest


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_a_second_process_without_redis_is_refused(new_server: Any, backend: str) -> None:
    server = new_server(backend=backend, REDIS_URL="")
    with pytest.raises(AssertionError, match="REDIS_URL: another process serves this database"):
        server.another(REDIS_URL="")
    with pytest.raises(AssertionError, match="REDIS_URL"):
        server.another(REDIS_URL="redis://127.0.0.1:1/0")
    server.kill()
    server.start()  # a kill releases the lock


def test_processes_with_redis_tolerate_one_another_and_nobody_without(new_server: Any) -> None:
    server = new_server(backend="postgres")
    server.another()
    with pytest.raises(AssertionError, match="REDIS_URL"):
        server.another(REDIS_URL="")
