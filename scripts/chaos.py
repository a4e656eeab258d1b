"""``make chaos``: commands that are killed, that meet a full disk, and that run twice at once; one figure per line.

``python scripts/chaos.py [N_MOMENTS] [SEED] [COMMAND ...]``: each command (build, synthesize, train, export, report)
is run undisturbed, on a small corpus. Then it is killed with SIGKILL, the whole group or the parent alone, at random
moments of the time that it took; it gets a disk with room for only part of its output; and two are started together.
Every time, each file with its final name has to be complete, the same command (or ``resume=``) has to continue to the
result of the undisturbed run, and no unfinished file, lock, process or temporary folder may be left. Half of the
moments use a file system other than the temporary folder's. Each failure is printed as a JSON object, and the exit
status is then 1.

The script mounts file systems of a few MB in memory: run it as root, or with ``unshare --user --map-root-user
--mount``. The commands are forked from this process, which has done the slow imports.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from benchlib.figures import show
from benchlib.forked import Forked, module
from filelock import FileLock, Timeout

from speech.audio import files
from speech.common import seal
from speech.config import compose, objects
from speech.config.command import explained
from speech.data.build import build
from speech.model import torch_file
from speech.text.alphabet import Alphabet
from speech.training.folder import WRITER

for _slow in ("lhotse", "matplotlib.pyplot", "onnxruntime", "pytorch_lightning", "speech.page.page"):
    importlib.import_module(_slow)  # once, here: each command is a fork, which would otherwise import it again

NAMES = "[Martin,Kelvin]"
CORPUS = ["init=null", f"corpus.names={NAMES}", "corpus.n_train=8", "corpus.n_val=1", "corpus.n_test=1"]
TRAINING = ["batch_size=8", "encoder.n_units=16", "trainer.max_epochs=2", "trainer.log_every_n_steps=1"]
TRAINING += ["+trainer.enable_progress_bar=false", "callbacks.times.every_n_steps=2"]
SHARES = {"train": 0.28, "build": 0.24, "synthesize": 0.2, "export": 0.14, "report": 0.14}  # of the moments
DISK_MB = 64
WAITS_S = 600.0  # for a command


@dataclass
class Command:
    """``run`` is called in the folder of a try, and again after a disturbance. ``result`` has to stay the same."""

    name: str
    run: Callable[[], object]
    makes: str  # the folder that it writes
    result: Callable[[Path], object]
    needs: Sequence[str] = ()  # folders of the undisturbed commands that it reads
    room: int = 0  # bytes that it writes


def _build() -> None:
    """The first part of training: building the corpus."""
    config = compose.compose("train", [*CORPUS, "cache_dir=cache"])
    source, alphabet = objects.instantiate(config.corpus), Alphabet(config.alphabet)
    explained(lambda: build(source, alphabet, 16_000, config.cache_dir, n_workers=1))


def _train() -> None:
    resumed = Path("run/checkpoints/last.ckpt").is_file()
    given = ["resume=run"] if resumed else [*CORPUS, *TRAINING, "cache_dir=cache", "hydra.run.dir=run"]
    module("speech.train", *given)


def _tree(folder: Path, pattern: str) -> dict[str, str]:
    """A digest of each file; for an archive, of its content, since gzip writes the time into it."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): _digest(path) for path in found}


def _digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha256(gzip.decompress(content) if path.suffix == ".gz" else content).hexdigest()


def _weights(place: Path) -> dict[str, str]:
    weights = torch_file.read(place / "run" / "recognizer.pt")["weights"]
    (place / "run" / "model_card.md").read_text()
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in weights.items()}


def _clips(place: Path) -> object:
    listed = sorted((place / "clips" / "manifest.csv").read_text().splitlines())
    return listed, _tree(place / "clips", "*/*.wav")


