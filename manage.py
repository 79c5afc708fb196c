#!/usr/bin/env python
"""The door for every command: `./manage.py up`, `./manage.py doctor`, …"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retail.settings")
    from retail.running.command_line import run

    run(sys.argv)


if __name__ == "__main__":
    main()
