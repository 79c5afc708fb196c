"""Settings: what varies comes from the environment (retail/environment.py), everything else stands here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from django.conf import locale
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from retail.environment import read
from retail.running import home as local

BASE_DIR = Path(__file__).resolve().parent.parent

# What this process is. Naming a real database means production unless somebody says otherwise: forgetting a
# variable must never open the sample logins to the world.
ONEROW_HOME = local.folder(BASE_DIR, read("ONEROW_HOME"))
ONEROW_ENV: str = read("ONEROW_ENV") or ("production" if read("DATABASE_URL") else "local")
IS_LOCAL = ONEROW_ENV == "local"
IS_TEST = False  # tests/conftest.py's settings turn it on
SAMPLE_IS_ALLOWED = IS_LOCAL
SANDBOX_IS_ALLOWED = IS_LOCAL

DEBUG: bool = read("DEBUG")
PORT: int = read("PORT")
SANDBOX_PORT: int = (
    read("SANDBOX_PORT") or local.read_record(ONEROW_HOME, "up").get("sandbox_port") or PORT + 1
)
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}" if SANDBOX_IS_ALLOWED else ""
SAMPLE: str = read("SAMPLE")
WEB_WORKERS: int = read("WEB_WORKERS")
TASK_WORKERS: int = read("TASK_WORKERS")


def _ours(name: str, *, kind: str = "text") -> str:
    """A random secret of this machine's home; production brings its own and gets none."""
    return local.secret(ONEROW_HOME, name, kind=kind) if IS_LOCAL else ""


def _stand_in(name: str) -> str:
    """The address of one stand-in of the sandbox; production has none."""
    return f"{SANDBOX_URL}/{name}" if SANDBOX_URL else ""


def _required(name: str, *, locally: Any) -> Any:
    """The variable's value; in production it must be given, on this machine `locally` stands in."""
    value = read(name)
    if value or IS_LOCAL:
        return value or locally
    raise ImproperlyConfigured(f"{name} must be set in production.")


if not IS_LOCAL and DEBUG:
    raise ImproperlyConfigured("DEBUG must be off in production.")
# Only on this machine may a webhook name an address that is not public.
WEBHOOKS_MAY_BE_LOCAL = IS_LOCAL
# Points at which tests let a process die (retail/kernel/failpoints.py).
FAILPOINTS: str = read("FAILPOINTS")
if not IS_LOCAL and FAILPOINTS:
    raise ImproperlyConfigured("FAILPOINTS must not be set in production.")

# -- Secrets -------------------------------------------------------------------------------------------------
SECRET_KEY: str = _required("SECRET_KEY", locally=_ours("secret_key"))
if not IS_LOCAL and (
    len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith("django-insecure")
):
    raise ImproperlyConfigured("SECRET_KEY must be 50 random characters or more in production.")
ENCRYPTION_KEYS: list[str] = _required("ENCRYPTION_KEYS", locally=[_ours("encryption_key", kind="fernet")])

# -- Addresses -----------------------------------------------------------------------------------------------
BASE_URL: str = _required("BASE_URL", locally=f"http://localhost:{PORT}").rstrip("/")
ALLOWED_HOSTS: list[str] = _required("ALLOWED_HOSTS", locally=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = read("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "retail.urls"
WSGI_APPLICATION = "retail.wsgi.application"
APPEND_SLASH = True

# -- Apps ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "retail",
    "retail.kernel",
    "retail.front",
    "audit",
    "storefront",
    "crm",
    "oms",
    "warehouse",
    "finance",
    "cms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.contrib.settings",
    "wagtail.contrib.simple_translation",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "rest_framework",
    "drf_spectacular",
    "auditlog",
    "pgtrigger",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    "retail.health.HealthMiddleware",
    "retail.chain.ProgramsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "retail.headers.ContentPolicyMiddleware",
    "retail.entrance.CountedEntranceMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "retail.kernel.middleware.ContextMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
    "axes.middleware.AxesMiddleware",
]
# What a call of the API passes instead of everything below ProgramsMiddleware (retail/chain.py).
API_PREFIX = "/api/"
API_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "retail.headers.ContentPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "retail.kernel.middleware.ContextMiddleware",
]

