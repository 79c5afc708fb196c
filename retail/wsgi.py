"""The web server's door."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retail.settings")
# Nobody waits longer for a page: one question that never ends must not keep a connection and a thread from everybody else.
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "60")

application = get_wsgi_application()

# What stands when the first request comes (the addresses bring every page) stays for ever. The garbage collector need not look
# through it again and again: that held up one request in some hundreds for a fifth of a second.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
