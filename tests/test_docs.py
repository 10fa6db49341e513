"""What outsiders rely on stands in ``docs/``: settings, commands, close codes, routes."""

from pathlib import Path

import pytest
from django.core.management import get_commands
from prometheus_client.metrics import MetricWrapperBase

from collab import errors, metrics
from collab.conf import Conf, Environment

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
OURS = [name for name, app in get_commands().items() if app.startswith(("collab", "documents"))]


@pytest.mark.parametrize("field", Environment.model_fields)
def test_each_variable_of_the_environment_is_documented(field: str) -> None:
    assert f"`{field.upper()}`" in DOCS["settings.md"]


@pytest.mark.parametrize("field", Conf.model_fields)
def test_each_tunable_is_documented_with_its_meaning(field: str) -> None:
    assert f"`COLLAB_{field.upper()}`" in DOCS["settings.md"]
    description = Conf.model_fields[field].description
    assert description
    assert description in DOCS["settings.md"]


@pytest.mark.parametrize("command", OURS)
def test_each_command_is_documented(command: str) -> None:
    assert f"manage.py {command}" in DOCS["run.md"]


@pytest.mark.parametrize(
    "error", [each for each in vars(errors).values() if isinstance(each, type)], ids=str
)
def test_each_close_code_is_documented(error: type) -> None:
    if issubclass(error, errors.CollabError) and error is not errors.CollabError:
        assert f"| {error.close_code} |" in DOCS["protocol.md"]


@pytest.mark.parametrize(
    "metric",
    [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)],
    ids=str,
)
def test_each_metric_is_documented(metric: MetricWrapperBase) -> None:
    (family,) = metric.describe()
    assert f"`{family.name}" in DOCS["monitor.md"]
    assert family.documentation in DOCS["monitor.md"]


def test_the_readme_names_its_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make run" in readme
    assert "make test" in readme
