"""Django settings; every deployment choice comes from the environment (`RONGQIAO_*`)."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from rongqiao.kernel.home import home, var

if TYPE_CHECKING:
    from pathlib import Path

HOME = home()
VAR = var()
DEBUG = os.environ.get("RONGQIAO_DEBUG") == "1"


def _secret_key() -> str:
    """Return the key of the environment, else one drawn once and kept under ``var/`` with mode 0600."""
    if key := os.environ.get("RONGQIAO_SECRET_KEY"):
        return key
    file = VAR / "secret_key"
    if not file.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


def _database(url: str) -> dict[str, object]:
    """Split a PostgreSQL URL into Django's settings; sockets ride in ``?host=``."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "rongqiao",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = os.environ.get("RONGQIAO_HOSTS", "127.0.0.1,localhost,[::1],testserver").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("RONGQIAO_ORIGINS", "").split(",") if o]
# Entry points call `config.database.ensure_database` first, which sets the variable; tools that only read settings need no server.
DATABASES = {"default": _database(os.environ.get("RONGQIAO_DATABASE_URL", "postgresql:///rongqiao"))}

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "procrastinate.contrib.django",
    "rongqiao.accounts",
    "rongqiao.bases.enterprises",
    "rongqiao.bases.enterprises.intake",
    "rongqiao.bases.enterprises.inventory",
    "rongqiao.bases.enterprises.resolution",
    "rongqiao.bases.enterprises.catalogue",
    "rongqiao.bases.enterprises.objections",
    "rongqiao.bases.enterprises.interfaces",
    "rongqiao.bases.resources",
    "rongqiao.platforms.credit",
    "rongqiao.platforms.financing",
    "rongqiao.platforms.financing.screening",
    "rongqiao.platforms.renewal",
    "rongqiao.government",
    "rongqiao.outreach",
    "rongqiao.windows",
    "rongqiao.portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "rongqiao.portal.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "rongqiao.accounts.middleware.NullByteMiddleware",
    "rongqiao.accounts.middleware.ScopeMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # The portal's own folder first, so that its sign-in pages stand before allauth's.
        "DIRS": [HOME / "src" / "rongqiao" / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "rongqiao.windows.context.window",
            ],
            "builtins": ["rongqiao.portal.templatetags.figures"],
        },
    },
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Where registration looks an enterprise up; accounts stand below the enterprise base and may not import it.
BUSINESS_REGISTER = "rongqiao.bases.enterprises.selectors.get_enterprise"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:workspace"
LOGOUT_REDIRECT_URL = "portal:home"
ACCOUNT_ADAPTER = "rongqiao.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Reverse proxies in front: without their number all readers would share one address, and one limit.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("RONGQIAO_PROXIES", "0"))
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key,20/5m/ip", "login": "30/m/ip", "signup": "20/h/ip"}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", _("English"))]
LOCALE_PATHS = [HOME / "src" / "rongqiao" / "portal" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
# Whitenoise warns where the folder is missing; before `collectstatic` it is merely empty.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS: list[tuple[str, Path]] = [
    ("vendor/tabler", HOME / "node_modules/@tabler/core/dist"),
    ("vendor/icons", HOME / "node_modules/@tabler/icons-webfont/dist"),
    ("vendor/htmx", HOME / "node_modules/htmx.org/dist"),
    ("vendor/echarts", HOME / "node_modules/echarts/dist"),
    ("vendor/tus", HOME / "node_modules/tus-js-client/dist"),
]
STATICFILES_DIRS = [(prefix, folder) for prefix, folder in STATICFILES_DIRS if folder.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = VAR / "media"
# Hosts inside the own network that change notices may go to, and without TLS; all others must be public.
WEBHOOK_HOSTS = [h for h in os.environ.get("RONGQIAO_WEBHOOK_HOSTS", "").split(",") if h]
# Jobs that tie rooms together stand in no room.
PROCRASTINATE_IMPORT_PATHS = [
    "config.tasks",
    "config.inventory",
    "config.resolution",
    "config.indicator_decisions",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        # ECharts and the back office set inline style attributes; scripts never run inline without a nonce.
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
if os.environ.get("RONGQIAO_HTTPS") == "1":
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000

CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("RONGQIAO_LOG_LEVEL", "WARNING")},
}
