"""``make bench-page``: the live page in Chromium: how long it takes to load, and to recognise a name.

One JSON object per line: ``page_load_s``, from the address until the page can listen, each in a new context;
``page_name_ms``, the transcript of a recording of 2.5 s against five names; ``page_listen_rtf``, the seconds needed to
search one second of speech without a pause for the five names. The values are medians. Beside them are the minimum, the
load of the machine, since its other work adds to the times, and the CPU time of the page's process, which it affects
less. There are fewer loads if they are slow, so that it ends within two minutes even on a busy machine.
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
from playwright.sync_api import CDPSession, sync_playwright

from speech import pretrained
from speech.audio import files
from speech.page import server, site
from speech.tts.espeak import Espeak
from speech.tts.voice import Voice

PROGRAM = Path(__file__).parents[1] / "cache" / "onnxruntime-web"
N_LOADS, N_NAMES, N_SECONDS = 3, 20, 20
LOADS_S = 20.0  # after which no further load begins
LOAD = """async () => {
  const { recognizer, loadReaders, loadFinder } = await (await import("/load.js")).loadAll();
  const names = ["Martin", "Marvin", "Morton", "Mark", "Siobhan"].map((text) => ({ text, say: [] }));
  const known = await recognizer.pronounce(names, loadReaders);
  await loadFinder();
  window.recognizer = recognizer;
  window.lexicon = new Map(names.map(({ text }, i) => [text, recognizer.entry(text, known[i])]));
}"""
RECOGNISE = """async ([sound, n]) => {
  const waveform = new Float32Array(Uint8Array.from(atob(sound), (c) => c.charCodeAt(0)).buffer);
  const times = [];
  for (let i = 0; i <= n; i++) {
    const start = performance.now();
    await recognizer.transcribe(waveform, lexicon);
    times.push(performance.now() - start);
  }
  return times.slice(1); // the first run is slower
}"""

LISTEN = """async ([sound, n]) => {
  const { Listener } = await import("/listening.js");
  const waveform = new Float32Array(Uint8Array.from(atob(sound), (c) => c.charCodeAt(0)).buffer);
  const listener = new Listener(recognizer, () => lexicon, { speaking() {}, name() {} }, 5);
  const times = [];
  for (let i = 0; i <= n; i++) {
    const start = performance.now();
    for (let at = 0; at < waveform.length; at += 640) await listener.push(waveform.subarray(at, at + 640));
    times.push((performance.now() - start) / 1000);
  }
  return times.slice(1); // the first run is slower
}"""


def _than(times: list[float], cpu: float, unit: str) -> str:
    other = f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return f"{min(times):.3g} at least, {cpu:.3g} {unit} of CPU; {other}"


def _cpu_s(metrics: CDPSession) -> float:
    """CPU time of the page's process so far."""
    found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    return float(found["ProcessTime"])


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    samples, rate = Espeak().speak("Martin", Voice("espeak", "en-US", "m3"), np.random.default_rng(0))
    waveform = np.pad(files.to_waveform(samples, rate, 16_000), 16_000)
    noisy = waveform + np.random.default_rng(1).normal(0, 1e-3, len(waveform))  # of a quiet room
    sound, speech = (
        base64.b64encode(some.astype("<f4").tobytes()).decode()
        for some in (noisy, np.resize(waveform[16_000:-16_000], 16_000))
    )
    page_files = site.files(pretrained.shipped(pretrained.EXPORTED), PROGRAM)
    with server.server(page_files, 0) as serving, sync_playwright() as playwright:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        loads: list[float] = []
        cpu: list[float] = []
        while not loads or (len(loads) < N_LOADS and sum(loads) < LOADS_S):
            page = browser.new_context().new_page()
            metrics = page.context.new_cdp_session(page)
            metrics.send("Performance.enable")
            before, start = _cpu_s(metrics), time.perf_counter()
            page.goto(f"http://localhost:{serving.server_port}/")
            page.wait_for_selector("#listen:not([disabled])", timeout=60_000)
            loads.append(time.perf_counter() - start)
            cpu.append(_cpu_s(metrics) - before)
        than = f"2; {len(loads)} loads, {_than(loads, statistics.median(cpu), 's')}"
        show("page_load_s", round(statistics.median(loads), 2), "s", than)
        page.evaluate(LOAD)
        before = _cpu_s(metrics)
        times = page.evaluate(RECOGNISE, [sound, N_NAMES])
        each = 1000 * (_cpu_s(metrics) - before) / (N_NAMES + 1)
        than = f"100; {N_NAMES} times, {_than(times, each, 'ms')}"
        show("page_name_ms", round(statistics.median(times), 1), "ms", than)
        before = _cpu_s(metrics)
        times = page.evaluate(LISTEN, [speech, N_SECONDS])
        than = f"1; {N_SECONDS} s, {_than(times, (_cpu_s(metrics) - before) / (N_SECONDS + 1), 's')}"
        show("page_listen_rtf", round(statistics.median(times), 3), "", than)
        browser.close()
        serving.shutdown()


if __name__ == "__main__":
    main()
