"""Drop the index of the log's rows by document: ``gapless_log`` begins with it.

By hand, because Django would check the foreign key of every row again on PostgreSQL, with the log
locked, and copy the whole log on SQLite.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def drop_second_index(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "documents_logentry")
    how = "CONCURRENTLY" if connection.vendor == "postgresql" else ""
    for name, about in found.items():
        if about["index"] and not about["unique"] and about["columns"] == ["document_id"]:
            schema_editor.execute(f"DROP INDEX {how} {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):
    atomic = False  # for CONCURRENTLY: whoever writes meanwhile does not wait

    dependencies = [("documents", "0009_folded_title")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(drop_second_index, migrations.RunPython.noop)
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="logentry",
                    name="document",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="log",
                        to="documents.document",
                    ),
                )
            ],
        )
    ]
