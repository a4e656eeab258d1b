"""Reports as plain text, for commands to print and for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speech.common.counting import counted
from speech.common.escape import printable, printable_lines
from speech.evaluation.calibration import CalibrationReport, NotCalibrated
from speech.evaluation.comparison import Comparison
from speech.evaluation.format import (
    COLUMNS,
    INTERVALS,
    accuracy,
    by_speakers,
    cells,
    in_lists,
    narrow_band,
    percent,
    points,
    speakers,
    spotting,
    stated_rates,
    table,
    trials,
    unlearnt,
)
from speech.evaluation.groups import worst
from speech.evaluation.metrics import Scores
from speech.evaluation.parity import Agreement
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import identity
from speech.evaluation.report import EvaluationReport, RunReport
from speech.inference.rejection import NEVER, Rejection

N_RANKED = 3  # names per prediction
N_CONFUSIONS = 8
N_GROUPS = 12  # groups of a kind: the worst, if there are more


def predictions(found: Sequence[Prediction], featured: Sequence[str], n_others: int = 8) -> str:
    """One clip of each of the ``featured`` names, then of ``n_others`` names, wrong hypotheses first."""
    chosen: dict[str, Prediction] = {}
    for one in sorted(found, key=lambda one: (one.ref == one.hyp, one.id)):
        chosen.setdefault(one.ref, one)
    shown = [chosen.pop(ref) for ref in featured if ref in chosen] + list(chosen.values())[:n_others]
    lines = [f"{'reference':<12} {'hypothesis':<14} names by probability"]
    for one in shown:
        ranked = ", ".join(f"{name} {probability:.3f}" for name, probability in one.names[:N_RANKED])
        lines.append(f"{one.ref:<12} {one.hyp or '-':<14} {ranked}   [{one.speaker}]")
    return "\n".join(map(printable, lines))


def groups(report: EvaluationReport) -> str:
    """A table for each kind with two or more groups."""
    tables = []
    for kind, some in report.kinds().items():
        if len(some) > N_GROUPS:
            tables.append(_scores(f"{kind} (worst {N_GROUPS} of {len(some)})", worst(some, N_GROUPS)))
        elif len(some) > 1:
            tables.append(_scores(kind, some))
    return "\n\n".join(tables)


def _scores(kind: str, some: Mapping[str, Scores]) -> str:
    return table([(kind, *COLUMNS), *((label, *cells(scores)) for label, scores in some.items())])


def summary(report: EvaluationReport) -> str:
    """The splits, the worst group, the confusions, and the accept rates of thresholds."""
    lines = [_scores("split", report.splits), f"Clips were ranked {in_lists(report.lists)}. {INTERVALS}"]
    seen = {split: scores.seen_in_training.unseen for split, scores in report.splits.items()}
    unseen = [f"{', '.join(what)} ({split})" for split, what in seen.items() if what]
    if report.narrow_band:
        lines.append(narrow_band(report.narrow_band, report.overall.n_clips))
    lines.append(f"unseen in training: {'; '.join(unseen) or 'nothing, as far as is known'}")
    if worst := report.worst_group:
        lines.append(f"worst group: {worst.kind} {worst.group}: {accuracy(worst.scores)}")
    if report.confusions:
        pairs = (f"{one.ref} > {one.hyp} {one.n}" for one in report.confusions[:N_CONFUSIONS])
        lines.append(f"confusions (reference > first name, clips): {', '.join(pairs)}")
    if found := report.open_set:
        point = found.operating_point
        lines.append(
            f"open set: correct-accept rate {percent(point.correct_accept_rate)} of "
            f"{counted(found.n_in_list, 'clip')} in the list {by_speakers(found.n_in_list_speakers)} at false-accept "
            f"rate {percent(point.false_accept_rate)} of {counted(found.n_out_of_list, 'other')} "
            f"{by_speakers(found.n_out_of_list_speakers)} (threshold {point.threshold:.3g}, chosen on these clips)"
        )
    for kind, one in report.detection.items():
        lines += ["", trials(kind, one), table(stated_rates(one))]
    if report.spotting:
        lines += ["", spotting(report.spotting)]
    return printable_lines("\n".join(lines))


def calibration(report: CalibrationReport | NotCalibrated) -> str:
    """The accept and reject rates of the calibrated rejection."""
    if isinstance(report, NotCalibrated):
        return f"open-set rejection: not calibrated: {report.reason}"
    rate = report.false_accept_rate
    accepted, rejected = (
        ", ".join(f"{kind} {100 * proportion:.1f} %" for kind, proportion in some.items())
        for some in (report.accepted[rate], report.rejected)
    )
    refusal = f"reported as out of list, from {max(report.rejected_from, report.thresholds[rate]):.3f}: {rejected}"
    if report.rejected_from >= NEVER:
        refusal = "this recogniser cannot reject yet: no clip is reported as out of list"
    return (
        f"accept rate at {100 * float(rate):g} % false-accept rate (FAR), threshold {report.thresholds[rate]:.3f}: "
        f"{accepted}\n{refusal}; the other clips that are not accepted are unsure: the name should be said again\n"
        f"{counted(report.n_clips, 'validation clip')} {by_speakers(report.n_speakers)}; expected calibration error "
        f"{report.expected_calibration_error:.3f}"
    )


def decisions(found: Sequence[Prediction], rejection: Rejection | None) -> str:
    """How ``speech.transcribe`` decides on clips, at the threshold that it uses."""
    if rejection is None:
        return "transcribe accepts every clip: open-set rejection was not calibrated"
    rate, at = 100 * float(rejection.false_accept_rate), rejection.threshold
    lines = [f"decisions as in transcribe, accepted below {at:.3f} ({rate:g} % FAR in calibration):"]
    for label, some in (
        ("in the list", [one for one in found if one.in_list]),
        ("out of the list", [one for one in found if one.names and not one.in_list]),
    ):
        calibrated = [(one, p) for one in some if (p := one.out_of_list) is not None]
        if calibrated:
            decided = [rejection.decide(p, one.hyp in dict(one.names)) for one, p in calibrated]
            n_speakers = len({identity(one.speaker) for one, _ in calibrated})
            accepted, unsure = (sum(column) / len(decided) for column in zip(*decided, strict=True))
            lines.append(
                f"{counted(len(decided), 'clip')} {label} {by_speakers(n_speakers)}: accepted {100 * accepted:.1f} %, "
                f"unsure {100 * unsure:.1f} %, out of list {100 * (1 - accepted - unsure):.1f} %"
            )
    return "\n".join(lines)


def evaluation(found: EvaluationReport, some: Mapping[str, Sequence[Prediction]], rejection: Rejection | None) -> str:
    """The output of ``speech.evaluate``: ``some`` predictions, by split, and the report ``found`` on them."""
    every = [one for split in some.values() for one in split]
    parts = predictions(every, found.featured), groups(found), summary(found), decisions(every, rejection)
    return "\n\n".join(parts)


def comparison(found: Comparison) -> str:
    """The differences over all clips, by split and by group, in percentage points."""
    rows = {("all", ""): found.overall} | {("split", split): one for split, one in found.splits.items()}
    for kind in ("accent", "engine", "snr", "duration"):
        rows |= {(kind, group): one for group, one in found.groups[kind].items()}
    closed_set = found.overall.closed_set_accuracy is not None
    accuracy = "closed-set accuracy" if closed_set else "exact match"
    lines = [["difference, points", "clips", "speakers", accuracy, "p (sign flips)", "CER"]]
    for label, one in rows.items():
        metric = one.closed_set_accuracy if closed_set else one.exact_match
        p = f"{metric.p:.2g}" if metric else "-"
        lines.append([" ".join(label), str(one.n_clips), speakers(one.n_speakers), points(metric), p, points(one.cer)])
    left_out = f" Left out: {counted(found.n_left_out, 'clip')} of only one recogniser." if found.n_left_out else ""
    return f"{table(lines)}\n{INTERVALS} Paired, clip by clip; p: signs flipped by whole speaker.{left_out}"


def run(report: RunReport) -> str:
    """The output at the end of training: the evaluation, the calibration, and the change by fine-tuning."""
    parts = [summary(report.evaluation), calibration(report.calibration)]
    if report.before and report.change:
        parts = ["Before fine-tuning:", summary(report.before), "After:", *parts, comparison(report.change)]
    parts.append(
        f"{report.n_parameters} parameters, trained {report.train_seconds:.0f} s, {counted(report.epochs, 'epoch')}, "
        f"{counted(report.steps, 'step')}"
    )
    if report.unlearnt:
        parts.append(unlearnt(report.unlearnt))
    return "\n\n".join(parts)


def agreement(found: Agreement) -> str:
    """The agreement of an exported file with its original recogniser."""
    counts = (found.n_same_transcripts, found.n_same_first_names, found.n_same_rankings)
    transcript, first, ranking = (f"{100 * count / found.n_clips:.2f} %" for count in counts)
    return (
        f"of {counted(found.n_clips, 'clip')} {transcript} have the same transcript, {first} the same first name, "
        f"{ranking} the same ranking; largest difference of log-probabilities {found.largest_difference:.1g} nats, of "
        f"out-of-list probabilities {found.largest_out_of_list:.1g}"
    )
