"""Many recordings, one after the other."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig


def transcribe(config: DictConfig) -> int:
    """Print what is heard in each clip; a clip that cannot be used is listed with its reason. Returns how many could.

    Below a clip stands what is wrong with its level, and on stderr which ``names`` no ear can tell apart.

    With ``json``, stdout has one object for each clip, in their order, and nothing else: the count goes to stderr.
    Raises ValueError where none could.
    """
    from speech.audio import endpointing, files
    from speech.audio.quality import level_faults
    from speech.common import runs
    from speech.data.source import Refusal
    from speech.model import loading
    from speech.text.confusable import warn_homophones
    from speech.text.names import distinct, read_names

    recognizer = loading.load(runs.find_recognizer(config.recognizer, config.runs_dir), config.get("decoder"))
    if config.false_accept_rate is not None:
        if recognizer.rejection is None:
            raise ValueError(
                f"false_accept_rate={config.false_accept_rate}: {config.recognizer} was not calibrated to tell what is "
                "none of the names: python -m speech.calibrate"
            )
        recognizer.rejection = recognizer.rejection.at(config.false_accept_rate)
    names = None if config.names is None else distinct(read_names(config.names), recognizer.alphabet)
    if names:
        warn_homophones(names)
    refused = []
    clips = files.find_clips(config.clips)
    for clip in clips:
        try:
            waveform = files.read(clip, recognizer.sample_rate)
            start, stop = endpointing.find_speech(waveform, recognizer.sample_rate)
            heard = recognizer.transcribe((waveform, recognizer.sample_rate), names)
        except (files.AudioError, endpointing.NoSpeechError) as error:
            refused.append(Refusal(str(clip), str(error)))
            if config.json:
                print(json.dumps({"clip": str(clip), "refused": str(error)}))
            continue
        faults = level_faults(waveform, waveform[start:stop])
        if config.json:
            spans = [span._asdict() for span in heard.spans]
            found = {"clip": str(clip), "letters": heard.letters, "names": heard.names, "spans": spans}
            known = {"none": heard.none, "accepted": heard.accepted, "phones": heard.phones, "faults": faults}
            print(json.dumps(found | known))
        else:
            ranked = ", ".join(f"{name} {probability:.3f}" for name, probability in heard.names[:3])
            if heard.accepted is False:
                ranked = f"none of these {heard.none:.3f}; else {ranked}"
            when = f"{heard.spans[0].start_s:.2f}-{heard.spans[-1].end_s:.2f} s" if heard.spans else ""
            letters = heard.letters or "-"
            if heard.phones is not None:
                letters += f" /{heard.phones}/"
            print(f"{clip}  {letters:<{14 if heard.phones is None else 28}} {when:<13} {ranked}")
            for fault in faults:
                print(f"  {fault}")
    for one in [] if config.json else refused:
        print(f"refused: {one}")
    told = sys.stderr if config.json else sys.stdout
    print(f"{len(clips) - len(refused)} of {len(clips)} clips transcribed", file=told)
    if len(refused) == len(clips):
        raise ValueError(f"none of {len(clips)} clips could be transcribed")
    return len(clips) - len(refused)
