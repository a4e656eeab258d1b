"""``speech-transcribe``, ``speech-listen``, ``speech-spot`` of the wheel speech-names-runtime: no torch, no Hydra."""

from __future__ import annotations

import sys

from speech.common import program
from speech.common.command_line import Parser, boolean, names, or_null, texts
from speech.common.runs import SHIPPED


def recognizer_parser(prog: str, description: str) -> Parser:
    """A parser with the options of every command that recognises names."""
    parser = Parser(prog, description)
    parser.add_argument("--recognizer", default=SHIPPED, help="shipped, or an exported file (.onnx)")
    parser.add_argument(
        "--names", type=or_null(names), help="the list to choose from, [Anna,Bob], or a text file with it"
    )
    parser.add_argument("--enrolled", type=or_null(str), help="a file of enrolled names, which are added to the list")
    what = "0.01 to 0.1; by default the recogniser's own"
    parser.add_argument("--false_accept_rate", type=or_null(float), help=what)
    return parser


def transcribe() -> None:
    parser = _clips_parser("speech-transcribe", "Transcribe recordings of one spoken name each; key=value.")

    def main() -> None:
        from speech.inference import commands

        given = parser.parse(sys.argv[1:])
        runtime, path = commands.load(given.recognizer, given.enrolled, given.false_accept_rate)
        commands.print_transcripts(runtime, path, given.clips, given.names, given.json)

    program.run(main)


def spot() -> None:
    parser = _clips_parser("speech-spot", "List the names in recordings of any length; key=value.")
    _add_false_alarms(parser)

    def main() -> None:
        from speech.inference import commands

        given = parser.parse(sys.argv[1:])
        runtime, _ = commands.load(given.recognizer, given.enrolled, given.false_accept_rate)
        commands.print_spotted(runtime, given.clips, given.names, given.json, given.false_alarms_per_hour)

    program.run(main)


def listen() -> None:
    parser = recognizer_parser("speech-listen", "Recognise names from a microphone, a file or a pipe; key=value.")
    _add_false_alarms(parser)
    parser.add_argument(
        "--source", default="microphone", help="microphone, a file, a named pipe, or - for standard input"
    )
    parser.add_argument("--device", type=or_null(str), help="the microphone's number or name; by default the system's")
    parser.add_argument("--rate", type=int, default=16_000, help="Hz of raw samples on standard input")
    parser.add_argument("--channels", type=int, default=1, help="channels of raw samples on standard input")
    parser.add_argument("--dtype", default="int16", help="type of raw samples: int16, int32 or float32")
    parser.add_argument("--json", type=boolean, default=False, help="true: one JSON object per event, one per line")

    def main() -> None:
        from speech.audio.streams import open_source
        from speech.inference import commands

        given = parser.parse(sys.argv[1:])
        runtime, _ = commands.load(given.recognizer, given.enrolled, given.false_accept_rate)
        device = int(given.device) if given.device and given.device.isdecimal() else given.device
        source = open_source(given.source, device, given.rate, given.channels, given.dtype)
        commands.print_events(runtime, source, given.names, given.json, given.false_alarms_per_hour)

    program.run(main)


def _add_false_alarms(parser: Parser) -> None:
    what = "allowed for each name in running speech; null: only names between pauses"
    parser.add_argument("--false_alarms_per_hour", type=or_null(float), default=5.0, help=what)


def _clips_parser(prog: str, description: str) -> Parser:
    parser = recognizer_parser(prog, description)
    what = "a file, a folder, a quoted pattern, or a list of these, [a.wav,b]"
    parser.add_argument("--clips", type=texts, required=True, help=what)
    parser.add_argument("--json", type=boolean, default=False, help="true: one JSON object per line")
    return parser
