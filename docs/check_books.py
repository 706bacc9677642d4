"""Checks receipts, checkpoints and exports of Scrip's without Scrip: python check_books.py KEYS FILE...

KEYS: a file with the public keys that are trusted, a line each. FILE: a receipt as the API answers it (.json), a tenant's
export (.zip), a checkpoint (.txt), or a folder of these. It ends with status 1 at the first thing that is wrong.
"""

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
NONE = r"\N"


def must(right, what):
    if not right:
        sys.exit(f"WRONG: {what}")


def sha(*parts):
    return sha256(b"".join(parts)).digest()


def hashing(text):
    return bytes(32) if text == NONE else bytes.fromhex(text)


def micros(text):
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def checkpoint(note):
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    signed = False
    for _, signer, signature in (line.split(" ") for line in signatures.splitlines()):
        mark = b64decode(signature)
        for key in (b64decode(key)[1:] for name, key_id, key in KEYS if (name, key_id) == (signer, mark[:4].hex())):
            Ed25519PublicKey.from_public_bytes(key).verify(mark[4:], text.encode())
            signed = True
    must(signed, f"nobody who is trusted has signed\n{note}")
    origin, size, root, *more = text.splitlines()
    made = dict(line.split(" ", 1) for line in more) | {"tenant": UUID(origin.split("/")[1]), "size": int(size)}
    made |= {"number": int(made["number"]), "root": b64decode(root), "own": b64encode(sha(text.encode())).decode()}
    must(SEEN.setdefault((made["tenant"], made["number"]), made) == made, f"there are two checkpoints {made['number']}")
    return made


def leaf(tenant, account, sequence, head):
    return sha(b"\0scrip-head-1\0", tenant.bytes, account.bytes, pack(">q", sequence), head)


def receipt(told):
    must(told and told["checkpoint"], "that is no receipt, or none yet")
    at, entries = checkpoint(told["checkpoint"]["note"]), [b64decode(each) for each in (told["entry"], *told["links"])]
    for before, entry in zip([entries[0], *entries], entries, strict=False):
        follows = entry is before or entry[15:47] == sha(before)
        must(follows and entry[:14] == b"scrip-entry-2\0", "an entry does not follow the one before it")
        must(entry[47:63] == at["tenant"].bytes and entry[79:95] == entries[0][79:95], "an entry is of another account")
    node = leaf(at["tenant"], UUID(bytes=entry[79:95]), *unpack(">q", entry[127:135]), sha(entry))
    index, last, path = told["index"], at["size"] - 1, [bytes.fromhex(each) for each in told["path"]]
    must(0 <= index <= last, "there is no such account")
    while last > 0:
        if index % 2 or index < last:
            must(path, "the path is too short")
            node = sha(b"\1", path.pop(0), node) if index % 2 else sha(b"\1", node, path.pop(0))
        index, last = index // 2, last // 2
    must(not path and node == at["root"], "the account's head is not in the checkpoint")
    sequence, amount, _, balance, when = unpack(">5q", entries[0][127:167])
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=when)
    print(
        f"entry {sequence} of account {UUID(bytes=entries[0][79:95])}: {amount}, then {balance}, in minor units, at {at}"
    )


def hashed(row, of, figures):
    new, none = of["digest"] != NONE, row["credit_id"] == NONE
    ids = [row["tenant_id"], row["id"], row["account_id"], row["transaction_id"], row["credit_id"]]
    there, texts = (row["previous_hash"], row["credit_id"]), (row["counter"],)
    if not new:  # it is of before transactions had digests
        ids = [*ids[:1], *ids[2:], of["customer_id"], of["actor_id"], of["approved_by_id"]]
        there = row["previous_hash"], of["approved_by_id"], of["note_digest"], of["reason"], "" if none else NONE
        texts = row["counter"], of["kind"], of["reason"].replace(NONE, "")
    facts = [bytes(16) if each == NONE else UUID(each).bytes for each in ids]
    facts += [pack(">5q", *figures, micros(row["created_at"])), hashing(of["digest" if new else "note_digest"])]
    facts += [pack(">H", len(text.encode())) + text.encode() for text in texts]
    flags = bytes([sum((each != NONE) << n for n, each in enumerate(there))])
    return sha(b"scrip-entry-2\0" if new else b"scrip-entry-1\0", flags, hashing(there[0]), *facts).hex()


def export(archive):
    tables, columns = {}, json.loads(archive.read("manifest.json"))["tables"]
    for name in ("transactions", "entries", "checkpoints"):
        lines = archive.read(f"tables/{name}.copy").decode().replace("\\\\x", "").split("\n")[:-1]
        tables[name] = [dict(zip(columns[name]["columns"], line.split("\t"), strict=True)) for line in lines]
    of, heads, chains = {row["id"]: row for row in tables["transactions"]}, {}, {}
    notes = [checkpoint(row["note"].replace("\\n", "\n")) for row in tables["checkpoints"]]
    must(notes, "the export has no checkpoint: nobody has signed what is in it")
    last = SEEN[max(place for place in SEEN if place[0] == notes[-1]["tenant"])]
    for row in tables["entries"]:
        figures = [int(row[name]) for name in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor")]
        account = UUID(row["account_id"])
        sequence, balance, previous = chains.get(account, (0, 0, NONE))
        follows = (figures[0], figures[3], row["previous_hash"]) == (sequence + 1, balance + figures[1], previous)
        must(follows, f"entry {row['id']} does not follow the one before it")
        must(hashed(row, of[row["transaction_id"]], figures) == row["hash"], f"entry {row['id']} has another hash")
        chains[account] = figures[0], figures[3], row["hash"]
        if micros(row["created_at"]) < micros(last["until"]):
            heads[account] = figures[0], bytes.fromhex(row["hash"])
    level = [leaf(last["tenant"], account, *heads[account]) for account in sorted(heads)] or [sha()]
    while len(level) > 1:
        level = [sha(b"\1", *level[n : n + 2]) if level[n + 1 :] else level[n] for n in range(0, len(level), 2)]
    must(level[0] == last["root"], f"the entries are not those of the last checkpoint, {last['number']}")
    print(f"{len(tables['entries']):,} entries on {len(chains):,} accounts, {len(notes):,} checkpoints")


files, read = [], 0
for given in map(Path, sys.argv[2:]):
    inside = (each for each in given.rglob("*.*") if each.suffix in (".txt", ".json", ".zip"))
    files += inside if given.is_dir() else [given]
for file in sorted(files, key=lambda each: (each.suffix == ".zip", each)):  # exports by all checkpoints
    try:
        if file.suffix == ".zip":
            export(zipfile.ZipFile(file))
        elif file.suffix == ".json":
            receipt(json.loads(file.read_text())["data"]["receipt"])
        else:
            checkpoint(file.read_text())
        read += 1
    except (InvalidSignature, KeyError, OSError, TypeError, ValueError) as error:
        must(False, f"{file}: {type(error).__name__} {error}")
must(read, "there is nothing to check")
gaps = 0
for (tenant, number), made in SEEN.items():
    gaps += number > 1 and (tenant, number - 1) not in SEEN
    right = number == 1 or (tenant, number - 1) not in SEEN or made["previous"] == SEEN[tenant, number - 1]["own"]
    must(right, f"checkpoint {number} does not name the one before it")
print(
    f"all is right; {len(SEEN):,} checkpoints, signed; {gaps:,} of them are without the one before, the others name it"
)
