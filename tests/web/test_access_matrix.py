"""Every URL × every role × own and somebody else's object, against `access_matrix.yaml`."""

from __future__ import annotations

import uuid
from functools import cache
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse
from lake_fixture import build_lake
from matrix_fixture import INDICATOR, build_world

from tests.web.english import untranslated

MATRIX = yaml.safe_load((Path(__file__).parent / "access_matrix.yaml").read_text(encoding="utf-8"))
ROLES = MATRIX["groups"]["everybody"]
REFUSALS = {403, 404}
#: URL argument → value, or kind of thing in the world.
FIXED = {
    "indicator_id": INDICATOR,
    "key": "no-such-key",
    "uidb36": "1",
    "contract_id": "taxation.tax_filing",
    "item_id": "taxable_sales_cny",
    "kind": "indicator",
    "reader_id": INDICATOR,
    "step": "collection",
    "place": 0,
    "collector_id": "no_such_collector",
    "conflict_id": "name@none",
    "row_id": 0,
    "line": 1,
    "interface_id": "tax_filing_months",
}
#: What the fixture calls things; names are data, whatever the language.
NAMES = ["银行一", "长沙湘辉陶瓷有限公司", "湘辉", "湘税贷", "贴息", "名单", "新表", "本期.csv", "推送"]
KINDS = {"uscc": "enterprise", "code": "product"}


