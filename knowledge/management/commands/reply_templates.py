"""Load the shipped reply templates, or list those in force."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from knowledge.models import ReplyTemplateVersion
from knowledge.replies.templates import load_library


class Command(BaseCommand):
    help = "Load the shipped reply templates, or list those in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="way", required=True)
        ways.add_parser("load", help="store the shipped templates; those that somebody changed stay as they are")
        ways.add_parser("list", help="one line for each template in force")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["way"] == "load":
            print(f"{load_library()} new versions")
            return
        for version in ReplyTemplateVersion.objects.active().select_related("template").order_by("template__key"):
            print(f"{version.template.key:<32} v{version.number:<4} {version.template.title}")
