#!/usr/bin/env python
"""Django's command line (`makemigrations`, `makemessages` …); daily work goes through `rongqiao`."""

import sys

from django.core.management import execute_from_command_line

from config.database import setup_django

if __name__ == "__main__":
    setup_django()
    execute_from_command_line(sys.argv)
