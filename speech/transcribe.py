"""``python -m speech.transcribe clips=FILE_DIR_OR_GLOB``: what is heard in recordings, clip by clip."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def transcribe(config: DictConfig) -> int:
    """Print what is heard in each clip; a clip that cannot be used is listed with its reason. Returns how many could.

    With ``json``, stdout has one object for each clip, in their order, and nothing else: the count goes to stderr.
    Raises ValueError where none could.
    """
    from speech import audio, runs
    from speech.alphabet import distinct, read_names
    from speech.endpoint import NoSpeechError

    recognizer = runs.load(runs.find_recognizer(config.recognizer, config.runs_dir), config.get("decoder"))
    if config.false_acceptance is not None:
        if recognizer.rejection is None:
            raise ValueError(
                f"false_acceptance={config.false_acceptance}: {config.recognizer} was not calibrated to tell what is "
                "none of the names: python -m speech.calibrate"
            )
        recognizer.rejection = recognizer.rejection.at(config.false_acceptance)
    names = None if config.names is None else distinct(read_names(config.names), recognizer.alphabet)
    refused = []
    clips = audio.find_clips(config.clips)
    for clip in clips:
        try:
            heard = recognizer.transcribe(clip, names)
        except (audio.AudioError, NoSpeechError) as error:
            refused.append(str(error) if str(clip) in str(error) else f"{clip}: {error}")
            if config.json:
                print(json.dumps({"clip": str(clip), "refused": str(error)}))
            continue
        if config.json:
            spans = [span._asdict() for span in heard.spans]
            found = {"clip": str(clip), "letters": heard.letters, "names": heard.names, "spans": spans}
            print(json.dumps(found | {"none": heard.none, "accepted": heard.accepted, "phones": heard.phones}))
        else:
            ranked = ", ".join(f"{name} {probability:.3f}" for name, probability in heard.names[:3])
            if heard.accepted is False:
                ranked = f"none of these {heard.none:.3f}; else {ranked}"
            when = f"{heard.spans[0].start_s:.2f}-{heard.spans[-1].end_s:.2f} s" if heard.spans else ""
            letters = heard.letters or "-"
            if heard.phones is not None:
                letters += f" /{heard.phones}/"
            print(f"{clip}  {letters:<{14 if heard.phones is None else 28}} {when:<13} {ranked}")
    for reason in [] if config.json else refused:
        print(f"refused: {reason}")
    told = sys.stderr if config.json else sys.stdout
    print(f"{len(clips) - len(refused)} of {len(clips)} clips transcribed", file=told)
    if len(refused) == len(clips):
        raise ValueError(f"none of {len(clips)} clips could be transcribed")
    return len(clips) - len(refused)


def main() -> None:
    configs.run("transcribe", transcribe)


if __name__ == "__main__":
    main()
