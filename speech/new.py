"""``python -m speech.new DIR``: starts a project of your own from this project's files. No Hydra."""

from __future__ import annotations

import sys
from pathlib import Path

from speech.common import program
from speech.common.command_line import Parser


def main() -> None:
    about = "Makes a project of one encoder and one corpus, with training and tests, of this one's files; key=value."
    parser = Parser("python -m speech.new", about)
    parser.add_argument("folder", help="where it is made; nothing may be there")
    parser.add_argument("--package", help="its name in Python; the folder's if none is given")

    def begin() -> None:
        from speech.starter.project import default_package, write

        given = parser.parse(sys.argv[1:])
        folder = Path(given.folder).expanduser()
        package = given.package or default_package(folder)
        write(folder, package)
        print(f"{folder}: the project {package}; begin with: cd {folder} && make test")

    program.run(begin)


if __name__ == "__main__":
    main()
