"""``python -m speech.shard``: writes a corpus as tar shards, for training on more clips than fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command
from speech.text.names import check_corpus

if TYPE_CHECKING:
    from speech.config.tree import Config


def shard(config: Config) -> None:
    from pathlib import Path

    from speech.common.escape import printable
    from speech.common.processes import cores
    from speech.config.objects import instantiate
    from speech.data.build import build
    from speech.data.shard_writing import write_shards
    from speech.data.shards import Shar
    from speech.text.alphabet import Alphabet

    source, alphabet, output = instantiate(config.corpus), Alphabet(config.alphabet), Path(config.output)
    if isinstance(source, Shar):
        raise ValueError(f"corpus=shar: {source.folder} already contains shards: give the corpus they were made from")
    corpus = build(source, alphabet, config.sample_rate, config.cache_dir, cores())
    sizes = (config.sample_rate, output, config.shard_size, config.seed)
    written = write_shards(corpus, source.names, alphabet, *sizes)
    n_shards = ", ".join(f"{n} {split}" for split, n in written.shards.items())
    print(f"shards: {n_shards}; in {printable(output.resolve())}")


def main() -> None:
    command.run("shard", shard, first=check_corpus)


if __name__ == "__main__":
    main()
