import json
import re
import shutil
from html.parser import HTMLParser

import pytest
import yaml
from commands import run_command
from omegaconf import OmegaConf

from speech.monitor.layout import CHARTS
from speech.page.clips import evaluate_clips
from speech.page.page import page, write
from speech.page.pictures import chart
from speech.page.run import Curve, read

EMPTY = {"meta", "img", "br", "path", "use"}


class Page(HTMLParser):
    """What a browser would make of it: the tags, what they load, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.loads, self.open, self.text = [], [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "xlink:href", "action", "data")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def run(small_run, tmp_path):
    """A copy of the small run, to be spoilt."""
    return shutil.copytree(small_run, tmp_path / "run")


def shown(run):
    return Page(page(read(str(run), "runs"), n_clips=3))


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_one_file_has_metrics_training_and_clips_and_is_read_offline(run):
    """Everything that the page loads is inside of it, or a place within it."""
    run_command("report", f"run={run}", "n_clips=3")
    html = (run / "report.html").read_text(encoding="utf-8")
    found = Page(html)
    assert found.open == []
    assert all(one.startswith(("data:", "#")) for one in found.loads)
    assert not re.search(r"url\((?!#)|@import|<script|<link|<iframe", html)
    assert found.tags.count("audio") == 3
    assert found.tags.count("svg") >= 12
    for heading in ("Metrics", "Training", next(iter(CHARTS)), "Forced alignment", "Confusions", "Misrecognised clips"):
        assert f">{heading}</h" in html
    for words in ("Martin, Mark", "closed-set accuracy %", "cluster-robust by speaker", "step 9", "n_units: 16"):
        assert words in found.text
    for split, scores in read(str(run), "runs").report.evaluation.splits.items():
        assert f"<td>{split}</td>" in html
        assert f">{100 * scores.cer.value:.2f} [" in html


def test_a_run_without_a_list_does_not_speak_of_its_names(open_run):
    text = shown(open_run).text
    assert "A recogniser of spoken names, for any list" in text
    assert "it was not trained for a list of its own" in text
    assert "A recogniser of 0" not in text


def test_where_the_run_lies_is_not_sent_with_it(run):
    saved = OmegaConf.load(run / "config.yaml")
    assert saved.run_dir == "."
    saved.run_dir = "/home/ann/runs/first"  # as earlier versions have it
    saved.init = "/home/ann/some where/runs/first/recognizer.pt"
    saved.corpus.names = "/home/ann/lists/our names.txt"
    saved.corpus.root = "people/ann/"
    saved.corpus.path = r"C:\people\ann\clips.csv"
    saved.voices = {"places": ["~/ann/voices", "/maˈtɛuʃ/", "${run_dir}/checkpoints"]}
    OmegaConf.save(saved, run / "config.yaml")
    html = page(read(str(run), "runs"), n_clips=0)
    for place in (saved.run_dir, saved.cache_dir, "some where", "lists", "people", "~"):
        assert place not in html.partition("<details>")[2]
    shown = yaml.safe_load(Page(html.partition('<pre tabindex="0">')[2].partition("</pre>")[0]).text)
    assert shown["init"] == "recognizer.pt"
    assert [shown["corpus"][key] for key in ("names", "root", "path")] == ["our names.txt", "ann", "clips.csv"]
    assert shown["voices"]["places"] == ["voices", "/maˈtɛuʃ/", "${run_dir}/checkpoints"]
    assert shown["encoder"] == OmegaConf.to_container(saved.encoder)


def test_markup_in_names_speakers_and_config_is_shown_as_text(run):
    attack = "<script>alert('Martin')</script>"
    line = {"step": 3, "epoch": 0, "hyp": {attack: attack, "mark": "<b>"}}
    (run / "hypotheses.jsonl").write_text(json.dumps(line) + "\n")
    content = json.loads((run / "report.json").read_text())
    change(run / "report.json", corpus="gone", splits={attack: content["splits"]["featured"]})
    (run / "config.yaml").write_text(json.dumps({"names": [attack], "</pre><img src=x onerror=alert(1)>": 1}))
    change(run / "environment.json", python=attack)
    known = read(str(run), "runs")
    known.recognizer.names = [attack]
    with pytest.warns(UserWarning, match="gone: not there"):
        found = Page(page(known, n_clips=3))
    assert "script" not in found.tags
    assert found.text.count(attack) == 5 + 1  # list, split, reference, hypothesis, config, Python
    assert all(one.startswith(("data:", "#")) for one in found.loads)


def test_a_run_whose_corpus_is_gone_leaves_the_clips_out_and_says_so(run, tmp_path):
    change(run / "report.json", corpus=str(tmp_path / "gone"))
    with pytest.warns(UserWarning, match=r"/gone: not there: the page is without clips: python -m speech\.export run="):
        found = shown(run)
    assert "audio" not in found.tags
    assert "The corpus gone is no longer where it was." in found.text
    assert str(tmp_path) not in found.text


def test_a_run_whose_corpus_is_cut_short_leaves_the_clips_out_and_says_so(run, small_run, tmp_path):
    corpus = small_run / json.loads((small_run / "report.json").read_text())["corpus"]
    whole = (corpus / "cuts.jsonl.gz").read_bytes()
    change(run / "report.json", corpus=str(tmp_path / "cut"))
    (tmp_path / "cut").mkdir()
    for damaged in (whole[: len(whole) // 2], whole[:40] + bytes(40) + whole[80:]):
        (tmp_path / "cut" / "cuts.jsonl.gz").write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"cuts\.jsonl\.gz: missing or damaged .*: the page is without clips"):
            told = evaluate_clips(read(str(run), "runs"))
        assert told.startswith("The corpus cut cannot be read")
        assert str(tmp_path) not in told


@pytest.mark.parametrize("half", [b'{"step": 9, "epoch": 2, "hyp": {"mar', b'{"hyp": {"chlo\xc3'])
def test_a_last_line_that_a_crash_left_half_written_is_left_out(run, small_run, half):
    whole = (run / "hypotheses.jsonl").read_bytes()
    (run / "hypotheses.jsonl").write_bytes(whole + half)
    assert read(str(run), "runs").moments == read(str(small_run), "runs").moments
    assert len(read(str(run), "runs").moments) == 3
    (run / "hypotheses.jsonl").write_bytes(half)
    assert read(str(run), "runs").moments == []


def test_a_run_without_hypotheses_and_log_says_so(run):
    (run / "hypotheses.jsonl").unlink()
    shutil.rmtree(run / "tensorboard")
    text = shown(run).text
    assert "has no hypotheses.jsonl, or an empty one" in text
    assert "has no TensorBoard log" in text


@pytest.mark.parametrize("spoil", [lambda content: content[:-1000], lambda content: content[:5000] + b"\xff" * 5000])
def test_the_log_of_a_crashed_run_is_read_as_far_as_it_goes(run, small_run, spoil):
    for path in (run / "tensorboard").glob("events.*"):
        path.write_bytes(spoil(path.read_bytes()))
    assert read(str(run), "runs").curves.keys() <= read(str(small_run), "runs").curves.keys()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recognizer.pt", None, r"no recognizer.pt there: finish it: .*resume="),
        ("report.json", b"{}", r"report.json: schema None, .*: train again"),
        ("environment.json", b"[]", r"environment.json: not what a run .*train again"),
        ("hypotheses.jsonl", b'{"epoch": 0, "he\n', r"hypotheses.jsonl: line 1 is not .*: delete"),
        ("hypotheses.jsonl", b'{"step": 1, "hyp": {}}\n"\xc3"\n', r"hypotheses.jsonl: line 2 is not .*utf-8"),
        ("hypotheses.jsonl", b"[]", r"hypotheses.jsonl: line 1 is not .*: delete it"),
        ("config.yaml", b"names: \xc3", r"config.yaml: not a config .*train again"),
        ("config.yaml", b"seed: [1,", r"config.yaml: not a config .*train again"),
        ("config.yaml", b"", r"config.yaml: not a config .*train again"),
        ("config.yaml", None, r"config.yaml: no such file: give the folder of a run"),
    ],
)
def test_a_damaged_run_is_told_with_the_way_out(run, name, content, message):
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=message):
        read(str(run), "runs")


def test_a_page_that_fails_leaves_no_file_behind(run, monkeypatch):
    monkeypatch.setattr("speech.page.page.page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(read(str(run), "runs"), 3, run / "report.html")
    assert not list(run.glob("*report.html*"))


def test_a_curve_far_above_0_keeps_a_margin_above_it():
    (axes,) = chart({"val/blank_fraction": Curve([12, 25], [0.95, 0.90])}).axes
    low, high = axes.get_ylim()
    assert low == 0
    assert high == pytest.approx(0.95 * 1.05)


def test_every_number_beside_a_curve_has_one_size():
    figure = chart({"lr-AdamW": Curve([9, 19], [0.0042, 0.0011])})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    sizes = {label.get_fontsize() for label in axes.get_yticklabels("both") if label.get_text()}
    assert sizes == {8}
