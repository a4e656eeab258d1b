"""``python -m speech.page``: recognises names in a browser on this machine, from the microphone or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def page(config: Config) -> None:
    from speech import pretrained
    from speech.common import counting, escape, ranges
    from speech.page import server, site

    def place(key: str, what: str) -> Path:
        return Path(ranges.checked_text(key, config[key], what)).expanduser()

    shipped = config.recognizer == "shipped"
    recognizer = pretrained.shipped(pretrained.EXPORTED) if shipped else place("recognizer", "an exported file (.onnx)")
    files = site.files(recognizer, place("onnxruntime_web", "the folder of onnxruntime-web's program"))
    if config.output is not None:
        site.write(files, place("output", "a folder"))
        size = f"{counting.counted(len(files), 'file')}, {sum(map(len, files.values())) / 1e6:.1f} MB"
        print(f"{escape.printable(config.output)}  {size}")
        return
    with server.server(files, config.port) as serving:
        print(f"http://localhost:{serving.server_port}  (Ctrl-C ends it)", flush=True)
        serving.serve_forever()


def main() -> None:
    command.run("page", page)


if __name__ == "__main__":
    main()
