"""Copies this project's files under another name: only those that training, evaluating and transcribing import.

No file is kept twice. Modules are found by following imports from the commands and configs that are copied. The few
places where a module refers to a part that is left out are cut (``parts.yaml``). A cut that no longer fits is an error.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from speech.common import storage
from speech.common.extras import require

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
CHECKOUT = PACKAGE.parent
_INSIDE = "|".join(sorted(path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")))
_CHECKED = '"speech", "scripts", "hydra_plugins"'  # mypy's
_NAME = re.compile(r"[a-z]\w*(?<!_)", re.ASCII | re.IGNORECASE)  # of a Python package and of a project
_OURS = re.compile(  # matches where the package or the project is meant, not the word or a variable of that name
    rf"(?<![\w/.-])speech(?=\.(?:conf|{_INSIDE})\b|\.(?:__|[<{{]))|(?<=from )speech(?= import)|(?<=import )speech\b"
    r"|(?<=[\"'])speech(?=[\"'./])|\bspeech-names\b"
)


def default_package(folder: Path) -> str:
    """The package name that the folder's name suggests: ``my-project`` gives ``my_project``."""
    return re.sub(r"\W+", "_", folder.resolve().name).strip("_").lower()


def write(folder: Path, package: str) -> None:
    """Make the project ``package`` in ``folder``.

    Raises ValueError for a name that is invalid or that another package has, if this project is installed without its
    tests, and if a cut no longer fits; FileExistsError if ``folder`` is not empty, OSError if it cannot be written.
    """
    if not _NAME.fullmatch(package) or keyword.iskeyword(package) or package in ("tests", "conf", "speech"):
        raise ValueError(f"package={package}: not a valid name for a Python package: give package=NAME")
    if not (CHECKOUT / "tests" / "conftest.py").is_file():
        raise ValueError(f"{PACKAGE} is installed without its tests: run this in a checkout of the project")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: the folder is not empty: give another one")
    require("ruff", "dev")
    texts = _texts(package)
    if package in _packages(texts) | sys.stdlib_module_names:
        raise ValueError(f"package={package}: a package that it needs has this name: give another package=NAME")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:  # complete, or not there at all
        for place, text in texts.items():
            path = Path(part, re.sub(r"^speech/", f"{package}/", place))
            path.parent.mkdir(parents=True, exist_ok=True)
            with storage.whole(path, sync=False) as one:
                one.write_text(_OURS.sub(package, text), encoding="utf-8")
        for path in (CHECKOUT / "LICENSE", HERE / "NOTICE"):
            shutil.copy(path, part)
        _format(part)
        for path in sorted(Path(part).iterdir()):
            path.rename(folder / path.name)


