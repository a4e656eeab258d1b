import io
import threading

import pytest
from torch.utils.tensorboard import SummaryWriter

from speech.common.event_files import written
from speech.common.storage import UnwritableError


@pytest.fixture
def full(monkeypatch):
    """A disk that has no room for what is added to an event file."""
    before = io.open
    monkeypatch.setattr(
        io,
        "open",
        lambda path, *how, **more: before("/dev/full" if "tfevents" in str(path) else path, *how, **more),
    )


def write_log(folder, n_bytes):
    with written(folder), SummaryWriter(folder) as log:
        log.add_text("text", "x" * n_bytes)
        log.flush()


@pytest.mark.parametrize("n_bytes", [10, 1_000_000])
def test_a_full_disk_names_the_folder_and_nothing_else_is_shown(full, n_bytes, tmp_path, capsys):
    with pytest.raises(UnwritableError) as error:
        write_log(tmp_path / "log", n_bytes)
    assert str(error.value).startswith(f"{tmp_path}/log: could not be written (No space left on device; ")
    assert str(error.value).endswith(" MB free there): free some space there, and run it again")
    assert capsys.readouterr().err == ""


def test_other_errors_are_left_as_they_are(tmp_path, capsys):
    with pytest.raises(OSError, match="of another device") as error, written(tmp_path):
        raise OSError("of another device")
    assert not isinstance(error.value, UnwritableError)
    seen, before = [], threading.excepthook
    threading.excepthook = seen.append
    try:
        with written(tmp_path):
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
    finally:
        threading.excepthook = before
    assert [one.exc_type for one in seen] == [ZeroDivisionError]
