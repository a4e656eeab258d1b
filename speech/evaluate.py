"""``python -m speech.evaluate``: metrics of a recogniser on a corpus; ``against=RUN_DIR`` compares it with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command
from speech.text.names import read_names

if TYPE_CHECKING:
    from speech.config.tree import Config


def evaluate(config: Config) -> None:
    from speech.common import counting, escape
    from speech.evaluation import comparison, output, report, spotting, text
    from speech.training import evaluation

    path, recognizer = evaluation.load(config, "recognizer")
    other_path, other = evaluation.load(config, "against") if config.against else (path, None)
    task = evaluation.task(config, path, recognizer)
    data, predictions = task.data, task.predict(recognizer, task.data)
    spotted = spotting.measure(recognizer, [data.datasets[split] for split in task.splits], config.seed)
    own = recognizer.trained_on, config.featured, recognizer.rejection
    found, against = report.evaluate(predictions, *own, spotted), None
    print(text.evaluation(found, predictions, recognizer.rejection))
    refused = "".join(f"\nrefused: {refusal}" for refusal in data.refused[:10])
    print(f"\n{escape.printable(path)}, {counting.counted(len(data.refused), 'clip')} refused{refused}")
    if other is not None:
        against = comparison.compare(predictions, task.predict(other, evaluation.data_for(config, other, data)))
        print(f"\n{text.comparison(against)}\nagainst {escape.printable(other_path)}")
    output.write(found, against, config.output, config.picture, config.tensorboard)


def main() -> None:
    command.run("evaluate", evaluate, first=lambda config: read_names(config.names or []))


if __name__ == "__main__":
    main()
