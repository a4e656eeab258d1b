"""``python -m speech.new DIR``: starts a project of your own from this project's files. No Hydra."""

from __future__ import annotations

import sys
from pathlib import Path

from speech.common import program
from speech.common.command_line import Parser
from speech.common.escape import printable


def main() -> None:
    about = "Creates a project of an encoder and a corpus, with training and tests, from this one's files (key=value)."
    parser = Parser("python -m speech.new", about)
    parser.add_argument("folder", help="the folder to create; it has to be new or empty")
    parser.add_argument("--package", help="the name of its Python package; by default the folder's")

    def begin() -> None:
        from speech.starter.project import default_package, write

        given = parser.parse(sys.argv[1:])
        folder = Path(given.folder).expanduser()
        package = given.package or default_package(folder)
        write(folder, package)
        shown = printable(folder)
        print(f"{shown}: the project {package}; begin with: cd {shown} && make test")

    program.run(begin)


if __name__ == "__main__":
    main()
