"""The search's word indexes take in a new entry at once instead of keeping a list that every search reads to its end."""

import django.contrib.postgres.indexes
from django.db import migrations

INDEXES = ("search_terms", "search_names", "search_term_word")


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0004_recognition")]

    operations = [
        migrations.SeparateDatabaseAndState(
            # Nothing is built anew: the setting changes, and what the lists hold is taken in.
            database_operations=[
                migrations.RunSQL(
                    sql=[f"ALTER INDEX {name} SET (fastupdate = off)" for name in INDEXES]
                    + [f"SELECT gin_clean_pending_list('{name}')" for name in INDEXES],
                    reverse_sql=[f"ALTER INDEX {name} RESET (fastupdate)" for name in INDEXES],
                )
            ],
            state_operations=[
                migrations.RemoveIndex(model_name="searchrow", name="search_terms"),
                migrations.RemoveIndex(model_name="searchrow", name="search_names"),
                migrations.RemoveIndex(model_name="searchterm", name="search_term_word"),
                migrations.AddIndex(
                    model_name="searchrow",
                    index=django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["terms"], name="search_terms"
                    ),
                ),
                migrations.AddIndex(
                    model_name="searchrow",
                    index=django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["names"], name="search_names"
                    ),
                ),
                migrations.AddIndex(
                    model_name="searchterm",
                    index=django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.indexes.OpClass("word", name="gin_trgm_ops"),
                        fastupdate=False,
                        name="search_term_word",
                    ),
                ),
            ],
        )
    ]
