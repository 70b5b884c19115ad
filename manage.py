#!/usr/bin/env python
"""Altor's command line: every job of an operator starts here."""

import os
import sys


def main() -> None:
    if sys.argv[1:2] == ["demo"]:  # its own home and addresses, before the settings are read
        from altor.demo.home import prepare_environment

        prepare_environment(os.environ)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.installation")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
