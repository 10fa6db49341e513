"""What is played on the stage is played twice: edits taken at once, and each in its task's turn."""

import pytest

from tests.documents.sync import stage


@pytest.fixture(autouse=True)
def takes_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "TAKES_AT_ONCE", getattr(request, "param", True))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if hasattr(metafunc.module, "staged"):
        ids = ["at once", "in turn"]
        metafunc.parametrize("takes_at_once", [True, False], ids=ids, indirect=True)
