"""What comes from a file or a folder's name moves no cursor, colours nothing and breaks no line where it is shown."""

import ast
import json
import re
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import hypothesis.strategies as st
import jinja2
import pytest
from hypothesis import given
from matplotlib.figure import Figure

import hydra_plugins
import speech
from speech.common.escape import escape_mathtext, printable, printable_data, printable_lines
from speech.config import command
from speech.data.source import Refusal
from speech.evaluation import format, sweep, text
from speech.evaluation.card import _in_words, _line
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import evaluate
from speech.inference.batch import ClipResult
from speech.inference.transcriber import Span, Transcript
from speech.monitor import settings
from speech.page import page, pictures

ODD = "a\x1b[31mb\rc\u2028d\u202ee\x9b0mf\x00g"
SHOWN = r"a\x1b[31mb\rc\u2028d\u202ee\x9b0mf\x00g"
BAD = set("\x1b\r\u2028\u2029\u202e\x9b\x00\x07\x08\x7f\x85")


@given(st.text(st.characters(codec=None)))
def test_whatever_is_shown_is_printable_and_tells_the_text(anything):
    shown = printable(anything)
    for one in shown:
        assert one.isprintable() or one in "\u200c\u200d" or unicodedata.category(one) == "Zs"
    if anything.isprintable():
        assert shown == anything
    assert "\n" not in shown
    shown.encode("utf-8")  # a file's name may hold lone surrogates, which no terminal takes


def test_letters_of_every_script_are_shown_as_they_are():
    for name in ("Zoë", "Nguyễn", "Ḥasan", "中文", "علی‌رضا", "O’Brien", "a\u00a0b"):
        assert printable(name) == name
    assert printable_lines("a\nb\rc") == "a\nb\\rc"


def test_a_clip_and_its_transcript_are_each_a_line(tmp_path):
    refused = ClipResult(tmp_path / ODD, refused=f"{ODD}: no such file")
    found = Transcript("ab", [(ODD, 1.0)], [Span("a", 0.0, 0.1)])
    for one in (refused, ClipResult(tmp_path / ODD, found)):
        assert SHOWN in one.to_text()
        assert len(one.to_text().splitlines()) == 1
        assert json.loads(one.to_json())["clip"].endswith(ODD)
        assert not BAD & set(one.to_json())


def test_an_error_shows_what_it_names(capsys):
    def fail():
        raise ValueError(f"names={ODD}: no such file")

    with pytest.raises(SystemExit):
        command.explained(fail)
    assert capsys.readouterr().err == f"error: names={SHOWN}: no such file\n"


def test_tables_card_and_page_show_speakers_and_names():
    predicted = [
        Prediction(str(i), "ann", "ann", ODD, [("ann", 0.9), ("bob", 0.1)], accent=(ODD, "en")[i % 2])
        for i in range(20)
    ]
    report = evaluate({ODD: predicted})
    tables = [text.predictions(predicted, []), text.groups(report), text.summary(report), format.table([(ODD, "1")])]
    for shown in [*tables, _line(ODD), _in_words({"_target_": "speech.x", "speaker": ODD}), str(Refusal(ODD, "empty"))]:
        assert not BAD & set(shown)
        assert r"\x1b[31mb" in shown
    assert escape_mathtext(f"{ODD}$") == SHOWN + r"\$"
    assert printable_data({"a": [ODD, 1]}) == {"a": [SHOWN, 1]}
    assert sweep._value(ODD) == SHOWN


def test_the_page_shows_every_text_escaped(monkeypatch):
    rendered = []

    class Environment(jinja2.Environment):
        def get_template(self, *_):
            rendered.append(self.from_string("{{ a }}|{{ b | join(', ') }}").render(a=f"{ODD}\n<b>", b=[ODD]))
            raise StopIteration

    monkeypatch.setattr(jinja2, "Environment", Environment)
    monkeypatch.setattr(page, "evaluate_clips", lambda run: "none")
    with pytest.raises(StopIteration):
        page.page(None, 1)
    assert rendered == [f"{SHOWN}\n&lt;b&gt;|{SHOWN}"]
    picture = pictures.svg(lambda: Figure((1, 1)), f"{ODD}<b>")
    assert f"{SHOWN}&lt;b&gt;" in picture
    assert not BAD & set(picture)


def test_the_config_in_tensorboard_is_shown_escaped(tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text(f"a: 1\nb: {ODD}\n", encoding="utf-8", newline="")
    added = []
    board = SimpleNamespace(add_text=lambda tag, shown, step: added.append(shown))
    monkeypatch.setattr(settings, "writer", lambda trainer: board)
    settings.Settings().on_train_start(SimpleNamespace(default_root_dir=tmp_path, global_step=0), None)
    (shown,) = added
    assert shown.startswith("    a: 1\n    b: a\\x1b[31mb")
    assert not BAD & set(shown)


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not to be had there")
def test_a_clip_of_such_a_name_is_refused_on_one_line(tmp_path, capsys):
    from commands import run_command

    (tmp_path / f"{ODD.replace(chr(0), '')}.wav").write_bytes(b"no sound")
    with pytest.raises(SystemExit):
        run_command("transcribe", f"clips={tmp_path}", "names=[Anna,Bob]")
    found = capsys.readouterr()
    assert not BAD & set(found.out + found.err)
    assert r"\x1b[31m" in found.out


PLACES = re.compile(r"\b(output|folder|run_dir|checkpoint|path|file|found\[0\])\b(?!\.(stat|name\b))|^error$")
ESCAPED = re.compile(r"printable\(|way_on\(")


def test_no_place_is_printed_as_it_is():
    """Whoever sent a folder or a file has named it."""
    raw = []
    for path in [*Path(speech.__file__).parent.rglob("*.py"), *Path(hydra_plugins.__path__[0]).rglob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
                for text in (one for one in call.args if isinstance(one, ast.JoinedStr)):
                    values = [one for one in text.values if isinstance(one, ast.FormattedValue)]
                    shown = [ast.unparse(one.value) for one in values if one.format_spec is None]  # others are numbers
                    raw += [f"{path}: {one}" for one in shown if PLACES.search(one) and not ESCAPED.search(one)]
    assert raw == []
