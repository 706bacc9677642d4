"""Signed notes, against the example of golang.org/x/mod/sumdb/note; and trees, against RFC 9162's own words."""

from hashlib import sha256
from typing import Final

import pytest

from models.merkle import EMPTY, leaf_hash, path, root, root_by_path
from models.signed_notes import Keys, PrivateKey, new_key, read_key, read_keys, signed_text

PRIVATE: Final = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT: Final = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE: Final = (
    f"{TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_example_is_signed_and_read() -> None:
    keys = read_keys(f"# the first\n{PRIVATE}\n\n")
    assert keys.sign(TEXT) == NOTE
    assert [key.written() for key in keys.trusted] == [PUBLIC]
    assert read_key(PRIVATE).written() == PRIVATE
    assert signed_text(NOTE, keys.trusted) == TEXT
    assert "AYEK" not in repr(keys)


def test_two_keys_sign_while_one_follows_the_other() -> None:
    old, new = new_key("books.example", bytes(32)), new_key("books.example", b"\1" * 32)
    both = Keys((new, old), (new.public, old.public))
    note = both.sign(TEXT)
    for key in (old, new):
        assert signed_text(note, [key.public]) == TEXT
    kept = read_keys(f"{new.written()}\n{old.public.written()}")
    assert (kept.signing, kept.trusted) == ((new,), both.trusted)


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("answer", "question"),
        NOTE.replace("x08go/Z", "x08go/Y"),
        NOTE.replace("PeterNeumann x", "PaulNeumann x"),
        TEXT,
        "",
        NOTE + "and more\n",
        NOTE.replace("x08go", "x0!go"),
    ],
)
def test_another_note_is_refused(note: str) -> None:
    with pytest.raises(ValueError, match=r"sign|note"):
        signed_text(note, read_keys(PUBLIC).trusted)


@pytest.mark.parametrize("line", ["", "name", "name+00000000+AAAA", PUBLIC.replace("c74f", "c74e"), PUBLIC[:-4]])
def test_what_is_no_key_is_not_read(line: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        read_key(line)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a" * 101, "é"])
def test_a_keys_name_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        new_key(name, bytes(32))


def _recursive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1."""
    if len(leaves) <= 1:
        return sha256(b"\0" + leaves[0]).digest() if leaves else sha256(b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1" + _recursive(leaves[:half]) + _recursive(leaves[half:])).digest()


def test_trees_and_paths_are_rfc_9162s() -> None:
    assert root([]) == EMPTY == _recursive([])
    for size in range(1, 70):
        leaves = [bytes([n]) for n in range(size)]
        hashes = [leaf_hash(leaf) for leaf in leaves]
        assert root(hashes) == _recursive(leaves)
        for index, hashed in enumerate(hashes):
            shown = path(hashes, index)
            assert root_by_path(hashed, index, size, shown) == root(hashes)
            assert root_by_path(hashed, index, size, [*shown, EMPTY]) is None
            assert root_by_path(hashed, index + size, size, shown) is None
            if shown:
                assert root_by_path(hashed, index, size, shown[:-1]) is None
                assert root_by_path(hashed, index, size, [EMPTY, *shown[1:]]) != root(hashes)


def test_a_tree_over_tiles_is_the_tree_over_leaves() -> None:
    for size in (1, 31, 32, 33, 64, 65, 97, 1023, 1024, 1025, 2050):
        hashes = [leaf_hash(n.to_bytes(4)) for n in range(size)]
        tiles = [root(hashes[n : n + 32]) for n in range(0, size, 32)]
        assert root(tiles) == root(hashes)
        for index in {0, size // 2, size - 1}:
            begin = index // 32 * 32
            shown = path(hashes[begin : begin + 32], index - begin) + path(tiles, index // 32)
            assert root_by_path(hashes[index], index, size, shown) == root(hashes)


def test_keys_are_equal_by_what_they_are() -> None:
    assert read_key(PUBLIC) == PrivateKey("PeterNeumann", read_key(PRIVATE).seed).public  # type: ignore[union-attr]
