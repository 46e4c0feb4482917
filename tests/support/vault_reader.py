#!/usr/bin/env python3
"""A second reader of keepgres vaults, written from docs/formats/vault.md alone: Python's own modules, and libsodium,
libzstd and libxxhash through ctypes. The recovery key's text comes on standard input.

  vault_reader.py DIRECTORY points                              instance, point, a line each
  vault_reader.py DIRECTORY manifest INSTANCE POINT             the manifest
  vault_reader.py DIRECTORY rows INSTANCE POINT SCHEMA.TABLE    a table's COPY text
  vault_reader.py DIRECTORY stream INSTANCE POINT PATH          any stream, such as archive or largeObjects
  vault_reader.py DIRECTORY verify INSTANCE POINT               rows, bytes and row checksums of everything
  vault_reader.py - vectors                                     the test vectors of the specification
"""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import re
import struct
import sys

sodium = ctypes.CDLL("libsodium.so.23")
zstd = ctypes.CDLL("libzstd.so.1")
xxhash = ctypes.CDLL("libxxhash.so.0")
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]
xxhash.XXH3_64bits.restype = ctypes.c_uint64
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
unsigned64 = ctypes.c_ulonglong
sodium.crypto_aead_xchacha20poly1305_ietf_decrypt.argtypes = [
    ctypes.c_char_p, ctypes.POINTER(unsigned64), ctypes.c_char_p, ctypes.c_char_p, unsigned64, ctypes.c_char_p,
    unsigned64, ctypes.c_char_p, ctypes.c_char_p]
sodium.crypto_aead_xchacha20poly1305_ietf_encrypt.argtypes = [
    ctypes.c_char_p, ctypes.POINTER(unsigned64), ctypes.c_char_p, unsigned64, ctypes.c_char_p, unsigned64,
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p]

MASTER, SEGMENT, DIRECTORY, INDEX, POINT = 1, 2, 3, 4, 5
CONTEXT = {SEGMENT: b"KGsegmnt", DIRECTORY: b"KGpackdr", INDEX: b"KGindex0", POINT: b"KGpoint0"}
MIB = 1024 * 1024
LIMIT = {SEGMENT: 16 * MIB, DIRECTORY: 64 * MIB, INDEX: 64 * MIB, POINT: 256 * MIB}
CHUNK_LIMIT = 256 * 1024
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Damage(Exception):
    """Something in the vault is not what the format allows."""


def demand(condition, what):
    if not condition:
        raise Damage(what)


# ---- cryptography (section 2) ----

def kdf(key, context, number):
    return hashlib.blake2b(b"", digest_size=32, key=key, salt=struct.pack("<QQ", number, 0),
                           person=context + bytes(8)).digest()


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def unseal(key, ad, sealed, what):
    demand(len(sealed) >= 40, f"{what}: too few sealed bytes")
    out = ctypes.create_string_buffer(len(sealed) - 40 or 1)
    r = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(out, None, None, sealed[24:], len(sealed) - 24, ad, len(ad),
                                                          sealed[:24], key)
    demand(r == 0, f"{what}: the seal is broken")
    return out.raw[:len(sealed) - 40]


def seal(key, ad, plain, nonce):
    out = ctypes.create_string_buffer(len(plain) + 16)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out, None, plain, len(plain), ad, len(ad), None, nonce, key)
    return nonce + out.raw


def associated_data(vault_id, kind, name, position):
    return b"KGV1" + bytes([kind]) + vault_id + struct.pack("<Q", position) + name.encode()


def open_block(block, limit, what):
    demand(len(block) > 8 and block[1:4] == bytes(3), f"{what}: not a block")
    codec, (length,) = block[0], struct.unpack_from("<I", block, 4)
    demand(1 <= length <= limit, f"{what}: a block of {length} bytes")
    body = block[8:]
    if codec == 0:
        demand(len(body) == length, f"{what}: the body has another length")
        return body
    demand(codec == 1, f"{what}: codec {codec}")
    out = ctypes.create_string_buffer(length)
    n = zstd.ZSTD_decompress(out, length, body, len(body))
    demand(not zstd.ZSTD_isError(n) and n == length, f"{what}: does not decompress")
    return out.raw


