"""What a link holds, as text: option names as people write them, and selected rows."""

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence

import numpy as np

# Servers and chat programs take a link of some thousand characters; longer ones get cut off.
LONGEST = 3000
LONGEST_NAME = 40
_IDENTITY = 8  # characters that tell models apart


def option(asked: str, options: Sequence, text: Callable = str):
    """The option that is meant, by title or by name, whatever the case; None for no such one."""
    wanted = asked.strip().casefold()
    return next((o for o in options if wanted in (text(o).casefold(), str(o).casefold())), None)


def row_id(text: str) -> int | None:
    """The row id that a text spells; ids are below 2**53, so that JavaScript has them exactly."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else None


def pack(selected: Sequence[int], rows: np.ndarray) -> str | None:
    """Selected row ids among `rows` (N,) as text: one bit a row, compressed; None where it is too long for a link."""
    bits = np.packbits(np.isin(rows, selected))
    packed = base64.urlsafe_b64encode(zlib.compress(bits.tobytes(), 9)).decode().rstrip("=")
    text = f"{len(rows)}.{packed}"
    return text if len(text) <= LONGEST else None


def unpack(text: str, rows: np.ndarray) -> tuple[int, ...] | None:
    """The row ids that `pack` wrote; None where the text is none of its, or is about another number of rows."""
    count, _, packed = text.partition(".")
    if count != str(len(rows)):
        return None
    size = -(-len(rows) // 8)
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        raw = zlib.decompressobj().decompress(data, size + 1)  # no more than a selection can be
    except (binascii.Error, ValueError, zlib.error):
        return None
    if len(raw) != size:
        return None
    chosen = np.unpackbits(np.frombuffer(raw, np.uint8), count=len(rows)).astype(bool)
    return tuple(int(r) for r in np.sort(rows[chosen])) or None


def pack_code(name: str, identity: str, code: np.ndarray) -> str:
    """A code or direction (D,) of the model with that identity, under a name without dots, as text."""
    packed = base64.urlsafe_b64encode(code.astype("<f4").tobytes()).decode().rstrip("=")
    return f"{name}.{identity[:_IDENTITY]}.{packed}"


def unpack_code(text: str) -> tuple[str, str, np.ndarray] | None:
    """Name, beginning of the model's identity and code (D,) that `pack_code` wrote; None where it did not."""
    name, identity, packed = (*text.split("."), "", "")[:3]
    if not 0 < len(name) <= LONGEST_NAME or len(identity) != _IDENTITY or text.count(".") != 2:
        return None
    try:
        code = np.frombuffer(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), "<f4")
    except (binascii.Error, ValueError):
        return None
    return (name, identity, code) if len(code) and np.isfinite(code).all() else None
