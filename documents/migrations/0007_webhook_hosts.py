from django.db import migrations, models


def without_port(apps, schema_editor):
    """Deliveries are counted by host, whatever its ports."""
    webhooks = apps.get_model("documents", "Webhook").objects
    for webhook in webhooks.only("host").iterator():
        webhook.host = webhook.host.rpartition(":")[0]
        webhook.save(update_fields=["host"])


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0006_attachments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='webhook',
            name='host',
            field=models.CharField(db_index=True, help_text='Of the url, without its port', max_length=255),
        ),
        migrations.RunPython(without_port, migrations.RunPython.noop, elidable=True),
    ]