def recovery_key(text):
    digits = []
    for c in text.upper():
        if c in "- \t\r\n":
            continue
        c = {"O": "0", "I": "1", "L": "1"}.get(c, c)
        demand(c in ALPHABET, "the recovery key has a typing mistake")
        digits.append(ALPHABET.index(c))
    demand(len(digits) == 56, "the recovery key has a typing mistake: its length")
    number = 0
    for d in digits:
        number = number << 5 | d
    raw = number.to_bytes(35, "big")
    demand(digest(b"keepgres recovery key 1" + raw[:32])[:3] == raw[32:], "the recovery key has a typing mistake")
    return raw[:32]


def recovery_text(key):
    number = int.from_bytes(key + digest(b"keepgres recovery key 1" + key)[:3], "big")
    chars = "".join(ALPHABET[number >> 5 * i & 31] for i in range(55, -1, -1))
    return "-".join(chars[i:i + 4] for i in range(0, 56, 4))


# ---- directories (section 6) ----

def read_directory(data, at, what):
    """Returns segments as (position, sealed length, data length, [(id, length)…]), and where the directory ends."""
    demand(len(data) - at >= 8, f"{what}: the directory is cut short")
    n_segments, n_chunks = struct.unpack_from("<II", data, at)
    rows, chunks = at + 8, at + 8 + 20 * n_segments
    end = chunks + 36 * n_chunks
    demand(n_segments >= 1 and end <= len(data), f"{what}: the directory is cut short")
    segments, expected = [], 8
    for i in range(n_segments):
        position, sealed, length, count = struct.unpack_from("<QIII", data, rows + 20 * i)
        demand(position == expected and count >= 1 and 1 <= length <= LIMIT[SEGMENT] and chunks + 36 * count <= end,
               f"{what}: segment {i} cannot be")
        own = [(data[c:c + 32], struct.unpack_from("<I", data, c + 32)[0])
               for c in range(chunks, chunks + 36 * count, 36)]
        demand(all(1 <= n <= CHUNK_LIMIT for _, n in own) and sum(n for _, n in own) == length,
               f"{what}: the chunks of segment {i} do not fill it")
        chunks += 36 * count
        expected = position + sealed
        segments.append((position, sealed, length, own))
    demand(chunks == end, f"{what}: chunks without a segment")
    return segments, end


