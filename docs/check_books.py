"""Checks receipts, checkpoints and exports of Scrip's without Scrip: python check_books.py KEYS FILE...

KEYS: a file with the public keys that are trusted, a line each. FILE: a receipt as the API answers it (.json), a tenant's
export (.zip), a checkpoint (.txt), or a folder of these. It ends with status 1 at the first thing that is wrong."""

import json
import sys
import zipfile
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from struct import pack, unpack
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEYS = [line.split("+", 2) for line in Path(sys.argv[1]).read_text().split() if line.count("+") > 1]
SEEN = {}  # checkpoints by tenant and number
NONE, ZEROS, LEAF, ENTRY = r"\N", "0" * 64, b"\0scrip-head-1\0", b"scrip-entry-2\0"
EPOCH, MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def must(right, what):
    return right or sys.exit(f"WRONG: {what}")


def sha(*parts):
    return sha256(b"".join(parts)).digest()


def checkpoint(note):
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :].splitlines()
    marks = {(by, b64decode(mark)[:4].hex()): b64decode(mark)[4:] for _, by, mark in map(str.split, signatures)}
    signed = [(b64decode(key)[1:], marks[name, key_id]) for name, key_id, key in KEYS if (name, key_id) in marks]
    for key, mark in must(signed, f"nobody who is trusted has signed\n{note}"):
        Ed25519PublicKey.from_public_bytes(key).verify(mark, text.encode())
    origin, size, root, *more = text.splitlines()
    made = dict(line.split(" ", 1) for line in more) | {"tenant": UUID(origin.split("/")[1]), "size": int(size)}
    made |= {"number": int(made["number"]), "root": b64decode(root), "own": b64encode(sha(text.encode())).decode()}
    must(SEEN.setdefault((made["tenant"], made["number"]), made) == made, f"there are two checkpoints {made['number']}")
    return made


def receipt(file):
    told = json.loads(file.read_text())["data"]["receipt"]
    at = checkpoint(must(told and told["checkpoint"], "that is no receipt, or none yet")["note"])
    entries = [b64decode(each) for each in (told["entry"], *told["links"])]
    last, whose = entries[-1], (ENTRY, at["tenant"].bytes, entries[0][79:95])
    must({(each[:14], each[47:63], each[79:95]) for each in entries} == {whose}, "an entry is of another account")
    must([each[15:47] for each in entries[1:]] == [*map(sha, entries[:-1])], "an entry does not follow the one before")
    node, path = sha(LEAF, last[47:63], last[79:95], last[127:135], sha(last)), [*map(bytes.fromhex, told["path"])]
    index, end = told["index"], at["size"] - 1
    while end > 0:
        if index % 2 or index < end:
            node = sha(b"\1", path.pop(0), node) if index % 2 else sha(b"\1", node, path.pop(0))
        index, end = index // 2, end // 2
    must(node == at["root"] and not path and 0 <= told["index"] < at["size"], "the head is not in the checkpoint")
    nth, amount, _, balance, at = unpack(">5q", entries[0][127:167])
    print(f"entry {nth} of {UUID(bytes=whose[2])}: {amount}, then {balance}, in minor units, {EPOCH + at * MICRO}")


def hashed(row, of, figures):
    new, none = of["digest"] != NONE, row["credit_id"] == NONE
    ids = [row["tenant_id"], row["id"], row["account_id"], row["transaction_id"], row["credit_id"]]
    there, texts = (row["previous_hash"], row["credit_id"]), (row["counter"],)
    if not new:  # it is of before transactions had digests
        ids = [*ids[:1], *ids[2:], of["customer_id"], of["actor_id"], of["approved_by_id"]]
        there = row["previous_hash"], of["approved_by_id"], of["note_digest"], of["reason"], "" if none else NONE
        texts = row["counter"], of["kind"], of["reason"].replace(NONE, "")
    hashes = [bytes.fromhex(each.replace(NONE, ZEROS)) for each in (there[0], of["digest" if new else "note_digest"])]
    facts = [UUID(each.replace(NONE, ZEROS[:32])).bytes for each in ids]
    facts += [pack(">5q", *figures, (datetime.fromisoformat(row["created_at"]) - EPOCH) // MICRO), hashes[1]]
    facts += [pack(">H", len(text.encode())) + text.encode() for text in texts]
    flags = bytes([sum((each != NONE) << n for n, each in enumerate(there))])
    return sha(ENTRY if new else b"scrip-entry-1\0", flags, hashes[0], *facts).hex()


def export(file):
    archive, tables, chains, heads = zipfile.ZipFile(file), {}, {}, {}
    columns = json.loads(archive.read("manifest.json"))["tables"]
    for name in ("transactions", "entries", "checkpoints"):
        lines = archive.read(f"tables/{name}.copy").decode().replace("\\\\x", "").split("\n")[:-1]
        tables[name] = [dict(zip(columns[name]["columns"], line.split("\t"), strict=True)) for line in lines]
    of, notes = {row["id"]: row for row in tables["transactions"]}, [row["note"] for row in tables["checkpoints"]]
    must(notes, "the export has no checkpoint: nobody has signed what is in it")
    tenant = [checkpoint(note.replace("\\n", "\n")) for note in notes][-1]["tenant"]
    last = SEEN[max(place for place in SEEN if place[0] == tenant)]
    for row in tables["entries"]:
        figures = [int(row[name]) for name in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor")]
        account, before = UUID(row["account_id"]), (figures[0] - 1, figures[3] - figures[1], row["previous_hash"])
        must(before == chains.get(account, (0, 0, NONE)), f"entry {row['id']} does not follow the one before it")
        must(hashed(row, of[row["transaction_id"]], figures) == row["hash"], f"entry {row['id']} has another hash")
        chains[account] = figures[0], figures[3], row["hash"]
        if datetime.fromisoformat(row["created_at"]) < datetime.fromisoformat(last["until"]):
            heads[account] = pack(">q", figures[0]), bytes.fromhex(row["hash"])
    level = [sha(LEAF, tenant.bytes, account.bytes, *heads[account]) for account in sorted(heads)] or [sha()]
    while len(level) > 1:
        level = [sha(b"\1", *level[n : n + 2]) if level[n + 1 :] else level[n] for n in range(0, len(level), 2)]
    must(level[0] == last["root"], f"the entries are not those of the last checkpoint, {last['number']}")
    print(f"{len(tables['entries']):,} entries on {len(chains):,} accounts, {len(notes):,} checkpoints")


files = []
for given in map(Path, sys.argv[2:]):
    files += [each for kind in ("txt", "json", "zip") for each in sorted(given.rglob(f"*.{kind}"))] or [given]
for file in sorted(files, key=lambda each: each.suffix == ".zip"):  # exports by all checkpoints
    try:
        {".zip": export, ".json": receipt}.get(file.suffix, lambda each: checkpoint(each.read_text()))(file)
    except (InvalidSignature, LookupError, OSError, TypeError, ValueError) as error:
        must(False, f"{file}: {type(error).__name__} {error}")
alone = sum(number > 1 and (tenant, number - 1) not in SEEN for tenant, number in SEEN)
for (tenant, number), made in must(SEEN, "there is nothing to check").items():
    before = SEEN.get((tenant, number - 1), {"own": made["previous"]})
    must(before["own"] == made["previous"], f"checkpoint {number} does not name the one before it")
print(f"all is right; {len(SEEN):,} checkpoints, signed; {alone:,} of them are without the one before")
