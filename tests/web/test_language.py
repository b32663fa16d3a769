"""The English switch: every title of navigation and pages has English wording, and a page shows it."""

import ast
import re

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.urls import reverse

from rongqiao.accounts.models import Organisation, User
from rongqiao.kernel.home import home
from rongqiao.portal import interface_words, wording
from tests.web.english import CHINESE, TEMPLATES, unmarked

PORTAL = home() / "src" / "rongqiao" / "portal"
WORDING = PORTAL / "locale" / "en" / "LC_MESSAGES" / "django.po"


def marked_words():
    """Every word that a template or a module of the portal marks for translation."""
    for template in PORTAL.rglob("*.html"):
        source = template.read_text()
        yield from re.findall(r'\{%\s*translate "([^"]+)"', source)
        yield from re.findall(r'=_\("([^"]+)"\)', source)
        for block in re.findall(r"\{% blocktranslate[^%]*%\}(.*?)\{% endblocktranslate %\}", source):
            yield re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", block)
    for module in PORTAL.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                yield ast.literal_eval(node.args[0])


def test_every_marked_word_has_english_wording():
    with WORDING.open("rb") as file:
        wording = {message.id: message.string for message in read_po(file, locale="en") if message.id}
    words = set(marked_words())
    assert len(words) > 50
    assert words <= wording.keys(), f"No English for {sorted(words - wording.keys())}"
    assert not [word for word in words if CHINESE.search(wording[word]) or not wording[word]]


def test_every_title_crumb_menu_heading_and_button_is_marked_for_translation():
    left = {
        str(each.relative_to(TEMPLATES)): unmarked(each.read_text()) for each in TEMPLATES.rglob("*.html")
    }
    assert len(left) > 100
    assert {name: words for name, words in left.items() if words} == {}


def test_what_nobody_marked_is_found():
    page = (
        '<p class="rq-crumbs"><a href="/">{% translate "画像" %}</a> / 企业画像</p><button>简体中文</button>'
    )
    assert unmarked(page) == ["/ 企业画像"]
    assert unmarked("<h1>{% blocktranslate %}第 {{ n }} 步{% endblocktranslate %}</h1><p>正文</p>") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "role", "page", "words"),
    [
        ("institution", "bank_officer", "bank_demands", ["Financing demands", "Applications", "Loan book"]),
        ("government", "government_official", "government_counties", ["Overview", "Counties"]),
        ("operator", "operator", "operator", ["Six steps of governance", "Data inventory", "Ledger"]),
    ],
)
def test_a_reader_of_english_sees_english_navigation(client, kind, role, page, words):
    organisation = Organisation.objects.create(kind=kind, name="单位", region_code="43")
    client.force_login(User.objects.create(username="reader", organisation=organisation, role=role))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    html = client.get(reverse(f"portal:{page}")).content.decode()
    assert '<html lang="en">' in html
    header = html[html.index("<header") : html.index("</header>")]
    assert not CHINESE.search(re.sub(r"<(b|span|small)\b.*?</\1>", "", header))
    assert [word for word in words if word not in html] == []
    assert not CHINESE.search(re.search(r"<title>(.*?) · ", html)[1])


@pytest.mark.django_db
def test_without_a_choice_pages_are_chinese(client):
    html = client.get(reverse("portal:products"), headers={"Accept-Language": "en"}).content.decode()
    assert '<html lang="zh-hans">' in html
    assert "融资产品" in html


def test_no_status_has_two_words():
    assert not wording.STATUSES.keys() & interface_words.STATUSES.keys()