FORM_RENDERER = "retail.front.widgets.QuickWidgets"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# -- Rows ----------------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "kernel.User"
AUDITLOG_LOGENTRY_MODEL = "audit.LogEntry"

LOCK_TIMEOUT_SECONDS = 10
# A segment that somebody composes is counted within this time, and not at all above this cost (the planner's own units).
SEGMENT_SECONDS_MAX = 5
SEGMENT_COST_MAX = 5_000_000
_pool_size: int = read("DATABASE_POOL_SIZE")
_statement_seconds: int = read("DATABASE_STATEMENT_SECONDS")
_database = environ.Env.db_url_config(
    _required("DATABASE_URL", locally="") or local.database_url(ONEROW_HOME)
)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **{key: _database[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")},
        "ENGINE": "retail.kernel.postgres",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        # A transaction pooler (PgBouncer) keeps no session: no pool of our own then, no server-side cursor, no kept plan.
        "DISABLE_SERVER_SIDE_CURSORS": _pool_size == 0,
        "OPTIONS": {
            **_database.get("OPTIONS", {}),
            **(
                {
                    "pool": {"min_size": 1, "max_size": _pool_size, "timeout": 10, "max_idle": 60},
                    # Whoever waits longer for a row gives way and says so, whoever asks too much too; behind a pooler the role
                    # has both (ALTER ROLE).
                    "options": f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s -c statement_timeout={_statement_seconds}s",
                    # Values travel beside the statement, and the server keeps the plan of one that comes back.
                    "server_side_binding": True,
                    "prepare_threshold": 5,
                }
                if _pool_size
                else {}
            ),
        },
    }
}

# -- Doorbell, cache, sessions: a wiped Redis loses nothing --------------------------------------------------
REDIS_URL: str = _required("REDIS_URL", locally=local.redis_url(ONEROW_HOME))
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "retail.cache.ForgetfulRedisCache",
        "LOCATION": local.cache_location(REDIS_URL),
        "KEY_PREFIX": "onerow",
    }
}
# A session read from a cache may outlive its logout when the cache was down in between; a row cannot.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# A word after an act lies in a signed cookie: a guest who fills a basket needs no row of a session for it.
MESSAGE_STORAGE = "django.contrib.messages.storage.fallback.FallbackStorage"

CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A publisher that cannot ring gives up at once: the row is there, and the next sweep finds it.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "Europe/Belgrade"
CELERY_BEAT_SCHEDULE_FILENAME = str(ONEROW_HOME / "run" / "beat-schedule")
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "run-outbox": {"task": "retail.tasks.run_outbox", "schedule": 10.0},
    "finance-sign-receipts": {"task": "finance.tasks.sign_receipts", "schedule": 60.0},
    "finance-process-events": {"task": "finance.tasks.process_events", "schedule": 60.0},
    "finance-send-refunds": {"task": "finance.tasks.send_refunds", "schedule": 60.0},
    "finance-void-authorizations": {"task": "finance.tasks.void_authorizations", "schedule": 60.0},
    "finance-settle-captures": {"task": "finance.tasks.settle_captures", "schedule": 60.0},
    "finance-poll-payments": {"task": "finance.tasks.poll_payments", "schedule": 60.0},
    "finance-report-unsent-captures": {
        "task": "finance.tasks.report_unsent_captures",
        "schedule": 3600.0,
    },
    "tell-webhooks": {
        "task": "audit.tasks.tell_webhooks",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "forget-webhook-deliveries": {
        "task": "audit.tasks.forget_webhook_deliveries",
        "schedule": crontab(hour="3", minute="50"),
    },
    "finance-send-einvoices": {"task": "finance.tasks.send_einvoices", "schedule": 30.0},
    "finance-read-sef": {"task": "finance.tasks.read_sef", "schedule": crontab(hour="6", minute="15")},
    "finance-renew-register": {"task": "finance.tasks.renew_register", "schedule": 60.0},
    "finance-keep-points": {"task": "finance.tasks.keep_points", "schedule": crontab(hour="3", minute="20")},
    "finance-pull-purchases": {"task": "finance.tasks.pull_purchases", "schedule": 1800.0},
    "seal-trace": {"task": "retail.tasks.seal_trace", "schedule": 30.0},
    "forget-old-keys": {"task": "retail.tasks.forget_old_keys", "schedule": 600.0},
    "cancel-overdue-orders": {"task": "oms.tasks.cancel_overdue_orders", "schedule": 60.0},
    "sweep-exchanges": {"task": "oms.tasks.sweep_exchanges", "schedule": 60.0},
    "recs-neighbours": {"task": "recs.neighbours", "schedule": crontab(hour="2", minute="10")},
    "warehouse-release-expired-holds": {"task": "warehouse.tasks.release_expired_holds", "schedule": 60.0},
    "warehouse-make-labels": {"task": "warehouse.tasks.make_labels", "schedule": 60.0},
    "warehouse-announce-parcels": {"task": "warehouse.tasks.announce_parcels", "schedule": 60.0},
    "warehouse-refresh-parcels": {"task": "warehouse.tasks.refresh_parcels", "schedule": 1800.0},
    "warehouse-release-no-shows": {
        "task": "warehouse.tasks.release_no_shows",
        "schedule": crontab(hour="2", minute="30"),
    },
    "shop-tell-back-in-stock": {"task": "oms.tasks.tell_back_in_stock", "schedule": 120.0},
    "shop-tell-price-drops": {"task": "oms.tasks.tell_price_drops", "schedule": 600.0},
    "shop-forget-visits": {
        "task": "storefront.tasks.forget_visits",
        "schedule": crontab(hour="3", minute="55"),
    },
    "shop-forget-old-views": {
        "task": "crm.tasks.forget_old_views",
        "schedule": crontab(hour="3", minute="57"),
    },
    "shop-check-feeds": {"task": "storefront.tasks.check_feeds", "schedule": crontab(minute="20")},
    "finance-deliver-files": {"task": "finance.tasks.deliver_files", "schedule": 60.0},
    "finance-deliver-gift-cards": {"task": "finance.tasks.deliver_gift_cards", "schedule": 60.0},
    "finance-expire-gift-cards": {
        "task": "finance.tasks.expire_gift_cards",
        "schedule": crontab(hour="3", minute="10"),
    },
    "crm-fold-offer-marks": {"task": "crm.tasks.fold_offer_marks", "schedule": 300.0},
    "crm-send-gift-cards": {"task": "crm.tasks.send_gift_cards", "schedule": 300.0},
    "crm-send-messages": {"task": "crm.tasks.send_messages", "schedule": 60.0},
    "clear-sessions": {"task": "retail.tasks.clear_sessions", "schedule": crontab(hour="3", minute="40")},
}
# A new event rings the worker after its commit; tests call the handlers themselves.
OUTBOX_RINGS = True

# -- Languages and time --------------------------------------------------------------------------------------
LANGUAGE_CODE = "sr-latn"
LANGUAGES = [("sr-latn", _("Serbian (Latin)")), ("sr-cyrl", _("Serbian (Cyrillic)")), ("en", _("English"))]
locale.LANG_INFO["sr-cyrl"] = {**locale.LANG_INFO["sr"], "code": "sr-cyrl", "fallback": ["sr-latn"]}
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Belgrade"
LANGUAGE_COOKIE_SAMESITE = "Lax"