def walk(resolver, namespaces=()):
    """Pairs of qualified name and pattern, depth first."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield ":".join((*namespaces, pattern.name or f"<{pattern.pattern}>")), pattern
        else:
            yield from walk(pattern, (*namespaces, pattern.namespace) if pattern.namespace else namespaces)


def url_names(*, of_backoffice):
    names = dict.fromkeys(name for name, _ in walk(get_resolver()))
    return [name for name in names if name.startswith("admin:") is of_backoffice]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def world(db, lake, monkeypatch):
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    return build_world(lake)


@pytest.fixture
def visit(world):
    """Ask for a URL as a role and forget everything it did; signing in, once for each role, costs as much as a page."""

    @cache
    def session(role):
        client = Client()
        client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
        return client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(role, url, method):
        client = Client(raise_request_exception=True)
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        if role != "anonymous":
            client.cookies[settings.SESSION_COOKIE_NAME] = session(role)
        with transaction.atomic():
            response = getattr(client, method)(url)
            transaction.set_rollback(True)
        return response

    return ask


def address(name, rule, things):
    """URL of a name, its arguments filled from the things."""
    pattern = next(pattern for each, pattern in walk(get_resolver()) if each == name)
    wanted = {**dict.fromkeys(pattern.pattern.converters), **pattern.pattern.regex.groupindex}
    values = {}
    for argument in wanted:
        named = rule.get("with", {}).get(argument)
        kind = named or KINDS.get(argument, argument.removesuffix("_id"))
        values[argument] = things.get(kind) if named in things else FIXED.get(argument, things.get(kind))
    assert None not in values.values(), f"{name}: no value for {values}; extend matrix_fixture.py."
    return reverse(name, kwargs=values)


def allowed_roles(rule):
    who = rule["for"]
    return set(MATRIX["groups"][who] if isinstance(who, str) else who)


def is_passed(response, rule):
    """Whether the reader got the page, or was led on inside the site."""
    if response.status_code in rule.get("also", ()):
        return True
    if rule.get("method") == "post" and response.status_code in {400, 409, 422}:
        return True
    return response.status_code < 400 and not is_sent_away(response)


def is_sent_away(response):
    """Whether the reader was sent to sign in first."""
    target = response.headers.get("Location", "")
    return response.status_code == 302 and target.startswith(
        (reverse("account_login"), reverse("admin:login"))
    )


def test_every_url_is_classified():
    missing = [name for name in url_names(of_backoffice=False) if name not in MATRIX["urls"]]
    assert not missing, f"Say in tests/web/access_matrix.yaml who may open: {missing}"


def test_every_line_names_groups_and_roles_that_exist():
    for name, rule in MATRIX["urls"].items():
        assert allowed_roles(rule) <= set(ROLES), name
        assert set(rule) <= {"for", "of", "method", "also", "with", "known"}, name


def judge(name, rule, world, visit):
    """Lines of what is wrong with one URL."""
    method = rule.get("method", "get")
    own = address(name, rule, world.own)
    for role in ROLES:
        response = visit(role, own, method)
        if role in allowed_roles(rule):
            is_right = is_passed(response, rule)
            yield from (f"{name} as {role} is not English: {words}" for words in chinese(response, world))
        else:
            is_right = response.status_code in REFUSALS or (role == "anonymous" and is_sent_away(response))
        if not is_right:
            yield f"{method} {name} as {role}: {response.status_code} {response.headers.get('Location', '')}"
        # A role that is refused its own object is refused everybody's.
        if "of" in rule and role in allowed_roles(rule):
            response = visit(role, address(name, rule, world.other), method)
            if response.status_code != (403 if rule.get("known") else 404):
                yield f"{method} {name} of somebody else as {role}: {response.status_code}"


def chinese(response, world):
    """Words of navigation and buttons that a reader of English gets in Chinese."""
    if response.status_code != 200 or not response.headers.get("Content-Type", "").startswith("text/html"):
        return []
    names = [person.organisation.name for person in world.people.values()]
    return untranslated(response.content.decode(), [*names, *NAMES])


def test_every_url_for_every_role(world, visit):
    names = [name for name in url_names(of_backoffice=False) if name in MATRIX["urls"]]
    wrong = [line for name in names for line in judge(name, MATRIX["urls"][name], world, visit)]
    assert not wrong, "\n".join(wrong)


def forge(things):
    """Keys of the same kinds that nothing has."""
    forged = {}
    for kind, value in things.items():
        if isinstance(value, uuid.UUID):
            forged[kind] = uuid.uuid4()
        elif isinstance(value, int):
            forged[kind] = 2**31 - 1
        else:
            forged[kind] = value
    return forged


def test_a_forged_key_reads_like_somebody_elses(world, visit):
    forged, wrong = forge(world.own), []
    for name in url_names(of_backoffice=False):
        rule = MATRIX["urls"].get(name, {})
        if "of" not in rule or address(name, rule, forged) == address(name, rule, world.own):
            continue
        for role in allowed_roles(rule):
            status = visit(role, address(name, rule, forged), rule.get("method", "get")).status_code
            if status != 404:
                wrong.append(f"{name} of nobody as {role}: {status}")
    assert not wrong, "\n".join(wrong)


def backoffice_url(name):
    pattern = next(pattern for each, pattern in walk(get_resolver()) if each == name)
    count = pattern.pattern.regex.groups
    try:
        return reverse(name, args=["1"] * count) if count else reverse(name)
    except NoReverseMatch:
        # The catch-all, and lists of an application, take only certain words.
        return f"{reverse('admin:index')}accounts/"


def test_backoffice_is_for_superusers(world, visit):
    type(world.people["operator"]).objects.filter(username__startswith="operator").update(is_staff=True)
    wrong = []
    for name in url_names(of_backoffice=True):
        for role in ("anonymous", "bank_risk", "operator"):
            response = visit(role, backoffice_url(name), "get")
            # Django leads away from an object that is not there, for these readers any object.
            is_led_away = response.headers.get("Location") == reverse("admin:index")
            is_refused = is_sent_away(response) or is_led_away or response.status_code in REFUSALS
            # Staff may enter, see their own password page and find no room open.
            is_lobby = name.split(":")[1] in {
                "login",
                "logout",
                "index",
                "jsi18n",
                "password_change",
                "password_change_done",
                "autocomplete",
                "search",
            }
            if not is_refused and not is_lobby:
                wrong.append(
                    f"{name} as {role}: {response.status_code} {response.headers.get('Location', '')}"
                )
    assert not wrong, "\n".join(wrong)


def test_superuser_works_in_the_backoffice(client, admin_user):
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    models = [
        "accounts_organisation",
        "accounts_user",
        "resources_institution",
        "resources_product",
        "resources_policy",
    ]
    for name in ["index", *(f"{model}_{page}" for model in models for page in ("changelist", "add"))]:
        assert client.get(reverse(f"admin:{name}")).status_code == 200, name


def test_scoped_models_have_no_back_door():
    from django.contrib import admin

    from rongqiao.accounts.scoping import ScopedModel

    assert not [model for model in admin.site._registry if issubclass(model, ScopedModel)]
