"""One verb of bench/verbs.py in a process of its own: `python -m bench.inside VERB …`, JSON out."""

from __future__ import annotations

import json
import os
import sys

import django


def main(verb: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retail.settings")
    django.setup()
    from bench.verbs import VERBS

    print(json.dumps(VERBS[verb](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