# -- Files ---------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = (
    None if IS_LOCAL else BASE_DIR / "static-built"
)  # on this machine files are found where they are
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(read("MEDIA_ROOT") or ONEROW_HOME / "media")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Files that are sold: no address leads here, a view streams them to whoever paid.
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": Path(read("PRIVATE_ROOT") or ONEROW_HOME / "private"),
            "base_url": None,
            "file_permissions_mode": 0o600,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = IS_LOCAL
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
# An electronic edition: how large its file may be, how often and for how long whoever paid may fetch it.
DIGITAL_FILE_BYTES_MAX = 50_000_000
DOWNLOADS_MAX = read("DOWNLOADS_MAX")
DOWNLOAD_DAYS = read("DOWNLOAD_DAYS")

# -- Who comes in --------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if IS_LOCAL else "https"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_FORMS = {"add_webauthn": "retail.front.passkeys.AddPasskeyForm"}
MFA_TOTP_ISSUER = "Onerow"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOCAL
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "login"
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_LOCKOUT_CALLABLE = "retail.answers.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "login", "ip_address"]

# -- Cookies and headers -------------------------------------------------------------------------------------
_secure = not IS_LOCAL
SESSION_COOKIE_NAME = "__Host-session" if _secure else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _secure else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "retail.answers.csrf_refused"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = _secure
SECURE_HSTS_SECONDS = 63_072_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_behind_proxy: bool = _secure and read("BEHIND_TLS_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _behind_proxy else None
TRUSTED_PROXIES = 1 if _behind_proxy else 0
SILENCED_SYSTEM_CHECKS: list[str] = []

_self, _none = "'self'", "'none'"
# A browser holds the redirect after a form to form-action too, and checkout ends on the card provider's page.
CARD_PROVIDER_PAGES: list[str] = read("CARD_PROVIDER_PAGES") or (
    [f"http://localhost:{SANDBOX_PORT}"] if SANDBOX_IS_ALLOWED else []
)
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [_self],
        "script-src": [_self],
        "style-src": [_self],
        "img-src": [_self],
        "font-src": [_self],
        "connect-src": [_self],
        "object-src": [_none],
        "base-uri": [_none],
        "form-action": [_self, *CARD_PROVIDER_PAGES],
        "frame-ancestors": [_none],
    }
}
# Wagtail's admin writes inline scripts and styles; only its own addresses get the looser policy.
CONTENT_POLICY_BY_PREFIX: dict[str, dict[str, list[str]]] = {
    "/cms/": {
        "default-src": [_self],
        "script-src": [_self, "'unsafe-inline'"],
        "style-src": [_self, "'unsafe-inline'"],
        "img-src": [_self, "data:", "blob:"],
        "font-src": [_self, "data:"],
        "connect-src": [_self],
        "frame-src": [_self],
        "object-src": [_none],
        "base-uri": [_self],
        "form-action": [_self],
        "frame-ancestors": [_self],
    }
}

# -- Words: Wagtail ------------------------------------------------------------------------------------------
WAGTAIL_SITE_NAME = "Onerow"
WAGTAILADMIN_BASE_URL = BASE_URL
WAGTAIL_PAGE_MODEL = "wagtailcore.Page"
WAGTAIL_I18N_ENABLED = True
# Cyrillic is the Latin page in its other script, so nobody writes it twice.
WAGTAIL_CONTENT_LANGUAGES = [each for each in LANGUAGES if each[0] != "sr-cyrl"]
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_FRONTEND_LOGIN_URL = WAGTAILADMIN_LOGIN_URL = "/accounts/login/"
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAIL_FINISH_WORKFLOW_ACTION = "cms.workflows.publishing.publish"
WAGTAILEMBEDS_FINDERS: list[dict[str, str]] = []
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "pdf", "txt", "xlsx"]
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "modelsearch.backends.database"}}

METRICS_TOKEN: str = read("METRICS_TOKEN")

# -- API -----------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "retail.rest.schema.ApiSchema",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
# A shopper's browser and a shop of our own behind one address; integrators have a budget for each key.
API_REQUESTS_PER_MINUTE: int = read("API_REQUESTS_PER_MINUTE")
COUNT_APPROVAL_ABOVE: int = read("COUNT_APPROVAL_ABOVE")
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Onerow API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices stand where they are used: a hundred named lists of three words help nobody.
    "POSTPROCESSING_HOOKS": [],
}

