"""The documents say what is there: decisions, commands, settings, terms, the six steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config.cli import COMMANDS, group
from rongqiao.contracts.catalog import code_lists
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.lane import STEPS
from rongqiao.indicators import load_indicators
from rongqiao.indicators.reference import reference_path, render_reference
from rongqiao.indicators.registry import THEMES
from rongqiao.windows.selectors import FOLDER as WINDOWS

ROOT = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.zh-CN.md"]
#: Governance's files that are no step: the step's shared material, and the order of the six.
NO_STEPS = {
    "rehearsal",
    "__init__",
    "batch",
    "codes",
    "comparisons",
    "conflicts",
    "cross_checks",
    "deliveries",
    "enterprises",
    "kept",
    "lane",
    "names",
    "pipeline",
    "previous",
    "reading",
    "readings",
    "recurrence",
    "register",
    "register_kept",
    "staging",
}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def documents():
    """Every page a newcomer reads, by path."""
    return [
        "CHANGELOG.md",
        *READMES,
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
    ]


def test_decisions_are_numbered_one_by_one():
    names = sorted(path.name for path in (ROOT / "docs" / "adr").iterdir())
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]
    for name in names:
        title, _, body = read(f"docs/adr/{name}").partition("\n")
        assert title.startswith(f"# {name[:4]} "), name
        assert re.search(r"^Status: (accepted|superseded by \d{4}), \d{4}-\d{2}$", body, re.MULTILINE), name
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in body, f"{name} lacks {part}"


@pytest.mark.parametrize("name", READMES)
def test_readme_names_every_make_target_and_no_other(name):
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", read(name))) == targets


def settings_read():
    """``RONGQIAO_*`` names in code, Makefile and the entry of the checks."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "config").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    files += [ROOT / "Makefile", ROOT / ".ci" / "run"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(r"RONGQIAO_[A-Z][A-Z_]+", text))


@pytest.mark.parametrize("name", READMES)
def test_readme_explains_every_setting_that_is_read_and_no_other(name):
    rows = [line for line in read(name).splitlines() if line.startswith("| `RONGQIAO_")]
    explained = {found for row in rows for found in re.findall(r"RONGQIAO_[A-Z_]+", row.split("|")[1])}
    assert explained == settings_read()


@pytest.mark.parametrize("name", documents())
def test_links_lead_somewhere(name):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", read(name))
    assert [target for target in targets if not (ROOT / name).parent.joinpath(target).exists()] == []


def command_lines():
    """Group and command of every ``rongqiao …`` that a document gives."""
    found = re.findall(
        r"rongqiao ((?:[a-z][a-z-]*[0-9c]*)(?: [a-z][a-z-]+)?)", "\n".join(map(read, documents()))
    )
    return sorted({line for line in found if line.split()[0] in COMMANDS})


@pytest.mark.parametrize("line", command_lines())
def test_documented_commands_exist(line):
    name, *rest = line.split()
    command = group.get_command(None, name)
    inner = getattr(command, "commands", None)
    if inner and rest:
        assert rest[0] in inner, f"`rongqiao {line}` is documented and does not exist"


def test_every_command_says_in_chinese_what_it_does():
    for name in COMMANDS:
        command = group.get_command(None, name)
        for each in (command, *getattr(command, "commands", {}).values()):
            assert re.search(r"[\u4e00-\u9fff]", each.help or ""), f"{name} {each.name}"
            for option in each.params:
                assert option.name == "help" or re.search(r"[\u4e00-\u9fff]", option.help or ""), (
                    name,
                    option.name,
                )


def test_help_needs_neither_settings_nor_a_database():
    """Every group is imported for it, as whoever types a command imports one: before Django is set up."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DJANGO_SETTINGS_MODULE", "RONGQIAO_DATABASE_URL"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "--help"], cwd=ROOT, env=bare, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in COMMANDS if not re.search(rf"^\W*{name}\b", done.stdout, re.MULTILINE)] == []


def test_help_lists_every_group():
    assert group.list_commands(None) == list(COMMANDS)
    modules = {path.stem for path in (ROOT / "config" / "commands").glob("*.py")} - {"__init__"}
    assert set(COMMANDS) == modules


def test_indicator_reference_is_current():
    text = reference_path().read_text(encoding="utf-8")
    assert render_reference() == text, "run `rongqiao indicators docs`"


def test_indicator_reference_has_a_row_for_each():
    text = reference_path().read_text(encoding="utf-8")
    for each in load_indicators().values():
        assert f"| `{each.id}` | {each.title} | {each.title_en} | {each.unit} |" in text


@pytest.mark.parametrize("name", READMES)
def test_the_number_of_indicators_is_told_right(name):
    told = re.findall(r"(\d+) (?:declared )?indicators|(\d+) 个指标", read(name))
    assert told
    assert {int(english or chinese) for english, chinese in told} == {len(load_indicators())}


def test_glossary_covers_contracts_items_code_lists_and_themes():
    text = read("docs/glossary.md")
    for contract in load_contracts().values():
        assert f"| `{contract.id}` | {contract.title}（" in text
        for item in contract.items:
            assert f"(`{item.id}`) | {item.title} |" in text
    for list_id, found in code_lists().items():
        assert f"| `{list_id}` | {found.name} |" in text
    for theme, title in THEMES.items():
        assert re.search(rf"^\| `{theme}` \| {title} \| ", text, re.MULTILINE), theme


def test_six_steps_are_the_files_and_the_figure():
    steps = [step for step, _ in STEPS]
    files = {path.stem for path in (ROOT / "src" / "rongqiao" / "governance").glob("*.py")} - NO_STEPS
    assert len(steps) == 6
    assert files == set(steps)
    figure = read("docs/ARCHITECTURE.md").split("## How data goes")[1].split("\n## ")[0]
    assert f"governance: {', '.join(steps)}" in figure
    assert "、".join(title for _, title in STEPS) in read("README.zh-CN.md")


def test_every_window_is_declared_by_one_file():
    for path in WINDOWS.glob("*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["code"] == path.stem