class Vault:
    def __init__(self, directory, key):
        self.directory = directory
        header = self.read("keepgres-vault")
        demand(len(header) <= 4096, "keepgres-vault: too long")
        h = json.loads(header)
        demand(h.get("magic") == "keepgres-vault" and h.get("format") == 1, "keepgres-vault: another format")
        demand((h["cipher"], h["kdf"], h["compression"]) == ("xchacha20-poly1305", "blake2b", "zstd"),
               "keepgres-vault: another cipher")
        self.hash_name = h["hash"]
        self.id_text = h["vaultId"]
        self.id = bytes.fromhex(self.id_text.replace("-", ""))
        self.master = self.open_slots(key, digest(header))
        self.key = {kind: kdf(self.master, context, 1) for kind, context in CONTEXT.items()}
        self.chunk_key = kdf(self.master, b"KGchunks", 1)
        self.chunks = {}             # id -> (pack, position, sealed, data length, offset, length)
        self.cache = {}
        self.load_index()

    # -- the store: a file an object --

    def read(self, name, at=0, n=-1):
        with open(os.path.join(self.directory, name), "rb") as f:
            f.seek(at)
            return f.read(n)

    def names(self, prefix):
        found = []
        for folder, folders, files in os.walk(os.path.join(self.directory, prefix)):
            folders[:] = [d for d in folders if not d.startswith(".")]
            for file in files:
                if not file.startswith("."):
                    found.append(os.path.relpath(os.path.join(folder, file), self.directory))
        return sorted(found)

    # -- key slots (section 5) --

    def open_slots(self, key, header_digest):
        holder = 2
        for name in self.names("keys"):
            slot = self.read(name)
            if not name.startswith("keys/recovery-"):
                continue
            demand(len(slot) == 208 and slot[:8] == b"KGSLOT01" and digest(slot[:192])[:16] == slot[192:],
                   f"{name}: the slot is damaged")
            demand(slot[8:24] == self.id and slot[24] == holder and slot[25:32] == bytes(7), f"{name}: a foreign slot")
            demand(slot[40:72] == header_digest, "keepgres-vault: not the header that the slots were made with")
            if slot[72:88] != kdf(key, b"KGholder", 2 * holder)[:16]:
                continue
            ad = associated_data(self.id, MASTER, name, 88) + slot[24:88]
            master = unseal(kdf(key, b"KGholder", 2 * holder - 1), ad, slot[88:160], name)
            mac = hashlib.blake2b(name.encode() + b"\0" + slot[:160], digest_size=32,
                                  key=kdf(master, b"KGslotmc", 1)).digest()
            demand(hmac.compare_digest(mac, slot[160:192]), f"{name}: the slot is not what was written")
            return master
        raise Damage("the recovery key is not one of this vault")

    # -- sealed objects --

    def open_at(self, kind, name, position, sealed):
        what = f"{name} at {position}"
        return open_block(unseal(self.key[kind], associated_data(self.id, kind, name, position), sealed, what),
                          LIMIT[kind], what)

    def open_object(self, kind, magic, name):
        data = self.read(name)
        demand(data[:8] == magic, f"{name}: does not begin with {magic.decode()}")
        return self.open_at(kind, name, 8, data[8:])

    # -- the index (section 7) --

    def add_pack(self, name, segments):
        for position, sealed, length, chunks in segments:
            offset = 0
            for chunk, n in chunks:
                self.chunks.setdefault(chunk, (name, position, sealed, length, offset, n))
                offset += n

    def load_index(self):
        sizes = {name: os.path.getsize(os.path.join(self.directory, name)) for name in self.names("packs")
                 if re.fullmatch(r"packs/([0-9a-f]{2})/\1[0-9a-f]{30}", name)}
        listed = set()
        for name in self.names("index"):
            try:
                data, at = self.open_object(INDEX, b"KGINDX01", name), 0
                while at < len(data):
                    demand(len(data) - at >= 24, f"{name}: cut short")
                    pack, size = data[at:at + 16].hex(), struct.unpack_from("<Q", data, at + 16)[0]
                    segments, at = read_directory(data, at + 24, name)
                    pack = f"packs/{pack[:2]}/{pack}"
                    if sizes.get(pack) == size:
                        listed.add(pack)
                        self.add_pack(pack, segments)
            except Damage as e:
                print(f"warning: {e}; reading the packs' directories", file=sys.stderr)
        for name in sorted(set(sizes) - listed):
            try:
                self.add_pack(name, self.pack_directory(name, sizes[name]))
            except Damage as e:
                print(f"warning: {e}", file=sys.stderr)

    def pack_directory(self, name, size):
        demand(size >= 32 and self.read(name, 0, 8) == b"KGPACK01", f"{name}: not a pack")
        footer = self.read(name, size - 24, 24)
        position, length, zero = struct.unpack_from("<QII", footer)
        demand(footer[16:] == b"KGPEND01" and zero == 0 and position + length + 24 == size, f"{name}: no footer")
        data = self.open_at(DIRECTORY, name, position, self.read(name, position, length))
        segments, end = read_directory(data, 0, name)
        demand(end == len(data) and segments[-1][0] + segments[-1][1] == position, f"{name}: directory and pack differ")
        return segments

    # -- recovery points and streams (sections 8, 9) --

    def points(self):
        return [tuple(name.split("/")[1:]) for name in self.names("points") if name.count("/") == 2]

    def manifest(self, instance, point):
        m = json.loads(self.open_object(POINT, b"KGPOIN01", f"points/{instance}/{point}"))
        demand((m["format"], m["vaultId"], m["instance"], m["point"]) == (1, self.id_text, instance, point),
               f"points/{instance}/{point}: another point's manifest")
        return m

    def hash(self, data):
        if self.hash_name == "hmac-sha256":
            return hmac.new(self.chunk_key, data, "sha256").digest()
        demand(self.hash_name == "blake2b-256", "keepgres-vault: another hash")
        return hashlib.blake2b(data, digest_size=32, key=self.chunk_key).digest()

    def chunk(self, name):
        demand(name in self.chunks, f"chunk {name.hex()[:16]} is in no pack")
        pack, position, sealed, length, offset, n = self.chunks[name]
        data = self.cache.get((pack, position))
        if data is None:
            data = self.open_at(SEGMENT, pack, position, self.read(pack, position, sealed))
            demand(len(data) == length, f"{pack}: a segment has another length")
            if len(self.cache) >= 16:
                self.cache.pop(next(iter(self.cache)))
            self.cache[pack, position] = data
        data = data[offset:offset + n]
        demand(self.hash(data) == name, f"{pack}: a chunk is not the one that the directory names")
        return data

    def ids(self, ids, depth):
        demand(len(ids) % 32 == 0, "a list of chunks has no whole ids")
        for i in range(0, len(ids), 32):
            if depth == 0:
                yield ids[i:i + 32]
            else:
                yield from self.ids(self.chunk(ids[i:i + 32]), depth - 1)

    def stream(self, s):
        n = chunks = 0
        demand(0 <= s["depth"] <= 8, "a stream is too deep")
        ids = base64.b64decode(s["ids"], validate=True)
        demand(len(ids) <= 64 * 32, "a stream has too many ids")
        for name in self.ids(ids, s["depth"]):
            data = self.chunk(name)
            n, chunks = n + len(data), chunks + 1
            demand(n <= s["bytes"] and chunks <= s["chunks"], "a stream is longer than the manifest says")
            yield data
        demand((n, chunks) == (s["bytes"], s["chunks"]), "a stream is shorter than the manifest says")