# -- Mail ----------------------------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL: str = read("DEFAULT_FROM_EMAIL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
EMAIL_CONFIG = environ.Env.email_url_config(read("EMAIL_URL") or "consolemail://")
EMAIL_BACKEND: str = (
    EMAIL_CONFIG["EMAIL_BACKEND"] if read("EMAIL_URL") or not IS_LOCAL else "retail.sandbox_mail.EmailBackend"
)
EMAIL_HOST: str = EMAIL_CONFIG.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = EMAIL_CONFIG.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = EMAIL_CONFIG.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS: bool = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)

# -- The outside: real services by their addresses, the sandbox on this machine -------------------------------
CARD_PROVIDER_URL: str = read("CARD_PROVIDER_URL") or _stand_in("kartica")
CARD_PROVIDER_KEY: str = read("CARD_PROVIDER_KEY") or _ours("card_provider_key")
CARD_PROVIDER_SECRETS: list[str] = read("CARD_PROVIDER_SECRETS") or (
    [_ours("card_provider_secret")] if IS_LOCAL else []
)
CARD_PROVIDER_TIMEOUT_SECONDS = 10.0
FISCAL_URL: str = read("FISCAL_URL") or _stand_in("fiscal")
FISCAL_PAC: str = read("FISCAL_PAC") or _ours("fiscal_pac")
FISCAL_CERT_HEADER: str = read("FISCAL_CERT_HEADER") or _ours("fiscal_certificate")
FISCAL_TIMEOUT_SECONDS = 10.0
SEF_URL: str = read("SEF_URL") or _stand_in("sef")
SEF_API_KEY: str = read("SEF_API_KEY") or _ours("sef_api_key")
SEF_API_KEYS: dict[str, str] = read("SEF_API_KEYS")
VAT_QUARTERLY: list[str] = read("VAT_QUARTERLY")
VAT_RECORDS_RETAIL: bool = read("VAT_RECORDS_RETAIL")
SEF_TIMEOUT_SECONDS = 20.0
# SEF takes three calls a second with one key; this is what lies between two of ours.
SEF_PAUSE_SECONDS = 0.35
# A search server finds instead of PostgreSQL's own index; `manage.py rebuild_search` fills it. See docs/search.md.
SEARCH_URL: str = read("SEARCH_URL")
CARRIER_URL: str = read("CARRIER_URL") or _stand_in("kurir")
CARRIER_KEY: str = read("CARRIER_KEY") or _ours("carrier_key")
CARRIER_SECRETS: list[str] = read("CARRIER_SECRETS") or ([_ours("carrier_secret")] if IS_LOCAL else [])
CARRIER_TIMEOUT_SECONDS = 10.0

# -- Logs: one JSON object a line, without personal data -----------------------------------------------------
LOG_LEVEL: str = read("LOG_LEVEL")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "retail.logs.Redact"}},
    "formatters": {"json": {"()": "retail.logs.JsonLines"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["redact"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # it would write every address that is called
        "celery": {"level": LOG_LEVEL},
        # A line for each index entry and each draft: the trace says what was done to a page, and by whom.
        "django_tasks": {"level": "WARNING"},
        "wagtail": {"level": "WARNING"},
    },
}

# -- Trade: limits that a shop may want to change ------------------------------------------------------------
BASKET_HOLD_MINUTES = 20
# The highest percent off that a role may ratify, and the margin below which a campaign's line is shown in red.
DISCOUNT_LIMIT_PERCENT: dict[str, int] = {"MERCHANDISER": 40, "OPS_LEAD": 100}
FLOOR_MARGIN_PERCENT = 5
BASKET_HOLD_MINUTES_MAX = 60
TEST_RUNNER = "django.test.runner.DiscoverRunner"
