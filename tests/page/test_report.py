import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from speech.page.page import page
from speech.page.run import read
from speech.report import report

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


def remove(path, key):
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))


def test_one_file_tells_the_whole_story(run, compose):
    path = report(compose("report", f"run={run}", "n_clips=3"))
    assert path == run / "report.html"
    found = Page(path.read_text(encoding="utf-8"))
    assert found.open == []
    assert found.tags.count("audio") == 3
    assert found.tags.count("svg") >= 12
    for words in ("How well it hears", "How it learnt", "When each letter is said", "Which names it confuses"):
        assert words in found.text
    for words in ("Martin, Mark", "test_accent", "step 9", "Does it learn?", "n_units: 16", "What it misheard"):
        assert words in found.text


def test_a_run_without_a_list_does_not_speak_of_its_names(open_run):
    text = shown(open_run).text
    assert "A recogniser of spoken names, whatever their list" in text
    assert "it was trained\nfor none of its own" in text
    assert "The names it was trained for" not in text
    assert "A recogniser of 0" not in text


def test_it_can_be_read_offline(run):
    """Everything that the page loads is inside of it, or a place within it."""
    html = page(read(str(run), "runs"), n_clips=3)
    assert all(one.startswith(("data:", "#")) for one in Page(html).loads)
    assert not re.search(r"url\((?!#)|@import|<script|<link|<iframe", html)


def test_where_the_run_lies_is_not_sent_with_it(run):
    saved = OmegaConf.load(run / "config.yaml")
    assert saved.run_dir.startswith("/")
    saved.init = "/home/ann/some where/runs/first/recognizer.pt"
    saved.corpus.names = "/home/ann/lists/our names.txt"
    saved.corpus.root = "people/ann/"
    saved.corpus.path = r"C:\people\ann\clips.csv"
    saved.voices = {"places": ["~/ann/voices", "/maˈtɛuʃ/", "${run_dir}/checkpoints"]}
    OmegaConf.save(saved, run / "config.yaml")
    html = page(read(str(run), "runs"), n_clips=0)
    for place in (saved.run_dir, saved.cache_dir, "some where", "lists", "people", "~"):
        assert place not in html.partition("<details>")[2]
    shown = yaml.safe_load(Page(html.partition("<pre>")[2].partition("</pre>")[0]).text)
    assert shown["init"] == "recognizer.pt"
    assert [shown["corpus"][key] for key in ("names", "root", "path")] == ["our names.txt", "ann", "clips.csv"]
    assert shown["voices"]["places"] == ["voices", "/maˈtɛuʃ/", "${run_dir}/checkpoints"]
    assert shown["encoder"] == OmegaConf.to_container(saved.encoder)


