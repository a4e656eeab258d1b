// The spectrogram of a recording, with the parts that the end-pointer cut off in grey, and the letters at their times.

import { PowerSpectrum } from "./fft.js";

const FRAME_S = 0.025;
const N_BANDS = 64; // rows, on the mel scale
const RANGE_DB = 60; // below the loudest
const AROUND_S = 0.8; // shown of the sound that was cut off, on either side
const LETTERS_PX = 28; // the height of the line of letters

const mel = (hz) => 2595 * Math.log10(1 + hz / 700);

/**
 * Draw the part of `waveform` around `span`, the samples that were recognised, on `canvas`; `spans` are the letters
 * with their times in seconds.
 */
export function draw(canvas, whole, sampleRate, [start, stop], spans) {
  const from = Math.max(0, Math.round(start - AROUND_S * sampleRate));
  const waveform = whole.subarray(from, Math.round(stop + AROUND_S * sampleRate));
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth || 600, canvas.clientHeight || 220];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const plotHeight = height - LETTERS_PX;
  const x = (sample) => ((sample - from) * width) / waveform.length;

  context.imageSmoothingEnabled = true;
  context.drawImage(picture(waveform, sampleRate, Math.ceil(width / 2)), 0, 0, width, plotHeight);
  context.fillStyle = colour("--cut");
  context.fillRect(0, 0, x(start), plotHeight);
  context.fillRect(x(stop), 0, width - x(stop), plotHeight);
  context.fillStyle = colour("--accent");
  for (const edge of [start, stop]) context.fillRect(x(edge) - 0.75, 0, 1.5, plotHeight);
  context.fillStyle = colour("--ink");
  context.font = "16px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { letter, startS, endS } of spans)
    context.fillText(letter, x(((startS + endS) / 2) * sampleRate), plotHeight + LETTERS_PX / 2);
}

/** The spectrogram as a small canvas, one column per time step. */
function picture(waveform, sampleRate, nColumns) {
  const length = Math.round(FRAME_S * sampleRate);
  const spectrum = new PowerSpectrum(length);
  const power = new Float64Array(Math.floor(length / 2) + 1);
  const frame = new Float64Array(length);
  const edges = Array.from({ length: N_BANDS + 1 }, (_, i) => {
    const hz = 700 * (10 ** ((mel(sampleRate / 2) * i) / N_BANDS / 2595) - 1);
    return (hz * length) / sampleRate;
  });
  const columns = [];
  let loudest = -Infinity;
  for (let column = 0; column < nColumns; column++) {
    const start = Math.round((column * waveform.length) / nColumns - length / 2);
    for (let i = 0; i < length; i++)
      frame[i] = (waveform[start + i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (length - 1)));
    spectrum.into(frame, power);
    const levels = edges.slice(1).map((edge, band) => {
      const first = Math.min(power.length - 1, Math.floor(edges[band]));
      const last = Math.max(first + 1, Math.floor(edge));
      return 10 * Math.log10(power.subarray(first, last).reduce((a, b) => Math.max(a, b), 1e-10));
    });
    loudest = Math.max(loudest, ...levels);
    columns.push(levels);
  }
  const small = document.createElement("canvas");
  [small.width, small.height] = [nColumns, N_BANDS];
  const context = small.getContext("2d");
  const image = context.createImageData(nColumns, N_BANDS);
  columns.forEach((levels, column) =>
    levels.forEach((one, band) => {
      const at = 4 * ((N_BANDS - 1 - band) * nColumns + column);
      image.data.set([...shade(Math.max(0, 1 + (one - loudest) / RANGE_DB)), 255], at);
    }),
  );
  context.putImageData(image, 0, 0);
  return small;
}

/** From black through violet and orange to pale yellow: brightness shows loudness, also to those who see no colours. */
function shade(loudness) {
  const stops = [[8, 6, 24], [87, 22, 110], [203, 65, 73], [249, 156, 40], [252, 250, 190]];
  const at = Math.min(loudness, 1) * (stops.length - 1);
  const below = Math.min(Math.floor(at), stops.length - 2);
  return stops[below].map((value, i) => value + (stops[below + 1][i] - value) * (at - below));
}
