from typing import Any

from django.db import migrations, models


def fold(apps: Any, schema_editor: Any) -> None:
    documents = apps.get_model("documents", "Document").objects.using(schema_editor.connection.alias)
    for document_id, title in documents.exclude(title="").values_list("id", "title"):
        documents.filter(id=document_id).update(folded_title=title.casefold())


class Migration(migrations.Migration):
    dependencies = [("documents", "0008_stars_and_search")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="folded_title",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Casefolded, for searching",
                max_length=600,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
