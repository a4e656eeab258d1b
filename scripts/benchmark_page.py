"""``make bench-page``: the live page in Chromium: how long it takes to load, and to recognise a name.

One JSON object a line: ``page_load_s`` from the address to the page that can listen, of a new context each;
``page_name_ms`` for the transcript of a recording of 2.5 s against five names. Medians; the load of the machine, whose
other work counts, stands beside them.
"""

from __future__ import annotations

import base64
import os
import shutil
import statistics
import threading
import time
from pathlib import Path

import numpy as np
from benchlib.figures import show
from playwright.sync_api import sync_playwright

from speech import pretrained
from speech.audio import files
from speech.page import server, site
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

PROGRAM = Path(__file__).parents[1] / "cache" / "onnxruntime-web"
N_LOADS, N_NAMES = 5, 20
RECOGNISE = """async ([sound, n]) => {
  const { recognizer, g2p, dictionary } = await (await import("/load.js")).loadAll();
  const waveform = new Float32Array(Uint8Array.from(atob(sound), (c) => c.charCodeAt(0)).buffer);
  const names = ["Martin", "Marvin", "Morton", "Mark", "Siobhan"].map((text) => ({ text, say: [] }));
  const known = await recognizer.pronounce(names, g2p, dictionary);
  const lexicon = new Map(names.map(({ text }, i) => [text, recognizer.entry(text, known[i])]));
  const times = [];
  for (let i = 0; i <= n; i++) {
    const start = performance.now();
    await recognizer.transcribe(waveform, lexicon);
    times.push(performance.now() - start);
  }
  return times.slice(1); // the first run is slower
}"""


def _least(times: list[float]) -> str:
    return f"{min(times):.3g} at least; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-US", "m3"), np.random.default_rng(0))
    waveform = np.pad(files.to_waveform(samples, rate, 16_000), 16_000)
    noisy = waveform + np.random.default_rng(1).normal(0, 1e-3, len(waveform))  # of a quiet room
    sound = base64.b64encode(noisy.astype("<f4").tobytes())
    page_files = site.files(pretrained.shipped(pretrained.EXPORTED), PROGRAM)
    with server.server(page_files, 0) as serving, sync_playwright() as playwright:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        loads = []
        for _ in range(N_LOADS):
            page = browser.new_context().new_page()
            start = time.perf_counter()
            page.goto(f"http://localhost:{serving.server_port}/")
            page.wait_for_selector("#listen:not([disabled])", timeout=120_000)
            loads.append(time.perf_counter() - start)
        show("page_load_s", round(statistics.median(loads), 2), "s", f"2; {N_LOADS} loads, {_least(loads)}")
        times = page.evaluate(RECOGNISE, [sound.decode(), N_NAMES])
        show("page_name_ms", round(statistics.median(times), 1), "ms", f"100; {N_NAMES} times, {_least(times)}")
        browser.close()
        serving.shutdown()


if __name__ == "__main__":
    main()
