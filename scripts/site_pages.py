"""Generated pages of the docs site (``make docs``): commands, configs, modules, files that a page links to.

This is a hook of MkDocs. The site's tree is the repository's: a page has the place of its file, ``docs/how-to.md`` at
``docs/how-to/``, a module's page at ``speech/audio/snr/``, a config group's at ``conf/encoder/``. So a link in a page
works both on the site and in a checkout; only a link to something that is not a page (a module, a YAML, a folder) is
replaced.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import help, tree

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[1]
READ = ("speech.backprop", "speech.lessons")  # packages meant to be read: their pages show the source
WRITTEN = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "speech/pretrained"]  # in addition to docs/
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def written() -> Iterator[str]:
    """The Markdown files that are pages, and their pictures."""
    for top in [*WRITTEN, "docs"]:
        paths = [ROOT / top] if top.endswith(".md") else sorted((ROOT / top).glob("*"))
        yield from (path.relative_to(ROOT).as_posix() for path in paths if path.suffix in {".md", ".png"})


def commands() -> str:
    """What each command does, its most used options and its examples, as in ``--help``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [place.removeprefix("speech.").removesuffix(":main") for place in project["scripts"].values()]
    lines = ["# Commands", "", "The page of each command's `--help`; `--cfg job` prints every option and its default."]
    for name in [name for name in names if (tree.CONF / f"{name}.yaml").is_file()]:  # speech.page has no config
        top = help.header(tree.CONF / f"{name}.yaml")
        lines += ["", f"## speech.{name}", "", top.about, "", *(f"    {example}" for example in top.examples), ""]
        lines += ["| option | default | meaning |", "|---|---|---|"]
        lines += [f"| `{one.key}` | `{one.default}` | {_cell(one.meaning)} |" for one in help.most_used(name)]
    return "\n".join(lines)


def configs() -> dict[str, str]:
    """A page for the tree of configs, and one for each group with its choices, each file verbatim."""
    groups = sorted({path.parent.relative_to(tree.CONF).as_posix() for path in tree.CONF.glob("*/**/*.yaml")})
    index = ["# Configs", "", "A group is a folder of `conf/`, a choice one of its files: `GROUP=CHOICE`.", ""]
    index += ["| group | choices |", "|---|---|"]
    pages = {}
    for group in groups:
        choices = tree.options(group)
        links = (f"[{choice}]({group}.md#{choice})" for choice in choices)
        index += [f"| [{group}]({group}.md) | {', '.join(links)} |"]
        lines = [f"# {group}"]
        for choice in choices:
            lines += ["", f"## {choice} {{ #{choice} }}", "", *_shown(tree.CONF / group / f"{choice}.yaml")]
        pages[f"conf/{group}.md"] = "\n".join(lines)
    index += ["", "Of each command, the groups that it composes and the settings of its own:"]
    for path in sorted(tree.CONF.glob("*.yaml")):
        index += ["", f"## {path.stem} {{ #{path.stem} }}", "", *_shown(path)]
    return {"conf/index.md": "\n".join(index), **pages}


def modules() -> dict[str, str]:
    """A page for each module, made from its docstrings."""
    pages = {}
    for path in sorted((ROOT / "speech").rglob("*.py")):
        place = path.relative_to(ROOT)
        name = ".".join(place.with_suffix("").parts).removesuffix(".__init__")
        options = "    options:\n      show_source: true\n" if name.startswith(READ) else ""
        pages[_page_of(place.as_posix())] = f"# {name}\n\n::: {name}\n{options}"
    return pages


def _page_of(place: str) -> str:
    """The page (with anchor) that shows the file or folder ``place`` of the repository."""
    path = Path(place)
    if path.suffix == ".md":
        return place
    if path.parts[0] == "conf" and path.suffix in {"", ".yaml"}:
        group = "/".join(path.parts[1:-1] if path.suffix else path.parts[1:]) or "index"
        return f"conf/{group}.md" + (f"#{path.stem}" if path.suffix else "")
    if path.parts[0] == "speech" and path.suffix in {"", ".py"}:
        name = path.stem.replace("__init__", "index")
        return str(path.with_name(f"{name}.md") if path.suffix else path / "index.md")
    return f"{place}.md" if path.suffix != ".png" else place


def _linked(page: str, target: str) -> str:
    """The path in the repository that ``target``, a link in ``page``, leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def linked_files() -> dict[str, str]:
    """A page for each other file of the repository that a page links to (a script, a test, a licence), verbatim."""
    pages = {}
    for page in written():
        if page.endswith(".md"):
            for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
                place = _linked(page, target)
                if _page_of(place) == f"{place}.md":
                    pages[f"{place}.md"] = "\n".join([f"# {place}", "", *_shown(ROOT / place)])
    return pages


def _shown(path: Path) -> list[str]:
    return [f"```{path.suffix.removeprefix('.') or 'text'}", path.read_text(encoding="utf-8").rstrip(), "```"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _contents(folder: str, pages: list[str]) -> list[Any]:
    """The nav of the API: a section for each package, with the package's own page first."""
    own = [page for page in pages if posixpath.dirname(page) == folder]
    rooms = sorted({page.removeprefix(f"{folder}/").partition("/")[0] for page in pages} - {Path(p).name for p in own})
    first = [page for page in own if page.endswith("/index.md")]
    here = [{Path(page).stem: page} for page in own if page not in first]
    below = [
        {room: _contents(f"{folder}/{room}", [one for one in pages if one.startswith(f"{folder}/{room}/")])}
        for room in rooms
    ]
    return [*first, *here, *below]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace the nav's entry ``API: speech/`` by the pages of the modules."""
    for entry in config.nav or []:
        for below in entry.get("Reference", []) if isinstance(entry, dict) else []:
            if isinstance(below, dict) and below.get("API") == "speech/":
                below["API"] = _contents("speech", list(modules()))
            if isinstance(below, dict) and below.get("Configs") == "conf/":
                below["Configs"] = list(configs())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put each page at its place in the repository."""
    from mkdocs.structure.files import File, InclusionLevel

    for file in [file for file in files if (Path(config.docs_dir) / file.src_uri).exists()]:
        files.remove(file)
    for place in written():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / place)))
    for page, text in {"commands.md": commands(), **configs(), **modules()}.items():
        files.append(File.generated(config, page, content=text))
    for page, text in linked_files().items():
        files.append(File.generated(config, page, content=text, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Let each link to a file that is not a page lead to the page that shows it."""
    here = page.file.src_uri
    if here not in set(written()):
        return markdown

    def led(found: re.Match[str]) -> str:
        place = _linked(here, found[1])
        target = _page_of(place) if (ROOT / place).exists() else place
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    return LINK.sub(led, markdown)
