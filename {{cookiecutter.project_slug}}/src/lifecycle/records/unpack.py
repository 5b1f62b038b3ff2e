"""Unpacks a bundle that anybody may have made: nothing is believed before it is checked.

A bundle is a gzip file of a plain tar archive: first `manifest.json` with size and SHA-256 of every
other file, then exactly these files. The archive is read block by block, so that no header can ask
for memory, and no file grows beyond what the manifest has promised. No byte is left unchecked:
headers are those that `pack` writes, and there is nothing between or behind them.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from lifecycle.contract.files import parse_strict
from lifecycle.contract.section import Section, first_mistake

MANIFEST, FACTS, BENTO = "manifest.json", "version.json", "bento"
# As `pack` writes it: without name and time, so that no byte of a bundle is left unchecked.
GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
BLOCK, RECORD, CHUNK = tarfile.BLOCKSIZE, tarfile.RECORDSIZE, 1 << 20
MANIFEST_BYTES, FILES = 1_000_000, 2_000
# What is compiled would run instead of the code beside it, which is what people read.
COMPILED = r"(?i:(?:__pycache__|[^/]*\.(?:py[cdo]|so|dll|dylib))(?:/|$))"
PART = r"(?!\.{1,2}(?:/|$)|" + COMPILED + r")[A-Za-z0-9._-]{1,80}"
NAME = re.compile(r"version\.json|bento(?:/" + PART + r"){1,8}")


class BundleError(Exception):
    """A file is no bundle; why."""


class Entry(Section, strict=True):
    """One file of a bundle."""

    size: int = Field(ge=0)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(Section, strict=True):
    """Every file of a bundle but the manifest itself."""

    # As a number: true and 1.0 are equal to it, and not what `pack` writes.
    format: int = Field(ge=1, le=1)
    files: dict[str, Entry] = Field(min_length=2, max_length=FILES)


class Packed:
    """The content of a gzip file of one member, read in pieces of a size that is asked for."""

    def __init__(self, raw: BufferedReader) -> None:
        """Begin where `raw` stands."""
        self._raw, self._member, self._waiting = raw, zlib.decompressobj(wbits=31), b""
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only where it ends.

        Raises:
            zlib.error: it is no gzip file, or its content is another than was packed.
        """
        if size < 0:
            raise ValueError("a size is negative")
        found = bytearray()
        while len(found) < size and not self._member.eof:
            given = self._waiting or self._raw.read(CHUNK)
            part = self._member.decompress(given, size - len(found))
            self._waiting = self._member.unconsumed_tail
            if not given and not part:
                raise EOFError("it is cut off")
            found += part
        self.position += len(found)
        return bytes(found)

    def is_at_end(self) -> bool:
        """Say whether there is nothing more, neither of the member nor behind it."""
        return not self.read(1) and not self._member.unused_data and not self._raw.read(1)


def unpack(raw: BufferedReader, target: Path, most_bytes: int) -> None:
    """Unpack a bundle below `target`, an empty folder; no file of it may be larger.

    Raises:
        BundleError: it is no bundle; `target` may hold a part of it.
    """
    if raw.read(len(GZIP)) != GZIP:
        raise BundleError("it is no gzip file that `make bundle` wrote")
    raw.seek(0)
    try:
        _unpack(Packed(raw), target, most_bytes)
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise BundleError(str(error) or type(error).__name__) from None


def _unpack(packed: Packed, target: Path, most_bytes: int) -> None:
    name, size = _header(packed)
    if name != MANIFEST or size > MANIFEST_BYTES:
        raise BundleError(f"it does not begin with {MANIFEST}")
    waiting = _manifest(_read(packed, size), most_bytes)
    _skip_padding(packed, size)
    while waiting:
        name, size = _header(packed)
        entry = waiting.pop(name, None)
        if entry is None or entry.size != size:
            raise BundleError("it holds a file that its manifest does not list")
        _write(packed, target / name, entry)
        _skip_padding(packed, size)
    # Two blocks of zeros, and more of them up to a whole record.
    left = 2 * BLOCK + -(packed.position + 2 * BLOCK) % RECORD
    if any(_read(packed, left)) or not packed.is_at_end():
        raise BundleError("it does not end behind its last file")


def _manifest(content: bytes, most_bytes: int) -> dict[str, Entry]:
    """Return what the manifest promises; every name is one that may become a path."""
    try:
        files = Manifest.model_validate(parse_strict(content)).files
    except ValidationError as error:
        raise BundleError(f"{MANIFEST}: {first_mistake(error)}") from None
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    for name, entry in files.items():
        if not NAME.fullmatch(name) or name in folders:
            raise BundleError("a file has a name that no bundle has")
        if entry.size > most_bytes:
            raise BundleError(f"a file is larger than {most_bytes} bytes")
    # On some disks names that differ in capitals only are one.
    if len({name.casefold() for name in files}) != len(files):
        raise BundleError("two files have one name")
    if sum(entry.size for entry in files.values()) > 2 * most_bytes:
        raise BundleError(f"it would unpack to more than {2 * most_bytes} bytes")
    return dict(files)


def header(name: str, size: int) -> tarfile.TarInfo:
    """Return a file's header as `pack` writes it: without who made the file, and when."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def _header(packed: Packed) -> tuple[str, int]:
    block = _read(packed, BLOCK)
    member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    if member.type != tarfile.REGTYPE:
        raise BundleError("it holds something else than plain files")
    # Every other way to write a number, a negative one too, is refused with this.
    plain = header(member.name, member.size)
    if member.size < 0 or plain.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") != block:
        raise BundleError("a file has a header that no bundle has")
    return member.name, member.size


def _read(packed: Packed, size: int) -> bytes:
    content = packed.read(size)
    if len(content) != size:
        raise EOFError("it is cut off")
    return content


def _skip_padding(packed: Packed, size: int) -> None:
    if any(_read(packed, -size % BLOCK)):
        raise BundleError("it holds something between its files")


def _write(packed: Packed, path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), entry.size
    with path.open("xb") as file:
        while left:
            content = _read(packed, min(left, CHUNK))
            left -= len(content)
            digest.update(content)
            file.write(content)
    if digest.hexdigest() != entry.sha256:
        raise BundleError("a file is another than its manifest says")
