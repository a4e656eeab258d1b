"""An entry point's command line: composed, checked and run; what a user can put right is told in one line."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable

import hydra
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from speech.common import processes
from speech.common.escape import printable_lines
from speech.config import arguments, compose, tree
from speech.config.check import check_given, check_hydra, check_overrides, unknown_key
from speech.config.help import page

Main = Callable[[DictConfig], object]


def run(name: str, main: Main, resume: Main | None = None) -> None:
    """Compose config ``name`` from the command line, check it, and call ``main`` with it.

    ``--help`` prints the command's page. With ``resume=RUN_DIR``, ``resume`` is called with that run's config, and no
    folder is made. Packages of ``trust=[...]`` may be named by a ``_target_``. What a user can put right is shown as
    one line, and ends the program with status 2.
    """
    processes.exit_on_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a letter that a terminal cannot show is no error
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"

    def main_of_checked(config: DictConfig) -> object:
        check_given(compose.finish(config, name))
        return main(config)

    def begin() -> bool:
        """Whether Hydra is to go on."""
        sys.argv[1:] = arguments.quoted(arguments.opt_in(sys.argv[1:]))
        given = arguments.parse(sys.argv[1:])
        if given.help:
            print(page(name))
            return False
        if resume is not None and (config := compose.resumed(name, sys.argv[1:])) is not None:
            resume(config)
            return False
        check_overrides(name, given.overrides, given.config_dir)
        check_hydra(name, given.overrides, given.config_dir)
        return True

    if explained(begin):
        os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises what it would print over a page
        decorated = hydra.main(version_base="1.3", config_path=str(tree.CONF), config_name=name)
        explained(decorated(lambda config: explained(lambda: main_of_checked(config))))


def explained(action: Callable[[], object]) -> object:
    """The result of ``action``; what a user can put right (ours name the value and the way out) without a traceback."""
    try:
        found = action()
        sys.stdout.flush()
        return found
    except BrokenPipeError:  # what reads the output has had enough, as head has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        sys.exit(128 + 13)  # as SIGPIPE ends others
    except (ValueError, OSError, ModuleNotFoundError, HydraException, OmegaConfBaseException) as error:
        # Where Hydra built the object, its own exception stands around the one that says what is wrong.
        wrapped = isinstance(error, InstantiationException) and error.__cause__
        if isinstance(error, ConfigAttributeError) and isinstance(error.parent_node, DictConfig):
            # A key that the program reads is missing from a YAML: what stands there instead, misspelt, is named.
            wrapped = unknown_key("the configuration", str(error.key), map(str, error.parent_node))
        print(printable_lines(f"error: {wrapped or error}"), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped: the same command goes on from what it had finished", file=sys.stderr)
        sys.exit(130)
