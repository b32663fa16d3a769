"""What protects every page: throttled sign-in, content policy, cookies, framing, and no self-approval."""

import datetime as dt
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.urls import reverse
from lake_fixture import build_lake
from matrix_fixture import PASSWORD, build_world

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import open_account
from rongqiao.kernel.identifiers import complete_uscc

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    bank = Organisation.objects.create(kind="institution", name="湘江示范银行", region_code="43")
    return open_account(organisation=bank, role=Role.BANK_OFFICER, username="officer", password=PASSWORD)


@pytest.fixture(autouse=True)
def _fresh_limits(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    yield
    cache.clear()


def sign_in(client, password):
    return client.post(reverse("account_login"), {"login": "officer", "password": password})


def test_right_password_signs_in(client, officer):
    response = sign_in(client, PASSWORD)
    assert (response.status_code, response.url) == (302, reverse("portal:workspace"))


def test_guessing_is_throttled_even_for_the_right_password(client, officer):
    for _ in range(5):
        assert sign_in(client, "wrong-password").status_code == 200
    assert sign_in(client, PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db(transaction=True)
def test_a_failed_sign_in_is_counted_beyond_its_request(client, officer, settings):
    """The request's transaction ends with the answer; the count, kept in the database, must outlive it."""
    from django.core.management import call_command

    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}
    }
    call_command("createcachetable", verbosity=0)
    for _ in range(5):
        sign_in(client, "wrong-password")
    sign_in(client, PASSWORD)
    assert "_auth_user_id" not in client.session


def test_the_back_office_has_no_sign_in_of_its_own(client, officer):
    answer = client.post("/backoffice/login/", {"username": "officer", "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("account_login"))
    client.force_login(officer)
    assert client.get("/backoffice/login/").status_code == 403


def test_registration_from_one_address_is_throttled(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/h/ip"}
    form = {
        "uscc": complete_uscc("91430102MA4L00009"),
        "enterprise_name": "某公司",
        "full_name": "某人",
        "phone": "13800000000",
        "username": "someone",
        "password": PASSWORD,
    }
    assert client.post(reverse("portal:register"), form).status_code == 302
    client.logout()
    again = {"uscc": complete_uscc("91430102MA4L00010"), "username": "again"}
    answer = client.post(reverse("portal:register"), form | again)
    assert (answer.status_code, "过于频繁" in answer.content.decode()) == (422, True)


@pytest.mark.parametrize("address", ["/policies/?q=%00", "/api/v1/products?query=a%00", "/products/%00/"])
def test_null_bytes_in_an_address_are_a_bad_request(client, address):
    assert client.get(address).status_code == 400


def test_passwords_are_hashed_with_argon2_only():
    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_session_cookie_is_hidden_from_scripts_and_other_sites(client, officer):
    cookie = sign_in(client, PASSWORD).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    # Without "remember me" it ends with the browser; the server forgets it after eight hours anyway.
    assert cookie["max-age"] in {"", settings.SESSION_COOKIE_AGE}
    assert settings.SESSION_COOKIE_AGE <= 8 * 3600


def test_https_deployment_sends_cookies_over_https_only():
    code = "from config import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT)"
    environment = {
        "RONGQIAO_HTTPS": "1",
        "RONGQIAO_SECRET_KEY": "for-this-test",
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]


@pytest.mark.parametrize("name", ["portal:home", "account_login", "portal:register"])
def test_pages_allow_no_inline_script(client, name):
    response = client.get(reverse(name))
    policy = dict(
        part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";") if part
    )
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "'unsafe-eval'" not in policy["script-src"]
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    page = response.content.decode()
    assert not re.search(r"<[^>]+\son\w+\s*=", page), "An inline handler would not run."
    for tag in re.findall(r"<script\b[^>]*>", page):
        assert "src=" in tag or "nonce=" in tag or 'type="application/json"' in tag, tag


def test_pages_are_not_framed_or_sniffed(client):
    headers = client.get(reverse("portal:home")).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_forms_without_token_are_refused(officer):
    from django.test import Client

    assert sign_in(Client(enforce_csrf_checks=True), PASSWORD).status_code == 403


def test_nobody_decides_what_he_prepared(tmp_path):
    from rongqiao.platforms.financing.models import Application

    world = build_world(build_lake(tmp_path))
    officer = world.people["bank_officer"]
    mine = Application.unscoped.filter(pk=world.own["application"])
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    with pytest.raises(IntegrityError, match="application_not_decided_by_its_preparer"), transaction.atomic():
        mine.update(status="approved", decided_by=officer, decided_at=now)
    assert mine.update(status="approved", decided_by=world.people["bank_risk"], decided_at=now) == 1
