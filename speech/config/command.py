"""An entry point's command line: composed, checked and run; errors that a user can correct take one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from speech.common import program

if TYPE_CHECKING:
    from speech.config.tree import Config

    Main = Callable[[Config], object]

GO_ON = frozenset(("train", "evaluate", "calibrate", "shard", "synthesize"))  # they keep finished clips


def _told(error: Exception) -> Exception | None:
    """The part of ``error`` that a user can correct; None for a fault in the program itself."""
    from hydra.errors import ConfigCompositionException, HydraException, InstantiationException
    from omegaconf import DictConfig
    from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

    from speech.config.check import unknown_key

    if not isinstance(error, (*program.EXPLAINED, HydraException, OmegaConfBaseException)):
        return None
    if isinstance(error, ConfigAttributeError) and isinstance(error.parent_node, DictConfig):
        # A key that the program reads is missing from a YAML: the message names the misspelt key that is there instead.
        return unknown_key("the configuration", str(error.key), map(str, error.parent_node))
    # Hydra's exception wraps the one that says what is wrong with an object, or with the syntax of the config.
    cause = error.__cause__
    if isinstance(cause, Exception) and isinstance(error, InstantiationException | ConfigCompositionException):
        error = cause
    return _in_a_line(error) if isinstance(error, HydraException | OmegaConfBaseException) else error


def _in_a_line(error: Exception) -> Exception:
    """``error`` in one line: Hydra's without its search path; OmegaConf's with its key, and with what to do."""
    from omegaconf.errors import GrammarParseError, InterpolationResolutionError, OmegaConfBaseException

    from speech.config.tree import ConfigError

    if not isinstance(error, OmegaConfBaseException):
        return ConfigError(" ".join(str(error).partition("Config search path:")[0].split()))
    where = f"{error.full_key}: " if error.full_key else ""
    about_dollar = isinstance(error, GrammarParseError | InterpolationResolutionError)
    way_out = r": ${...} stands for another value of the config; to write it as text, use \${...}"
    return ConfigError(f"{where}{str(error).partition(chr(10))[0]}{way_out if about_dollar else ''}")


explained = partial(program.explained, told=_told)


def of_a_list() -> None:
    """With corpus.names and no other set-up or start, fine-tune the recogniser that ships (``experiment=list``)."""
    given = [argument.partition("=")[0] for argument in sys.argv]
    if "corpus.names" in given and not {"experiment", "init", "resume", "corpus"} & set(given):
        sys.argv.insert(given.index("corpus.names"), "experiment=list")


def run(
    name: str,
    main: Main,
    resume: Main | None = None,
    after_sweep: Callable[[str], object] | None = None,
    first: Main | None = None,
) -> None:
    """Compose config ``name`` from the command line, check it, and call ``main`` with it.

    ``--help`` prints the command's page. With ``resume=RUN_DIR``, ``resume`` is called with that run's config, and no
    folder is created. ``first`` checks what it can before the config's targets are imported, as torch takes seconds. A
    ``_target_`` may name packages of ``trust=[...]``. An error that a user can correct is shown as one line, and ends
    the program with status 2. In a sweep (``-m``) it only ends its job; ``after_sweep`` is called with the sweep's
    folder when all jobs have ended, and a failed job is reported then.
    """
    program.run(lambda: _run(name, main, resume, after_sweep, first), _told, name in GO_ON)


def _run(
    name: str, main: Main, resume: Main | None, after_sweep: Callable[[str], object] | None, first: Main | None
) -> None:
    import multiprocessing

    import hydra  # takes half a second
    from hydra.core.hydra_config import HydraConfig

    from speech.common import processes, trust
    from speech.config import arguments, compose, sweep, tree
    from speech.config.check import check_given, check_hydra, check_overrides
    from speech.config.help import page

    def main_of_checked(config: Config) -> object:
        if first is not None:
            check_given(config)
            first(config)
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
    if given.one_job and (of_sweeps := [one for one in given.overrides if one.startswith(sweep.KEYS)]):
        raise tree.ConfigError(f"{of_sweeps[0]} is an option of sweeps and would have no effect: add -m")
    check_hydra(name, given.overrides, given.config_dir)
    sys.argv[1:] = arguments.in_one_place(sys.argv[1:], given.overrides)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises errors instead of printing a page
    packages, starter, method = trust.trusted(), os.getpid(), multiprocessing.get_start_method()
    temporary = processes.folder_of_family() if given.sweep else ""

    def job(config: Config) -> object:
        if os.getpid() != starter:  # a launcher's process, which does not have the settings above
            trust.trust(packages)
            program.begin()
            processes.stop_with(starter)
            processes.put_temporary_files_into(temporary)
            # In joblib's processes the start method is joblib's, with which no DataLoader or pool can start a process.
            multiprocessing.set_start_method(method, force=True)
        if not sweep.is_job():
            try:
                return explained(lambda: main_of_checked(config), goes_on=name in GO_ON)
            finally:
                if "run_dir" in config:  # Hydra has created a folder by now, even if the run has another one
                    with suppress(OSError):
                        Path(HydraConfig.get().runtime.output_dir).rmdir()
        try:
            return main_of_checked(config)
        except Exception as error:
            if (reason := _told(error)) is None:
                raise
            raise tree.ConfigError(str(reason)) from error  # an error that can be passed between processes

    failed = None
    with sweep.tracked():
        try:
            hydra.main(version_base="1.3", config_path=str(tree.CONF), config_name=name)(job)()
        except Exception as error:  # a job's error: the table is of all jobs
            failed = error
        if after_sweep and sweep.Resumable.folder:
            after_sweep(sweep.Resumable.folder)
    if failed:
        raise failed
