"""The short form of ``make chaos``: whatever is killed, nothing acknowledged is lost."""

from pathlib import Path

from tests.backends import missing_backends
from tests.chaos.story import chaos
from tests.servers import skip_without


async def test_nothing_acknowledged_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    skip_without(missing_backends())
    report = await chaos(tmp_path, seed=20261121, seconds=40, processes=2, clients=20)
    print(report)
    assert report.faults.total() >= 5
    assert report.acknowledged > 500