# ---- what streams hold (section 10) ----

def xxh3(data):
    return xxhash.XXH3_64bits(data, len(data))


def sum_rows(pieces):
    rows = n = checksum = 0
    rest = b""
    for piece in pieces:
        n += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        rows += len(lines)
        checksum += sum(map(xxh3, lines))
    demand(rest == b"", "the last row does not end in a newline")
    return rows, n, checksum % 2**64


def sum_records(pieces):
    rows = n = checksum = 0
    data, oids = b"".join(pieces), set()
    at = 0
    while at < len(data):
        demand(len(data) - at >= 8, "a large object's record is cut short")
        oid, length = struct.unpack_from("<II", data, at)
        demand(length <= MIB and at + 8 + length <= len(data), "a large object's record is too long")
        checksum += xxh3(data[at:at + 8 + length])
        oids.add(oid)
        rows, n, at = rows + 1, n + 8 + length, at + 8 + length
    return len(oids), rows, n, checksum % 2**64


def compare(what, is_now, member):
    wanted = (member["rows"], member["bytes"], int(member["rowChecksum"], 16))
    demand(is_now == wanted, f"{what}: {is_now} where the manifest says {wanted}")


def verify(vault, manifest):
    total_rows = total_bytes = 0
    for t in manifest["tables"]:
        rows = n = checksum = 0
        name = f"{t['schema']}.{t['name']}"
        for s in t["slices"]:
            own = sum_rows(vault.stream(s["stream"]))
            compare(f"a slice of {name}", own, s)
            rows, n, checksum = rows + own[0], n + own[1], (checksum + own[2]) % 2**64
        compare(name, (rows, n, checksum), t)
        total_rows, total_bytes = total_rows + rows, total_bytes + n
    if manifest.get("largeObjects"):
        lo = manifest["largeObjects"]
        count, *own = sum_records(vault.stream(lo["stream"]))
        demand(count == lo["count"], "large objects: another number of them")
        compare("large objects", tuple(own), lo)
    for key in ("archive", "globals"):
        if manifest.get(key):
            data = b"".join(vault.stream(manifest[key]["stream"]))
            demand(key != "archive" or data[:5] == b"PGDMP", "archive: not a custom archive")
    if manifest.get("server"):
        server = json.loads(b"".join(vault.stream(manifest["server"]["stream"])))
        demand(all(r["name"] for r in server["roles"]), "server: a role without a name")
        if manifest["server"].get("passwords"):
            b"".join(vault.stream(manifest["server"]["passwords"]["stream"]))
    demand((len(manifest["tables"]), total_rows, total_bytes)
           == tuple(manifest["totals"][k] for k in ("tables", "rows", "bytes")), "the totals are other ones")
    print(f"verified {len(manifest['tables'])} tables, {total_rows} rows, {total_bytes} bytes")


