// Faults that spoil a recording of a name, reported while the speaker can repeat it. speech/audio/quality.py.

const CLIPPED = 0.99; // of full scale
const MOST_CLIPPED = 3; // samples; one or two are a click
const LEAST_DBFS = -45; // level of the speech; lower levels are near the noise of a quiet microphone
const LEAST_SNR_DB = 12;
const SHORTEST_S = 0.16; // of the end-pointed name
const LONGEST_S = 3;
const EDGE_S = 0.02; // speech that is nearer to an end of the recording was cut off there

/** The root mean square, in dBFS; -120 for silence. */
export function level(waveform) {
  const power = waveform.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, waveform.length);
  return 10 * Math.log10(Math.max(power, 1e-12));
}

/** Level of the name above the median level around it, in dB; Infinity for a recording without background. */
function snr(waveform, [start, stop], sampleRate) {
  const around = new Float32Array(waveform.length - (stop - start));
  around.set(waveform.subarray(0, start));
  around.set(waveform.subarray(stop), start);
  const n = Math.floor(sampleRate / 50);
  const levels = [];
  for (let i = 0; i + n <= around.length; i += n) levels.push(level(around.subarray(i, i + n)));
  if (!levels.length) return Infinity;
  levels.sort((a, b) => a - b);
  const middle = Math.floor(levels.length / 2);
  const median = levels.length % 2 ? levels[middle] : (levels[middle - 1] + levels[middle]) / 2;
  return level(waveform.subarray(start, stop)) - median;
}

/** Faults of the level of a recording whose name is `span`. */
export function levelFaults(waveform, [start, stop]) {
  const faults = [];
  const nClipped = waveform.reduce((n, sample) => n + (Math.abs(sample) >= CLIPPED), 0);
  if (nClipped > MOST_CLIPPED)
    faults.push(`too loud: ${nClipped} samples are clipped: lower the input level, or move farther away`);
  const loud = level(waveform.subarray(start, stop));
  if (loud < LEAST_DBFS)
    faults.push(`too quiet: ${loud.toFixed(0)} dBFS, at least ${LEAST_DBFS} needed: come closer, or raise the level`);
  return faults;
}

/** Faults of a recording of one name, each with its remedy; without any it can be enrolled. */
export function faultsOf(waveform, span, sampleRate) {
  const [start, stop] = span;
  const faults = levelFaults(waveform, span);
  const over = snr(waveform, span, sampleRate);
  const speechS = (stop - start) / sampleRate;
  if (speechS < SHORTEST_S) faults.push(`too short: ${speechS.toFixed(2)} s of sound: was that the name?`);
  if (speechS > LONGEST_S)
    faults.push(`too long: ${speechS.toFixed(1)} s of sound, at most ${LONGEST_S}: say the name alone, once`);
  if (over < LEAST_SNR_DB)
    faults.push(`too noisy: ${over.toFixed(0)} dB above the noise, at least ${LEAST_SNR_DB} needed: find a quieter place`);
  const edge = Math.round(EDGE_S * sampleRate);
  const [early, late] = [start < edge, stop > waveform.length - edge];
  if (early && late) faults.push("never quiet: a loud room, or continuous speech: say the name alone, somewhere quieter");
  else if (early) faults.push("cut off at its beginning: wait a moment before you speak");
  else if (late) faults.push("cut off at its end: wait a moment before you stop");
  return faults;
}