COMMANDS = [
    Command(
        "build",
        _build,
        "cache",
        lambda place: _tree(place / "cache", "*/[a-z]*/**/*") | _tree(place / "cache", "*/*.*l*"),
    ),
    Command(
        "synthesize",
        lambda: module("speech.synthesize", f"names={NAMES}", "n_voices=12", "output=clips"),
        "clips",
        _clips,
    ),
    Command("train", _train, "run", _weights, needs=["cache"]),
    Command(
        "export",
        lambda: module("speech.export", "run=run", "output=exported", "cache_dir=cache"),
        "exported",
        lambda place: _tree(place / "exported", "*.onnx"),
        needs=["cache", "run"],
    ),
    Command(
        "report",
        lambda: module("speech.report", "run=run", "output=page/report.html"),
        "page",
        lambda place: (place / "page" / "report.html").read_bytes().endswith(b"</html>"),
        needs=["cache", "run"],
    ),
]


class Fault(Exception):
    """A command left something wrong."""


def temporary(place: Path) -> Path:
    """The temporary folder of a try: always on the disk, whichever file system ``place`` is on."""
    folder = Path(tempfile.gettempdir()) / f"chaos-tmp-{place.name}"
    folder.mkdir(exist_ok=True)
    return folder


def damaged(place: Path) -> list[str]:
    """The files under ``place`` that have their final name but are not complete."""
    return [str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and not _is_whole(path)]


def _is_whole(path: Path) -> bool:
    if path.name.startswith(".part-"):
        return True  # it does not have its final name yet
    try:
        content = path.read_bytes()
        if path.suffix in (".pt", ".ckpt", ".onnx"):
            return seal.is_sealed(content)
        if path.suffix == ".json":
            json.loads(content)
        if path.suffix == ".gz":
            gzip.decompress(content)
        if path.suffix in (".wav", ".flac"):
            return len(files.decode(path)[0]) > 0
        return path.suffix != ".html" or content.endswith(b"</html>")
    except (OSError, ValueError, RuntimeError, EOFError):
        return False