# ---- test vectors (section 15) ----

def vectors():
    master, vault_id = bytes(range(32)), bytes.fromhex("00112233445566778899aabbccddeeff")
    nonce = bytes(range(0x40, 0x58))
    name = "packs/ab/ab000000000000000000000000000000"
    chunk_key = kdf(master, b"KGchunks", 1)
    chunk = b"keepgres"
    block = bytes([0, 0, 0, 0]) + struct.pack("<I", len(chunk)) + chunk
    ad = associated_data(vault_id, SEGMENT, name, 8)
    gear_key = kdf(master, b"KGgear00", 1)
    yield 'KDF(master, "KGsegmnt", 1)', kdf(master, b"KGsegmnt", 1)
    yield 'KDF(master, "KGchunks", 1)', chunk_key
    yield 'KDF(master, "KGholder", 4), first 16 bytes', kdf(master, b"KGholder", 4)[:16]
    yield "gear[0x61], as u64 in hex", b"%016x" % struct.unpack(
        "<Q", hashlib.blake2b(b"a", digest_size=32, key=gear_key).digest()[:8])
    yield "recovery text of the key 00 01 … 1f", recovery_text(master).encode()
    yield "digest of `keepgres`", digest(b"keepgres")
    yield "id of the chunk `keepgres`, hmac-sha256", hmac.new(chunk_key, chunk, "sha256").digest()
    yield "id of the chunk `keepgres`, blake2b-256", hashlib.blake2b(chunk, digest_size=32, key=chunk_key).digest()
    yield f"AD(2, \"{name}\", 8)", ad
    yield "block of that segment, stored", block
    yield "that block, sealed", seal(kdf(master, CONTEXT[SEGMENT], 1), ad, block, nonce)
    chunk_id = hmac.new(chunk_key, chunk, "sha256").digest()
    yield "directory of the pack", struct.pack("<IIQIII", 1, 1, 8, 40 + len(block), len(chunk), 1) + chunk_id + \
        struct.pack("<I", len(chunk))
    yield "XXH3_64bits of `keepgres`, as a number in hex", b"%016x" % xxh3(b"keepgres")


def is_text(value):
    return all(32 < b < 127 for b in value)


def main(args):
    if args[1:] == ["vectors"]:
        for what, value in vectors():
            print(f"{what}\n    {value.decode() if is_text(value) else value.hex()}")
        return 0
    if len(args) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    vault = Vault(args[0], recovery_key(sys.stdin.read()))
    command, rest = args[1], args[2:]
    if command == "points":
        for instance, point in vault.points():
            print(instance, point)
        return 0
    manifest = vault.manifest(rest[0], rest[1])
    if command == "manifest":
        json.dump(manifest, sys.stdout, indent=2)
        print()
    elif command == "rows":
        table = [t for t in manifest["tables"] if f"{t['schema']}.{t['name']}" == rest[2]]
        demand(len(table) == 1, f"no table {rest[2]}")
        for s in table[0]["slices"]:
            for piece in vault.stream(s["stream"]):
                sys.stdout.buffer.write(piece)
    elif command == "stream":
        for key in rest[2].split("."):
            manifest = manifest[int(key)] if isinstance(manifest, list) else manifest[key]
        for piece in vault.stream(manifest["stream"]):
            sys.stdout.buffer.write(piece)
    elif command == "verify":
        verify(vault, manifest)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Damage, OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
