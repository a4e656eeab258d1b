import io
import random
import zipfile

import pytest

from speech.common import seal


def archive(compression=zipfile.ZIP_STORED, content=b"weights" * 200):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        file.writestr("a/data.pkl", content)
        file.writestr("a/data/0", b"\x00\x01" * 100)
    return made.getvalue()


@pytest.mark.parametrize("content", [archive(), b"a model of ONNX, say", b""], ids=["zip", "onnx", "empty"])
def test_a_flipped_bit_a_cut_and_an_addition_break_the_seal(content):
    whole = seal.sealed(content)
    assert seal.is_sealed(whole)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        assert not seal.is_sealed(bytes(changed))
    assert not any(seal.is_sealed(whole[:n]) for n in range(len(whole)))
    assert not seal.is_sealed(whole + b"\n")
    assert not seal.is_sealed(content)


def test_a_sealed_archive_is_an_archive():
    with zipfile.ZipFile(io.BytesIO(seal.sealed(archive()))) as file:
        assert file.testzip() is None
        assert file.comment.startswith(b"sha256:")
    seal.check_archive(seal.sealed(archive()))


def test_an_archive_that_takes_more_than_its_size_is_refused():
    with pytest.raises(seal.DamagedError, match="compressed"):
        seal.check_archive(archive(zipfile.ZIP_DEFLATED, bytes(10_000_000)))
    whole = bytearray(archive())
    second = whole.rindex(b"PK\x01\x02")  # in the directory: its entry is given the first one's bytes
    whole[second + 42 : second + 46] = bytes(4)
    with pytest.raises(seal.DamagedError):
        seal.check_archive(bytes(whole))


def test_a_bit_of_an_entry_is_missed_by_no_archive_without_a_seal():
    whole, rng = archive(), random.Random(0)
    ends = whole.rindex(b"a/data/0")
    for _ in range(200):
        changed = bytearray(whole)
        changed[rng.randrange(60, ends)] ^= 1 << rng.randrange(8)
        try:
            seal.check_archive(bytes(changed))
        except seal.DamagedError:
            continue
        with zipfile.ZipFile(io.BytesIO(bytes(changed))) as file:  # in what no reader looks at: the content is the same
            assert file.read("a/data.pkl") == b"weights" * 200


def test_a_file_over_the_bound_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(bytes(2_000_001))
    monkeypatch.setattr(seal, "LARGEST", 2_000_000)
    with pytest.raises(seal.DamagedError, match="over 1 MiB"):
        seal.read(tmp_path / "a")
