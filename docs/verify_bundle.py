#!/usr/bin/env python3
"""Verifies a bundle of `interflow audit export` without any program of ours.

    python3 verify_bundle.py BUNDLE [KEY ...]

BUNDLE is the directory, or the bundle.jsonl in it. KEY is a public key of the log as it was once published
(interflow/wsp_...+1f0c96e2+AQ...). Without one the keys in the bundle are believed, which proves nothing against whoever
made it. Needs Python 3.8 and either `cryptography` or `pynacl`. docs/audit-log.md says what is checked, and why.
"""

import base64
import hashlib
import json
import os
import sys
import uuid

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    def signed(key, signature, text):
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
            return True
        except InvalidSignature:
            return False

    def decrypt(key, nonce, sealed, place):
        try:
            return ChaCha20Poly1305(key).decrypt(nonce, sealed, place)
        except InvalidTag:
            return None

except ImportError:
    from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt
    from nacl.exceptions import BadSignatureError, CryptoError
    from nacl.signing import VerifyKey

    def signed(key, signature, text):
        try:
            VerifyKey(key).verify(text, signature)
            return True
        except BadSignatureError:
            return False

    def decrypt(key, nonce, sealed, place):
        try:
            return crypto_aead_chacha20poly1305_ietf_decrypt(sealed, place, nonce, key)
        except CryptoError:
            return None


def sha256(data):
    return hashlib.sha256(data).digest()


def fail(what):
    raise SystemExit("NOT VERIFIED: " + what)


def parse_key(text):
    """name+id+base64(0x01 || public key), where id is the beginning of SHA-256(name || 0x0A || 0x01 || public key)."""
    name, key_id, encoded = text.split("+", 2)
    data = base64.b64decode(encoded, validate=True)
    if len(data) != 33 or data[0] != 1 or sha256(name.encode() + b"\n" + data)[:4].hex() != key_id:
        fail("not a key: " + text)
    return name, bytes.fromhex(key_id), data[1:]


def checkpoint_of(note, keys):
    """Opens the signed note: gives origin, size and root, once a known key has signed them."""
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    good = 0
    for line in lines.splitlines():
        dash, name, encoded = line.split(" ")
        data = base64.b64decode(encoded, validate=True)
        for key_name, key_id, key in keys:
            if dash == "\u2014" and name == key_name and data[:4] == key_id:
                if not signed(key, data[4:], text.encode()):
                    fail("the checkpoint's signature is wrong")
                good += 1
    origin, size, root = text.split("\n")[:3]
    if not good or not any(name == origin for name, _, _ in keys):
        fail("the checkpoint is not signed by a known key of its tree")
    return origin, int(size), base64.b64decode(root, validate=True)


def entry_of(workspace, event):
    """The bytes that the leaf of an event is the hash of."""

    def number(value):
        return value.to_bytes(8, "big", signed=True)

    def text(value):
        return len(value.encode()).to_bytes(2, "big") + value.encode()

    return b"".join([
        b"IFE1",
        workspace.bytes,
        number(event["position"]),
        uuid.UUID(event["event_id"]).bytes,
        number(event["sequence"]),
        number(event["recorded_micros"]),
        sha256(event["metadata"].encode()),
        sha256(event["payload"].encode()),
        text(event["aggregate_type"]),
        text(event["aggregate_id"]),
        text(event["event_type"]),
        text(event["event_version"]),
    ])


def root_from(leaf, index, size, path):
    """RFC 9162, 2.1.3.2: the root that a path leads to; nothing when it is too long or too short."""
    last, node = size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            node = sha256(b"\x01" + sibling + node)
            while index % 2 == 0 and index:
                index >>= 1
                last >>= 1
        else:
            node = sha256(b"\x01" + node + sibling)
        index >>= 1
        last >>= 1
    return node if last == 0 else None


