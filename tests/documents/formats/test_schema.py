from documents.formats.schema import SCHEMA, SCHEMA_VERSION


def test_the_schema_has_a_version():
    assert SCHEMA["version"] == SCHEMA_VERSION >= 1
