"""The report of a run as a browser shows it: on a phone, in the dark, without a mouse."""

import json
import shutil

import pytest
from browser import violations

from speech.page.page import write
from speech.page.run import read

pytest_plugins = ["browser"]


@pytest.fixture(scope="module")
def report(small_run, shared):
    """Of a run with splits that are large enough to be drawn, and a long list of misrecognised names."""

    def make(folder):
        run = shutil.copytree(small_run, folder / "run")
        content = json.loads((run / "report.json").read_text())
        content["confusions"] = [{"ref": "martin", "hyp": "mark", "n": 3}] * 8
        for split in content["splits"].values():
            split["n_clips"] = 40
        (run / "report.json").write_text(json.dumps(content))
        write(read(str(run), "runs"), 3, folder / "report.html")

    return shared("report_in_a_browser", make) / "report.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_and_nothing_is_cut_off(width, tab, report):
    page = tab(viewport={"width": width, "height": 844})
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_finds_a_planted_fault(tab, report):
    page = tab(viewport={"width": 390, "height": 844})
    page.goto(report.as_uri())
    page.evaluate("document.querySelector('.scroll').removeAttribute('tabindex')")
    assert "serious" in [impact for impact, *_ in violations(page)]


def test_the_letters_of_each_panel_can_be_read_on_a_phone(tab, report):
    page = tab(viewport={"width": 390, "height": 844})
    page.goto(report.as_uri())
    heights = page.evaluate(
        """() => [...document.querySelectorAll('h2 ~ .grid')[0].querySelectorAll('svg text')]
          .map((one) => one.getBoundingClientRect().height)"""
    )
    assert heights
    assert min(heights) >= 8