def test_markup_in_names_speakers_and_config_is_shown_as_text(run):
    attack = "<script>alert('Martin')</script>"
    heard = [{"step": 3, "epoch": 0, "heard": {attack: attack, "mark": "<b>"}}]
    (run / "hypotheses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in heard))
    content = json.loads((run / "report.json").read_text())
    content["splits"] = {attack: content["splits"]["test_voices"]}
    (run / "report.json").write_text(json.dumps(content))
    (run / "config.yaml").write_text(json.dumps({"names": [attack], "</pre><img src=x onerror=alert(1)>": 1}))
    change(run / "environment.json", python=attack)
    known = read(str(run), "runs")
    known.recognizer.names = [attack]
    known = known._replace(report=known.report | {"corpus": None})
    found = Page(page(known, n_clips=3))
    assert "script" not in found.tags
    assert found.text.count(attack) == 5 + 1  # list, split, said, heard, config, Python
    assert all(one.startswith(("data:", "#")) for one in found.loads)


def test_a_run_whose_corpus_is_gone_leaves_the_clips_out_and_says_so(run, tmp_path):
    change(run / "report.json", corpus=str(tmp_path / "gone"))
    found = shown(run)
    assert "audio" not in found.tags
    assert "The corpus gone is no longer where it was." in found.text
    assert str(tmp_path) not in found.text
    change(run / "report.json", corpus=None)
    assert "This run does not say where its corpus lies" in shown(run).text


def test_a_run_whose_corpus_is_cut_short_leaves_the_clips_out_and_says_so(run, tmp_path):
    corpus = Path(json.loads((run / "report.json").read_text())["corpus"])
    whole = (corpus / "cuts.jsonl.gz").read_bytes()
    change(run / "report.json", corpus=str(tmp_path / "cut"))
    (tmp_path / "cut").mkdir()
    for damaged in (whole[: len(whole) // 2], whole[:40] + bytes(40) + whole[80:]):
        (tmp_path / "cut" / "cuts.jsonl.gz").write_bytes(damaged)
        found = shown(run)
        assert "audio" not in found.tags
        assert "The corpus cut cannot be read" in found.text
        assert str(tmp_path) not in found.text


def test_a_run_of_an_older_version_shows_epochs_where_it_knows_no_steps(run):
    (run / "hypotheses.jsonl").write_text(json.dumps({"epoch": 4, "heard": {"martin": "marn"}}) + "\n")
    text = shown(run).text
    assert "epoch 4" in text
    assert "marn" in text


@pytest.mark.parametrize("half", [b'{"step": 9, "epoch": 2, "heard": {"mar', b'{"heard": {"chlo\xc3'])
def test_a_last_line_that_a_crash_left_half_written_is_left_out(run, half):
    whole = (run / "hypotheses.jsonl").read_bytes()
    (run / "hypotheses.jsonl").write_bytes(whole + half)
    assert read(str(run), "runs").heard == [json.loads(line) for line in whole.splitlines()]
    (run / "hypotheses.jsonl").write_bytes(half)
    assert "no hypotheses.jsonl, or an empty one" in shown(run).text


def test_a_run_without_heard_texts_and_log_says_so(run):
    (run / "hypotheses.jsonl").unlink()
    shutil.rmtree(run / "tensorboard")
    text = shown(run).text
    assert "has no hypotheses.jsonl" in text
    assert "has no log of TensorBoard's" in text


@pytest.mark.parametrize("spoil", [lambda content: content[:-1000], lambda content: content[:5000] + b"\xff" * 5000])
def test_the_log_of_a_crashed_run_is_read_as_far_as_it_goes(run, spoil):
    for path in (run / "tensorboard").glob("events.*"):
        path.write_bytes(spoil(path.read_bytes()))
    assert "How well it hears" in shown(run).text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "recognizer.pt").unlink(), r"no recognizer.pt there: finish it: .*resume="),
        (
            lambda run: (run / "recognizer.pt").write_bytes(b"PK half"),
            r"recognizer.pt: not a recogniser file",
        ),
        (lambda run: (run / "report.json").unlink(), r"report.json: not there, or half written .*resume"),
        (
            lambda run: (run / "report.json").write_text('{"n_cl'),
            r"report.json: not there, or half written .*resume",
        ),
        (lambda run: (run / "report.json").write_text("{}"), r"report.json: no n_parameters, .*another version; train"),
        (lambda run: change(run / "report.json", splits={"t": {}}), r"report.json: not what .*n_clips.*: train again"),
        (
            lambda run: remove(run / "report.json", "worst_group"),
            r"report.json: not what .*'worst_group'.*: train again",
        ),
        (lambda run: remove(run / "report.json", "confusions"), r"report.json: not what .*'confusions'.*: train again"),
        (lambda run: (run / "report.json").write_text("[]"), r"report.json: not what a run writes there.*train again"),
        (lambda run: (run / "environment.json").write_text("[]"), r"environment.json: not what a run .*train again"),
        (lambda run: change(run / "environment.json", packages=[]), r"environment.json: not what a run .*train again"),
        (
            lambda run: (run / "config.yaml").write_bytes(b"names: \xc3"),
            r"config.yaml: not a config .*train again",
        ),
        (
            lambda run: (run / "hypotheses.jsonl").write_text('{"epoch": 0, "he\n'),
            r"hypotheses.jsonl: line 1 is not .*: delete",
        ),
        (
            lambda run: (run / "hypotheses.jsonl").write_bytes(b'{"heard": {}}\n"\xc3"\n'),
            r"hypotheses.jsonl: line 2 is not .*utf-8",
        ),
        (lambda run: (run / "hypotheses.jsonl").write_text("[]"), r"hypotheses.jsonl: line 1 is not .*: delete it"),
        (lambda run: (run / "config.yaml").write_text("seed: [1,"), r"config.yaml: not a config .*train again"),
        (lambda run: (run / "config.yaml").write_text(""), r"config.yaml: not a config .*train again"),
        (lambda run: (run / "config.yaml").unlink(), r"config.yaml: no such file: give the folder of a run"),
    ],
)
def test_a_run_that_is_not_whole_is_told_with_the_way_out(run, compose, spoil, message):
    spoil(run)
    with pytest.raises((ValueError, OSError), match=message):
        report(compose("report", f"run={run}"))
    assert not list(run.glob("*report.html*"))
