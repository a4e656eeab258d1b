"""Configs composed from the tree and a command line, or read back from a run, with every key checked."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from speech.common import storage
from speech.config import arguments as command_line
from speech.config import lists, tree
from speech.config.check import check, check_overrides
from speech.config.objects import UntrustedConfigError, values
from speech.config.tree import Config, ConfigError

_NEEDED = {  # by command, the keys that the config of its runs must have
    "train": ("corpus", "frontend", "encoder", "decoder", "alphabet", "batch_size", "seed", "cache_dir"),
    "g2p": ("model", "varieties", "optimizer", "trainer", "batch_size", "seed"),
}
_KEEPING = {  # by class, the key of the folder it writes into, and the folder's name in cache_dir, as in conf/
    "speech.tts.cached.CachedEngine": ("folder", "voices"),
    "speech.data.recipes.Recipe": ("manifests", "lhotse"),
}


def saved(run_dir: Path, name: str) -> Config:
    """The checked config in a run's folder, which may have been moved.

    Raises ConfigError or FileNotFoundError, which say what to do.
    """
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: give the folder of a run")
    try:
        config = OmegaConf.load(io.StringIO(storage.read_yaml_text(path)))
        assert isinstance(config, Config), "it has no keys"
        _check_references(OmegaConf.to_container(config))
        check(config, name)
        if missing := [key for key in _NEEDED[name] if key not in config]:
            raise ConfigError(f"no {', '.join(missing)} in it: half written?")
    except (AssertionError, OSError, OmegaConfBaseException, YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).removeprefix(f"{path}: ").split())
        if isinstance(error, UntrustedConfigError):
            raise UntrustedConfigError(f"{path}: {reason}") from error
        raise ConfigError(f"{path}: not a config of this version of the project ({reason}): train again") from error
    put(config, {"run_dir": str(run_dir)})
    return config


def _check_references(plain: Any) -> None:
    """Raise ConfigError for an interpolation that a run does not write. A run writes one ``${key}`` in a text, for a
    value without interpolations. Others could read the environment, or grow without bound.
    """
    for text in filter(_is_interpolated, values(plain)):
        found, value = re.fullmatch(r"\$\{([\w.]+)\}[^$]*", text), plain
        for part in found[1].split(".") if found else ():
            value = value.get(part) if isinstance(value, dict) else None
        if found is None or any(map(_is_interpolated, values(value))):
            raise ConfigError(f"{text!r} is not what a run writes: a config refers only to its own values")


def _is_interpolated(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def resumed(name: str, arguments: Sequence[str]) -> Config | None:
    """The config of the run of command ``name`` in ``resume=RUN_DIR``, to continue in that folder; None without such an
    argument.

    Raises ConfigError, naming them, if there are other arguments: a run continues with the options it began with.
    """
    given = [argument for argument in arguments if argument.startswith("resume=")]
    if not given or given == ["resume=null"]:
        return None
    run_dir = Path(given[0].removeprefix("resume=")).expanduser().resolve()
    if others := [argument for argument in arguments if argument != given[0]]:
        raise ConfigError(f"resume={run_dir} continues with the run's own config: leave out {' '.join(others)}")
    return saved(run_dir, name)


def as_trained(config: Config, recognizer: Path, keys: Iterable[str]) -> None:
    """Fill those of ``keys`` that ``config`` leaves open with the values of the run whose folder has ``recognizer``;
    what they make is kept in ``config.cache_dir``.

    Raises ConfigError if the folder is not a run's.
    """
    left_open = [key for key in keys if config.get(key) is None]
    if not left_open:
        return
    try:
        trained = saved(recognizer.parent, "train")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{recognizer}: no config.yaml beside it, so its {left_open[0]} is unknown: give the run's folder, "
            f"or {left_open[0]}=..."
        ) from error
    keep_in(trained, config.cache_dir)
    put(config, {key: OmegaConf.to_container(trained[key], resolve=True) for key in left_open})


def keep_in(config: Config, cache_dir: str) -> None:
    """Make ``config``, which may come from a stranger's run, write only into ``cache_dir``: whoever evaluates a run has
    not agreed to the folders that the run used."""
    put(config, {"cache_dir": cache_dir})
    for node in _nodes(config):
        target = node.get("_target_")
        if target in _KEEPING:
            key, name = _KEEPING[target]
            node[key] = str(Path(cache_dir) / name)


def _nodes(config: Any) -> Iterator[Config]:
    """``config`` and all nodes in it; interpolations are skipped, since their nodes are elsewhere in it."""
    if isinstance(config, Config):
        yield config
    keys: Any = config if isinstance(config, Config) else range(len(config)) if OmegaConf.is_list(config) else ()
    for key in keys:
        if not OmegaConf.is_interpolation(config, key) and not OmegaConf.is_missing(config, key):
            yield from _nodes(config[key])


def put(config: Config, nodes: Mapping[str, Any]) -> None:
    """Set ``nodes`` at the top of ``config``, which does not need to have their keys."""
    with open_dict(config):
        config.update(nodes)


def compose(name: str, arguments: Sequence[str]) -> Config:
    """Config ``name`` as the command line ``arguments`` composes it, with every key checked. Raises ConfigError."""
    given = command_line.parse(command_line.quoted(command_line.opt_in(arguments)))
    check_overrides(name, given.overrides, given.config_dir)
    return finish(tree.composed(name, given.overrides, given.config_dir), name)


def finish(config: Config, name: str) -> Config:
    """``config``, composed by Hydra, with its lists written out. Raises ConfigError for a key that nothing reads."""
    lists.write_out(config)
    check(config, name)
    return config


def plain(config: Any, resolve: bool = True) -> Any:
    """``config`` as dictionaries, lists and values; ``resolve`` replaces interpolations by values."""
    return OmegaConf.to_container(config, resolve=resolve) if OmegaConf.is_config(config) else config


def save(config: Config, path: Path, resolve: bool = False) -> None:
    """Write ``config`` as YAML into its run's folder, which may be moved and is therefore written as ``.``; ``resolve``
    replaces interpolations by values."""
    own = config.copy()
    put(own, {"run_dir": "."})
    storage.write_text(path, OmegaConf.to_yaml(own, resolve=resolve))
