"""Merkle trees as in RFC 9162: a leaf's hash is over a zero byte and the leaf, a node's over a one byte and both below
it."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over leaves, or over whole subtrees of one size with a smaller one at the end, by their
    hashes."""
    if not hashes:
        return EMPTY
    level = list(hashes)
    while len(level) > 1:  # what is left over at the end goes up as it is: the same tree as RFC 9162 has
        above = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = above + level[len(above) * 2 :]
    return level[0]


def path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that the leaf's at `index` is hashed with, one after the other, up to the root."""
    found, level = list[bytes](), list(hashes)
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            found.append(level[beside])
        above = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level, index = above + level[len(above) * 2 :], index // 2
    return found


def root_by_path(hashed: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes | None:
    """The root of the tree of `size` leaves that has this leaf's hash at `index`, by its path; None if the path is none."""
    if not 0 <= index < size:
        return None
    last, left = size - 1, list(hashes)
    while last:
        if index & 1 or index < last:  # otherwise it is the one left over at the end, and goes up as it is
            if not left:
                return None
            beside = left.pop(0)
            hashed = node_hash(beside, hashed) if index & 1 else node_hash(hashed, beside)
        index, last = index // 2, last // 2
    return None if left else hashed
