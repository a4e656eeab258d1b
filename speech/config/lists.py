"""Long lists: in a YAML, ``${lines:names.txt}`` stands for the lines of one or several text files in ``conf/``.

They are written out as soon as a config is composed, so that a run's config.yaml is complete on any machine.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from speech.config import tree


def lines(*files: str) -> list[str]:
    """The lines of text files in ``conf/``, one file after the other, without empty lines. Raises ConfigError."""
    if outside := [file for file in files if not (tree.CONF / file).resolve().is_relative_to(tree.CONF)]:
        raise tree.ConfigError(f"${{lines:{outside[0]}}}: not a file of {tree.CONF}: give names=FILE")
    texts = ((tree.CONF / file).read_text(encoding="utf-8") for file in files)
    return [line for text in texts for line in text.splitlines() if line]


OmegaConf.register_new_resolver("lines", lines, replace=True)


def write_out(config: DictConfig) -> None:
    """Replace each ``${lines:...}`` in ``config`` by the lines themselves."""
    raw: Any = OmegaConf.to_container(config)
    for key, node in raw.items():
        if isinstance(node, dict):
            write_out(config[key])
        elif isinstance(node, str) and node.startswith("${lines:"):
            config[key] = config[key]
