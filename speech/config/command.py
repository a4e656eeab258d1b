"""An entry point's command line: composed, checked and run; what a user can put right is told in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from speech.common import program

if TYPE_CHECKING:
    from speech.config.tree import Config

    Main = Callable[[Config], object]


def _told(error: Exception) -> Exception | None:
    """What a user can put right of ``error``; None for a fault of the program's own."""
    from hydra.errors import HydraException, InstantiationException
    from omegaconf import DictConfig
    from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

    from speech.config.check import unknown_key

    if not isinstance(error, ValueError | OSError | ModuleNotFoundError | HydraException | OmegaConfBaseException):
        return None
    if isinstance(error, ConfigAttributeError) and isinstance(error.parent_node, DictConfig):
        # A key that the program reads is missing from a YAML: what stands there instead, misspelt, is named.
        return unknown_key("the configuration", str(error.key), map(str, error.parent_node))
    # Where Hydra built the object, its own exception stands around the one that says what is wrong.
    cause = error.__cause__ if isinstance(error, InstantiationException) else None
    return cause if isinstance(cause, Exception) else error


explained = partial(program.explained, told=_told)


def run(name: str, main: Main, resume: Main | None = None) -> None:
    """Compose config ``name`` from the command line, check it, and call ``main`` with it.

    ``--help`` prints the command's page. With ``resume=RUN_DIR``, ``resume`` is called with that run's config, and no
    folder is made. Packages of ``trust=[...]`` may be named by a ``_target_``. What a user can put right is shown as
    one line, and ends the program with status 2.
    """
    program.run(lambda: _run(name, main, resume), _told)


def _run(name: str, main: Main, resume: Main | None) -> None:
    import hydra  # half a second

    from speech.config import arguments, compose, tree
    from speech.config.check import check_given, check_hydra, check_overrides
    from speech.config.help import page

    def main_of_checked(config: Config) -> object:
        check_given(compose.finish(config, name))
        return main(config)

    sys.argv[1:] = arguments.quoted(arguments.opt_in(sys.argv[1:]))
    given = arguments.parse(sys.argv[1:])
    if given.help:
        print(page(name))
        return
    if resume is not None and (config := compose.resumed(name, sys.argv[1:])) is not None:
        resume(config)
        return
    check_overrides(name, given.overrides, given.config_dir)
    check_hydra(name, given.overrides, given.config_dir)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises what it would print over a page
    decorated = hydra.main(version_base="1.3", config_path=str(tree.CONF), config_name=name)
    decorated(lambda config: explained(lambda: main_of_checked(config)))()
