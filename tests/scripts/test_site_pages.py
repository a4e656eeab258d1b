import re
from itertools import chain
from pathlib import Path

import pytest
import yaml
from site_pages import LINK, ROOT, _contents, _linked, _page_of, commands, configs, linked_files, modules, written

from speech.config import help, tree

PAGES = [page for page in written() if page.endswith(".md")]


def leaves(nav):
    """The pages of a nav, in its order."""
    if isinstance(nav, str):
        return [nav]
    return list(chain.from_iterable(map(leaves, nav.values() if isinstance(nav, dict) else nav)))


def test_the_nav_holds_every_page_that_is_written():
    nav = leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(nav) == sorted([*PAGES, "commands.md", "conf/", "speech/"])


def test_the_nav_of_the_api_holds_every_module_once():
    assert sorted(leaves(_contents("speech", list(modules())))) == sorted(modules())
    shown = set(re.findall("::: (.*)", "\n".join(modules().values())))
    assert shown == {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in ROOT.glob("speech/**/*.py")
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_page_or_a_picture(page):
    places = {*written(), *configs(), *modules(), *linked_files()}
    for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        assert _page_of(_linked(page, target)).partition("#")[0] in places, target


def test_a_choice_is_shown_as_its_file_stands():
    pages = configs()
    files = [path for path in tree.CONF.rglob("*.yaml")]
    assert len(files) > 50
    for path in files:
        page, anchor = _page_of(path.relative_to(ROOT).as_posix()).split("#")
        assert f"{{ #{anchor} }}" in pages[page]
        assert path.read_text(encoding="utf-8").strip() in pages[page]


def test_each_command_is_shown_as_its_help_shows_it():
    sections = dict(zip(*[iter(re.split(r"^## speech\.(\w+)\n", commands(), flags=re.M)[1:])] * 2, strict=True))
    entries = {path.stem for path in Path(help.__file__).parents[1].glob("[a-z]*.py")}
    assert {entry for entry in entries if (tree.CONF / f"{entry}.yaml").is_file()} == sections.keys()
    for name, text in sections.items():
        options = re.findall(r"^  ([\w.]+)=(.*)$", help.page(name), flags=re.M)
        assert re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", text, flags=re.M) == options


def test_the_reference_lists_every_command():
    table = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")  # speech.page, without a config, too
    listed = set(re.findall(r"^\| `speech\.(\w+)`", table, flags=re.M))
    assert listed >= set(re.findall(r"^## speech\.(\w+)", commands(), flags=re.M)) != set()
