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
    from django.db import ProgrammingError

    from altor.settings.environment import EnvironmentInvalid

    try:
        execute_from_command_line(sys.argv)
    except EnvironmentInvalid as error:
        sys.exit(str(error))
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != "42P01":  # an undefined table
            raise
        sys.exit("The database is not set up: run `manage.py migrate` first (`manage.py up` does it by itself).")


if __name__ == "__main__":
    main()