def _format(folder: str) -> None:
    """Format the project as its ``make format`` does: lines that name the package have changed their length."""
    command = [sys.executable, "-m", "ruff", "format", "--no-cache", "--no-respect-gitignore", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{folder}: could not be formatted ({done.stderr.strip()})")


def _texts(package: str) -> dict[str, str]:
    """Every file of the new project by its path, with the names of this one."""
    parts: dict[str, Any] = yaml.safe_load((HERE / "parts.yaml").read_text(encoding="utf-8"))
    chosen = (path for pattern in [*parts["files"], *parts["conf"]] for path in sorted(CHECKOUT.glob(pattern)))
    found = {place: _read(place) for place in (str(path.relative_to(CHECKOUT)) for path in chosen)}
    targets = [target for place, text in found.items() for target in re.findall(r"_target_: (speech\.[\w.]+)", text)]
    modules = _reached([*parts["commands"], *targets], parts["without"])
    found |= {place: _read(place) for place in modules.values()}
    slow = [line for line in _read("tests/slow.txt").splitlines() if line.partition("::")[0] in found]
    found["tests/slow.txt"] = "".join(f"{line}\n" for line in slow)
    templates = HERE / "files"
    for path in sorted(path for path in templates.rglob("*") if path.is_file()):
        place = str(path.relative_to(templates)).removesuffix(".in")  # which keeps tools from taking it as their own
        found[place] = path.read_text(encoding="utf-8").replace("PACKAGE", package)
    for place, cuts in parts["cuts"].items():
        found[place] = _cut(found[place], cuts, place)
    found["pyproject.toml"] = _pyproject(found, package, parts)
    _check_imports(found)
    return found


def _read(place: str) -> str:
    return (CHECKOUT / place).read_text(encoding="utf-8")


def _place_of(module: str) -> str | None:
    for place in (f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py"):
        if (CHECKOUT / place).is_file():
            return place
    return None


@cache
def _imports(text: str) -> set[str]:
    """The modules, and the names of modules, that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _reached(names: Iterable[str], without: Iterable[str]) -> dict[str, str]:
    """The modules that ``names`` (modules, or members of one) import, and their files; none of ``without``."""
    found: dict[str, str] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        parts = name.split(".")
        wanted += [".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) not in found]
        place = _place_of(name)
        if parts[0] != "speech" or place is None or name in found or name in without:
            continue
        found[name] = place
        wanted += _imports(_read(place))
    return found


def _cut(text: str, cuts: Mapping[str, Any], place: str) -> str:
    """``text`` without the functions ``drop``, and with each ``old`` replaced by ``new``. Raises ValueError if one is
    missing."""
    for name in cuts.get("drop", ()):
        text = _dropped(text, name.split("."), place)
    for old, new in ((one["old"], one["new"]) for one in cuts.get("replace", ())):
        if text.count(old) != 1:
            raise ValueError(f"{HERE / 'parts.yaml'}: {place}: {old!r} occurs {text.count(old)} times, not once")
        text = text.replace(old, new)
    return text


def _dropped(text: str, name: list[str], place: str) -> str:
    nodes: list[Any] = ast.parse(text).body
    for part in name[:-1]:
        nodes = next((node.body for node in nodes if getattr(node, "name", None) == part), [])
    node = next((node for node in nodes if getattr(node, "name", None) == name[-1]), None)
    if node is None:
        raise ValueError(f"{HERE / 'parts.yaml'}: {place}: there is no {'.'.join(name)}")
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    lines = text.splitlines(keepends=True)
    rest = lines[node.end_lineno :]
    while rest and not rest[0].strip():  # the empty lines after it
        rest = rest[1:]
    return "".join([*lines[: first - 1], *rest]).rstrip("\n") + "\n"


def _pyproject(found: Mapping[str, str], package: str, parts: Mapping[str, Any]) -> str:
    """The template's text, with those of our requirements that the files import, and our settings for the tools."""
    ours, imported_as = _read("pyproject.toml"), parts["imports"]
    imported = _packages(found)
    settings = tomllib.loads(ours)
    extras = [f"{name} = {json.dumps(settings['project']['optional-dependencies'][name])}" for name in parts["extras"]]
    requirements = settings["project"]["dependencies"]
    kept = [one for one in requirements if imported_as.get(_name(one), _name(one)) in imported]
    ruff, mypy = (ours[ours.index(f"[tool.{name}]") :] for name in ("ruff", "mypy"))
    tools = ruff[: ruff.index("[tool.typos]")] + mypy[: mypy.index("[tool.pytest")]
    ignored = {"old": "ignore = [", "new": 'ignore = ["E501", '}  # for comments or texts that name the package
    checked = {"old": _CHECKED, "new": f'"{package}"'}
    return (
        found["pyproject.toml"]
        .replace("REQUIREMENTS", "\n".join(f'    "{one}",' for one in kept))
        .replace("EXTRAS", "\n".join(extras))
        .replace("REQUIRES_PYTHON", settings["project"]["requires-python"])
        .replace("TOOLS\n", _cut(tools, {"replace": [ignored, checked]}, "pyproject.toml"))
    )


def _name(requirement: str) -> str:
    found = re.match(r"[\w-]+", requirement)
    assert found is not None
    return found[0].replace("-", "_").lower()


def _packages(found: Mapping[str, str]) -> set[str]:
    """The packages that the files import."""
    files = [text for place, text in found.items() if place.endswith(".py")]
    return {name.partition(".")[0] for text in files for name in _imports(text)}


def _check_imports(found: Mapping[str, str]) -> None:
    """Raise ValueError if a file imports a module that is left out."""
    for place, text in found.items():
        for name in _imports(text) if place.endswith(".py") else ():
            needed = _place_of(name if name.startswith("speech.") else f"tests.{name}")
            if needed is not None and needed not in found:
                raise ValueError(f"{HERE / 'parts.yaml'}: {place} imports {name}, which is left out: cut that")
