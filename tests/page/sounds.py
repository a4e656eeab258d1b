"""Sound on its way into the browser, and the names recognised in it."""

import base64

import numpy as np
from spoken import RATE

NAMES = ["Martin", "Marvin", "Morton", "Mark", "Chloé", "Anne-Marie", "Łukasz", "Nguyễn Văn", "Siobhan", "Two Three"]


def pause(seconds):
    return (1e-4 * np.random.default_rng(2).standard_normal(round(seconds * RATE))).astype(np.float32)


def as_text(array, dtype="<f4"):
    """The bytes of ``array`` in base64; ``waveformOf`` of ``browser.engine`` reads float32."""
    return base64.b64encode(array.astype(dtype).tobytes()).decode()


LISTEN = """async ({ sound, size, lists, perHour = null, atPause = true, finder = true }) => {
  const { Listener } = await import("/listening.js");
  const { recognizer } = all;
  const lexicons = [];
  for (const names of lists) lexicons.push(await lexiconOf(names));
  const found = [];
  const name = ({ startS, span, transcript }) => {
    const [{ text, probability }] = transcript.names;
    const times = span.map((sample) => startS + sample / recognizer.sampleRate);
    found.push([text, ...times, probability, transcript.accepted, transcript.letters]);
  };
  const own = recognizer.finder;
  if (!finder) recognizer.finder = null;
  const listener = new Listener(recognizer, () => lexicons[0], { speaking() {}, name }, perHour, atPause);
  const samples = waveformOf(sound);
  for (let at = 0; at < samples.length; at += size) {
    const working = listener.push(samples.subarray(at, at + size));
    if (size > 100) await working;
    if (lexicons.length > 1) lexicons.shift();
  }
  await listener.finish();
  recognizer.finder = own;
  return found;
}"""


def listen(engine, sound, size, *lists, **options):
    """The names that the page recognises in a stream, in blocks of ``size``: name, start and end in seconds,
    probability, whether it is accepted, letters. Each block has the next of ``lists``, as long as there is one."""
    return engine.evaluate(LISTEN, {"sound": as_text(sound), "size": size, "lists": lists, **options})
