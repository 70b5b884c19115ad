"""`manage.py rotate_keys`: every stored secret under the newest encryption key."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from altor.crypto import rotate_text
from altor.fields import EncryptedTextField


class Command(BaseCommand):
    help = "Encrypt every stored secret again with the newest key of ALTOR_ENCRYPTION_KEYS; then the old ones can go."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        with transaction.atomic(), connection.cursor() as cursor:
            quote = connection.ops.quote_name
            for model in apps.get_models():
                for field in model._meta.concrete_fields:
                    if not isinstance(field, EncryptedTextField):
                        continue
                    table, column = quote(model._meta.db_table), quote(field.column or field.name)
                    # Read raw: the field itself would decrypt.
                    cursor.execute(f"SELECT id, {column} FROM {table} WHERE {column} <> '' FOR UPDATE")  # noqa: S608
                    for pk, token in cursor.fetchall():
                        try:
                            fresh = rotate_text(token)
                        except ImproperlyConfigured as error:
                            raise CommandError(f"{model.__name__} {pk}: {error}. Nothing was changed.") from None
                        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [fresh, pk])  # noqa: S608
                        total += 1
        self.stdout.write(f"{total} secrets are under the newest key.")
