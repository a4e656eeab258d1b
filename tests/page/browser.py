"""The live page in a real browser, where Playwright, Chromium and what npm brings are there."""

import importlib.util
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from spoken import speak

from speech import pretrained
from speech.audio import files
from speech.page import server, site

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "cache" / "onnxruntime-web"
AXE = ROOT / "cache" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    what
    for what, there in {
        "Chromium (apt-get install chromium)": CHROMIUM,
        "Playwright, onnxruntime-web and axe-core (make browser)": importlib.util.find_spec("playwright")
        and all((PROGRAM / name).is_file() for name in site.PROGRAM)
        and AXE.is_file(),
    }.items()
    if not there
]


@pytest.fixture(scope="session")
def page_files():
    if MISSING:
        pytest.skip(f"the page is not tested in a browser: install {' and '.join(MISSING)}")
    return site.files(pretrained.shipped(pretrained.EXPORTED), PROGRAM)


@contextmanager
def serving(page):
    """The address of a server of ``page``."""
    with server.server(page, 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://localhost:{serving.server_port}/"
        serving.shutdown()


@pytest.fixture(scope="session")
def address(page_files):
    with serving(page_files) as address:
        yield address


@pytest.fixture(scope="session")
def playwright(page_files):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def launch(playwright):
    """``launch(*flags)``: a browser; the same flags give the same one."""
    browsers = {}

    def launched(*flags):
        if flags not in browsers:
            browsers[flags] = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])
        return browsers[flags]

    yield launched
    for browser in browsers.values():
        browser.close()


@pytest.fixture
def tab(launch):
    """``tab(*flags, init=script, **context)``: a tab of a new context, which must throw no error."""
    opened, thrown = [], []

    def make(*flags, init="", **context):
        opened.append(launch(*flags).new_context(**context))
        page = opened[-1].new_page()
        page.set_default_timeout(120_000)  # a busy machine is no fault of the page
        page.add_init_script(init)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        return page

    yield make
    for context in opened:
        context.close()
    assert not thrown


@pytest.fixture
def ready(tab, address):
    """``ready(...)``: a ``tab`` whose page can listen."""

    def make(*flags, **options):
        page = tab(*flags, **options)
        page.goto(address)
        page.wait_for_selector("#listen:not([disabled])")
        return page

    return make


def wait_for(page, id, text):
    """Until ``text`` is shown in the element ``id``."""
    shown = "([id, text]) => document.getElementById(id).textContent.includes(text)"
    page.wait_for_function(shown, arg=[id, text], polling=100)  # and not at frames: a hidden tab has none


def wait_for_n(page, selector, n):
    """Until there are ``n`` elements."""
    there = "([selector, n]) => document.querySelectorAll(selector).length === n"
    page.wait_for_function(there, arg=[selector, n])


def violations(page):
    """What axe finds on ``page``, as it is: impact, rule and the first element of each."""
    page.add_script_tag(path=AXE)
    return [(one["impact"], one["id"], one["nodes"][0]["html"]) for one in page.evaluate("axe.run()")["violations"]]


@pytest.fixture(scope="session")
def engine(launch, address):
    """A tab with the modules that recognise, as ``all``; ``bytesOf(text)`` and ``waveformOf(text)``, of what
    ``as_text`` makes; and ``lexiconOf(names)``."""
    page = launch().new_page()
    page.goto(address)
    page.evaluate(
        """async () => {
          window.all = await (await import("/load.js")).loadAll();
          await all.loadFinder();
          window.bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          window.waveformOf = (text) => new Float32Array(bytesOf(text).buffer);
          window.lexiconOf = async (names) => {
            const some = names.map((name) => (name.text ? name : { text: name, say: [] }));
            const known = await all.recognizer.pronounce(some, all.loadReaders);
            return new Map(some.map((name, i) => [name.text, all.recognizer.entry(name, known[i])]));
          };
        }"""
    )
    return page


@pytest.fixture(scope="session")
def clip_of():
    """``clip_of(text)``: a recording of it, one second of a quiet room before and after, at 16 000 Hz."""

    def make(text, variant="m3", accent="en-US", room=1e-3, around_s=1.0):
        waveform = files.to_waveform(*speak(text, variant, accent), 16_000)
        padded = np.pad(waveform, round(around_s * 16_000))
        noise = np.random.default_rng(len(text)).normal(0, room, len(padded))
        return (padded + noise).astype(np.float32)

    return make
