"""`manage.py sweep`: what the supervisor does every few seconds, once, by hand or from a timer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from altor.registry import parts


class Command(BaseCommand):
    help = "Queue lapsed and forgotten work again; park what failed too often."

    def handle(self, *args: Any, **options: Any) -> None:
        for sweep in parts("SWEEPS"):
            found = sweep()
            self.stdout.write(f"{sweep.__module__}.{sweep.__name__}: {found if found is not None else 'done'}")