def check_shown(stored, shown, path, event, keys):
    """That what is shown in clear is what the payload says, and what each key opens."""
    if isinstance(stored, dict) and list(stored) == ["$p"]:
        form, clear = stored["$p"], shown["$p"]
        if form["s"] != clear["s"]:
            fail("event %d: a value is shown as somebody else's" % event["position"])
        if "v" in clear:
            sealed = base64.b64decode(form["c"], validate=True)
            place = uuid.UUID(event["event_id"]).bytes + path.encode()
            plain = decrypt(keys[path], b"\0\0\0\0" + sealed[16:24], sealed[24:], place)
            if plain is None or json.loads(plain) != clear["v"]:
                fail("event %d: what is shown at %s is not what was sealed" % (event["position"], path))
        elif path in keys or (clear.get("erased") is not True and clear.get("withheld") is not True):
            fail("event %d: %s is neither shown nor erased" % (event["position"], path))
    elif isinstance(stored, dict) and isinstance(shown, dict) and stored.keys() == shown.keys():
        for name in stored:
            step = name.replace("~", "~0").replace("/", "~1")
            check_shown(stored[name], shown[name], path + "/" + step, event, keys)
    elif isinstance(stored, list) and isinstance(shown, list) and len(stored) == len(shown):
        for number, (one, other) in enumerate(zip(stored, shown)):
            check_shown(one, other, "%s/%d" % (path, number), event, keys)
    elif stored != shown or isinstance(stored, bool) != isinstance(shown, bool):
        fail("event %d: what is shown at %s is not what was sealed" % (event["position"], path))


def verify(bundle, known):
    header = json.loads(bundle.readline())
    if header["interflow_bundle"] != 1:
        fail("a bundle of a form that this program does not know")
    keys = [parse_key(key) for key in known or header["keys"]]
    origin, size, root = checkpoint_of(header["checkpoint"], keys)
    workspace = uuid.UUID(header["workspace_uuid"])
    if not origin.startswith("interflow/%s/" % header["workspace"]):
        fail("the checkpoint is of another workspace")
    stretch = header["selection"].get("range")
    if stretch:
        first = 1 if stretch["from"] is None else stretch["from"]
        end = size if stretch["to"] is None else stretch["to"]
    last, count, streams = 0, 0, {}
    for line in bundle:
        event = json.loads(line)
        position, stream = event["position"], (event["aggregate_type"], event["aggregate_id"])
        if position <= last or (stretch and last and position != last + 1):
            fail("event %d comes after event %d" % (position, last))
        if stretch and not last and isinstance(first, int) and position != first:
            fail("events before event %d are left out" % position)
        leaf = sha256(b"\0" + entry_of(workspace, event))
        path = [base64.b64decode(node, validate=True) for node in event["path"]]
        if position > size or root_from(leaf, position - 1, size, path) != root:
            fail("event %d is not what was sealed" % position)
        expected = streams.get(stream, event["sequence"] - 1 if stretch else 0) + 1
        if event["sequence"] != expected:
            fail("events of %s before event %d are left out" % (stream[1], position))
        openings = {opening["path"]: base64.b64decode(opening["key"]) for opening in event["openings"]}
        check_shown(json.loads(event["payload"]), event["opened"], "", event, openings)
        streams[stream] = event["sequence"]
        last, count = position, count + 1
    if count != header["events"]:
        fail("the bundle has %d events, and was made with %d" % (count, header["events"]))
    if stretch and isinstance(end, int) and last != min(end, size):
        fail("events after event %d are left out" % last)
    print("verified: %d events, in the tree of %d events with the root %s" % (count, size, root.hex()))
    print("signed by " + ("a key you named" if known else "a key that is in the bundle: compare it with the published one"))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    place = sys.argv[1]
    with open(os.path.join(place, "bundle.jsonl") if os.path.isdir(place) else place, encoding="utf-8") as opened:
        try:
            verify(opened, sys.argv[2:])
        except (AttributeError, KeyError, IndexError, OverflowError, TypeError, ValueError) as error:
            fail("it is not a whole bundle (%s: %s)" % (type(error).__name__, error))
