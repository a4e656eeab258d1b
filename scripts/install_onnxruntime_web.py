"""``python scripts/install_onnxruntime_web.py [FOLDER]``: put onnxruntime-web into FOLDER (cache/onnxruntime-web).

It takes the program without GPU support (14 MB) from the npm package (MIT), for ``python -m speech.page``. Needs npm;
nothing is installed, only unpacked.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from speech.page import site


def install(folder: Path) -> None:
    """Raises SystemExit if the package is unavailable, OSError if it is not as expected."""
    if all((folder / name).is_file() for name in site.PROGRAM):
        for name in site.PROGRAM:
            site.program(folder, name)
        return
    if shutil.which("npm") is None:
        sys.exit(f"npm is needed to download {site.PACKAGE}: install Node.js")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        command = ["npm", "pack", site.PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", name]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
            sys.exit(f"failed: {' '.join(command)}")
        with tarfile.open(next(Path(name).glob("*.tgz"))) as archive:
            archive.extractall(name, filter="data")
        for source in site.PROGRAM:
            content = site.program(Path(name) / "package" / "dist", source)
            (folder / source).write_bytes(content)
    print(f"{site.PACKAGE} is in {folder.resolve()}")


if __name__ == "__main__":
    install(Path(sys.argv[1] if len(sys.argv) > 1 else "cache/onnxruntime-web"))
