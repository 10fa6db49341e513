"""Django's settings. Every value that depends on the deployment comes through ``collab.conf``."""

import logging
from typing import Any

import dj_database_url
import dj_email_url
from csp.constants import NONCE, NONE, SELF
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from collab.conf import ROOT, Conf, Environment
from collab.layer import channel_layer

_env = Environment.from_environment()

# -- Ours -----------------------------------------------------------------------------------
COLLAB = Conf.from_environment()

# -- Deployment -----------------------------------------------------------------------------
DEBUG = _env.debug
SECRET_KEY = _env.secret_key or "only-for-a-try-out-on-this-machine"
ALLOWED_HOSTS = _env.allowed_hosts
CSRF_TRUSTED_ORIGINS = _env.csrf_trusted_origins

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "collab",  # before allauth: our templates dress its pages
    "collab.accounts",
    "presence",
    "documents",
    "allauth",
    "allauth.account",
    "csp",
    "django_vite",
    "ninja",  # serves its API browser from our static files, not from a CDN
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "collab.urls"
ASGI_APPLICATION = "collab.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "collab.accounts.context.mail",
            ]
        },
    }
]


# -- Storage --------------------------------------------------------------------------------
def _database(url: str) -> Any:
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from None
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            # IMMEDIATE: a transaction that reads and then writes must not find the database
            # locked half-way. FULL: an acknowledged edit survives a power cut, not only a kill.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
        }
    elif database["ENGINE"].endswith("postgresql"):
        database["OPTIONS"] = {
            **database.get("OPTIONS", {}),  # what the URL's query says: sslmode and so on
            # Under ASGI every request has its own thread: without a pool each takes a connection.
            "pool": {"min_size": 1, "max_size": COLLAB.database_pool_size, "timeout": 10},
            # A server that vanished without a word is noticed within seconds, not after hours.
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        }
        # Connections in the pool do not survive a restart of the server: look before use.
        database["CONN_HEALTH_CHECKS"] = True
    else:
        raise ImproperlyConfigured("DATABASE_URL: must begin with sqlite:// or postgres://")
    database["CONN_MAX_AGE"] = 0
    return database


DATABASES = {"default": _database(_env.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _attachments(backend: str, options: dict[str, Any]) -> dict[str, Any]:
    if backend:
        return {"BACKEND": backend, "OPTIONS": options}
    return {
        "BACKEND": "collab.files.LocalFiles",
        "OPTIONS": {"location": _env.attachments_dir, **options},
    }


STORAGES = {
    **global_settings.STORAGES,
    "attachments": _attachments(_env.attachments_storage, _env.attachments_storage_options),
}

CHANNEL_LAYERS = {"default": channel_layer(_env.redis_url)}
REDIS_URL = _env.redis_url  # for the counters of ``collab.throttle``, too


def _mail(url: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = dj_email_url.parse(url)
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"EMAIL_URL: {error}") from None
    if not found.get("EMAIL_BACKEND"):
        raise ImproperlyConfigured("EMAIL_URL: must begin with smtp://, smtps:// or consolemail://")
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}


# -- Mail -----------------------------------------------------------------------------------
# Never the log instead: mails hold links that open accounts.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
if _env.email_url:
    vars().update(_mail(_env.email_url))
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _env.default_from_email

# -- People ---------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_ADAPTER = "collab.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # a mail to a stranger would offer a sign-up

# -- Pages ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static" / "dist"]
STATIC_ROOT = _env.static_root or None
# Files that Vite named by their content never change; so they may be cached for ever.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+-[A-Za-z0-9_-]{8}\.\w+$"
DJANGO_VITE = {"default": {"manifest_path": ROOT / "static" / "dist" / "manifest.json"}}

# Nobody may send more at once than over a socket; JSON escapes make it longer.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * COLLAB.max_message_bytes

# -- Safety ---------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        # BlockNote and Mantine place menus and carets through style attributes, which no
        # nonce can cover; attributes cannot load anything, so this is the one open place.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:", "https:"],
        "media-src": [SELF, "https:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # share links must not leak to linked sites
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = COLLAB.https
if COLLAB.https:
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
if COLLAB.proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Logs -----------------------------------------------------------------------------------
logging.captureWarnings(True)  # one form for every line
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "collab.logs.TextFormatter"},
        "json": {"()": "collab.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": _env.log_format}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": _env.log_level} for name in ("collab", "documents", "presence")},
        # With DEBUG Django adds a handler of its own: each line twice, once in another form.
        "django": {"level": "INFO", "handlers": []},
        # Whatever is refused is answered, and is no fault here.
        "django.request": {"level": "ERROR"},
        # Whoever scans the net asks for other hosts: answered with 400, nobody has to look.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