def left_behind(place: Path) -> list[str]:
    """Unfinished files, locks that are held, and the content of the temporary folder."""
    found = [str(path.relative_to(place)) for path in place.rglob(".part-*")]
    for path in place.rglob("*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            found.append(f"{path.relative_to(place)} is held")
    return found + [f"TMPDIR/{path.name}" for path in temporary(place).iterdir()]


def begun(command: Command, place: Path) -> Forked:
    return Forked(command.run, place, temporary(place))


def finish(command: Command, place: Path, expected: object) -> None:
    """Run the command again: it has to continue to the result of the undisturbed run, and leave nothing behind."""
    process = begun(command, place)
    if status := process.ended(WAITS_S):
        raise Fault(f"run again, it ended with {status}: {process.errors[-500:]}")
    if (found := command.result(place)) != expected:
        raise Fault(f"run again, it ended with another result: {found} instead of {expected}"[:2_000])
    if process.has_left_processes():
        raise Fault("processes were left running")
    check_nothing_left(place)


def check_nothing_left(place: Path) -> None:
    if left := left_behind(place):
        raise Fault(f"left behind: {', '.join(left[:5])}")


def check_whole(place: Path) -> None:
    if wrong := damaged(place):
        raise Fault(f"not whole: {', '.join(wrong[:5])}")


def killed(command: Command, place: Path, expected: object, after_s: float, group: bool) -> None:
    process = begun(command, place)
    time.sleep(after_s)
    process.kill(group)
    process.ended(WAITS_S)
    if process.has_left_processes():
        raise Fault("its processes kept running")
    check_whole(place)
    finish(command, place, expected)


def full_disk(command: Command, place: Path, expected: object, room: int) -> None:
    """Run the command on a disk with ``room`` bytes left for its output, and then again."""
    rest = place / "rest"
    free = shutil.disk_usage(place).free
    rest.write_bytes(bytes(max(0, free - room)))
    process = begun(command, place)
    status, errors = process.ended(WAITS_S), process.errors
    check_whole(place)
    check_nothing_left(place)
    if status:
        lines = [line for line in errors.splitlines() if line.startswith("error: ")]
        if status != 2 or len(lines) != 1 or "Traceback" in errors:
            raise Fault(f"it ended with {status} on a full disk: {errors[-500:]}")
        if not any(str(one) in lines[0] for one in (place, *(f"{command.makes}/" for command in COMMANDS))):
            raise Fault(f"the error names no file: {lines[0]}")
    rest.unlink()
    finish(command, place, expected)


def twice(command: Command, place: Path, expected: object) -> None:
    """Two at once: each has to end well, or a training to be refused its folder in one line."""
    both = [begun(command, place) for _ in range(2)]
    statuses = [process.ended(WAITS_S) for process in both]
    refused = [process.errors for process, status in zip(both, statuses, strict=True) if status]
    if len(refused) > (command.name == "train") or any(f"{WRITER} is writing there" not in one for one in refused):
        raise Fault(f"ended with {statuses}: {' / '.join(refused)[-500:]}")
    if command.result(place) != expected:
        raise Fault("ended with another result")
    check_nothing_left(place)


@contextlib.contextmanager
def mounted(place: Path) -> Iterator[None]:
    """Mounts a file system of DISK_MB in memory at ``place``."""
    options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    made = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"error: {made.stderr.strip()}: run it as root, or by unshare --user --map-root-user --mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextlib.contextmanager
def prepared(command: Command, whole: Path, root: Path, other: bool) -> Iterator[Path]:
    """The folder of a try with the command's input, if ``other`` not on the file system of the temporary folder."""
    place = Path(tempfile.mkdtemp(prefix=f"{command.name}-", dir=root))
    with mounted(place) if other else contextlib.nullcontext():
        try:
            for name in command.needs:
                shutil.copytree(whole / name, place / name)
            yield place
        finally:
            shutil.rmtree(temporary(place))
    shutil.rmtree(place, ignore_errors=True)


def chaos(n_moments: int, seed: int, names: Sequence[str], root: Path) -> Iterator[dict[str, Any]]:
    """Disturb the commands and show the figures; yields the failures."""
    rng = random.Random(seed)
    whole = root / "whole"
    whole.mkdir()
    needed = {folder for command in COMMANDS if command.name in names for folder in command.needs}
    for command in COMMANDS:
        if command.name not in names and command.makes not in needed:
            continue
        size = sum(path.stat().st_size for path in whole.rglob("*"))
        process = begun(command, whole)
        if status := process.ended(WAITS_S):
            sys.exit(f"error: {command.name}, undisturbed, ended with {status}: {process.errors}")
        command.room = sum(path.stat().st_size for path in whole.rglob("*")) - size
        expected = command.result(whole)
        show(f"undisturbed ({command.name})", round(process.seconds, 2), "s", f"{command.room / 1e6:.2f} MB written")
        if command.name not in names:
            continue
        n = max(2, round(SHARES[command.name] * n_moments)) if n_moments else 0
        # One random moment in each of n equal parts of its time.
        moments = [process.seconds * (i + rng.random()) / n for i in range(n)]
        tries: dict[str, list[tuple[bool, Callable[..., None], tuple[Any, ...]]]] = {
            "killed": [(i % 2 == 1, killed, (after, i % 4 < 2)) for i, after in enumerate(moments)],
            "full disk": [(True, full_disk, (round(command.room * share),)) for share in (0.02, 0.4, 0.8)],
            "two at once": [(False, twice, ())],
        }
        for kind, some in tries.items():
            n_failed = 0
            for other, action, arguments in some:
                with prepared(command, whole, root, other) as place:
                    try:
                        action(command, place, expected, *arguments)
                    except (Fault, TimeoutError) as fault:
                        n_failed += 1
                        at = [round(one, 3) for one in arguments]
                        reason = str(fault)
                        yield {"command": command.name, "kind": kind, "at": at, "other_disk": other, "reason": reason}
            show(f"failed, {kind} ({command.name})", n_failed, "", f"0 of {len(some)}")


def main() -> None:
    n_moments, seed = (int(text) for text in (*sys.argv[1:3], *("50", "0")[len(sys.argv[1:3]) :]))
    names = sys.argv[3:] or list(SHARES)
    torch.set_num_threads(1)
    n_failed = 0
    root = Path(tempfile.mkdtemp(prefix="chaos-"))  # each child would remove a TemporaryDirectory when it ends
    try:
        for fault in chaos(n_moments, seed, names, root):
            n_failed += 1
            print(json.dumps(fault), flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
