"""Bytes to text and back, without losing one.

Everything that an editor does on loading and saving a file (guessing encodings, unifying newlines,
dropping a byte order mark) is kept out: the text has the newlines that the file has, and unchanged
text encodes to the bytes that were read.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate.errors import SourceError

#: Bytes above which a file is taken for generated data and left whole.
MAX_BYTES = 2_000_000

#: Characters above which one line is taken for generated data.
MAX_LINE = 500_000

#: Bytes above which a file is not even read.
MAX_READ = 100_000_000

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_TEXT_NEWLINE = re.compile(r"\r\n|\r|\n")
_LONG_LINE = re.compile(rf"[^\r\n]{{{MAX_LINE + 1}}}")

# PEP 263: in one of the first two lines, the second only when the first is blank or a comment.
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#|$)")

# The look-behind comes after the literal, which lets the engine search for it quickly.
_TF_LAYERS = re.compile(rb"tf(?<!\wtf)\s*\.\s*(?:contrib|compat|layers)\b")
_TF_SHORT = re.compile(
    rb"(?:tf|tensorflow)(?<!\wtf)\s*\.\s*(?:optimizers|(?:losses|metrics|initializers)\.[A-Z])"
)


def speaks_of_keras(data: bytes) -> bool:
    """Tell whether a file can have anything to do with Keras.

    Cheap and generous: true for any mention of ``keras`` in any case, and for ``layers`` together
    with TensorFlow (``tf.layers``, ``tf.contrib.layers``), and for the short names of TensorFlow 2
    (``tf.optimizers``, ``tf.losses.Huber``). A file for which it is false need not be decoded or
    parsed.
    """
    if b"keras" in data or b"keras" in data.lower():
        return True
    if b"tensorflow" in data and _TF_SHORT.search(data) is not None:
        return True
    if b"layers" not in data:
        return False
    return b"tensorflow" in data or _TF_LAYERS.search(data) is not None


def read_bytes(path: Path, name: str = "") -> bytes:
    """Read a file.

    Args:
        path: The file.
        name: What to call it in an error; the path when empty.

    Raises:
        SourceError: It cannot be read, or is larger than ``MAX_READ``.
    """
    name = name or path.as_posix()
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_READ + 1)
    except PermissionError as error:
        raise SourceError(f"{name}: permission denied; left as it is") from error
    except ValueError as error:
        raise SourceError(f"{name}: cannot be read: not a valid file name") from error
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_READ:
        raise SourceError(f"{name}: too large: more than {MAX_READ // 1_000_000} MB; left as it is")
    return data


@dataclass(frozen=True)
class Source:
    """One Python source file as text, with all it takes to write the same bytes back.

    Attributes:
        name: What to call it in messages.
        data: The bytes as read.
        text: The decoded text without the byte order mark, with its own newlines.
        encoding: Name of the codec.
        bom: True when the file starts with the UTF-8 byte order mark.
    """

    name: str
    data: bytes
    text: str
    encoding: str
    bom: bool

    @classmethod
    def read(cls, path: Path, name: str = "", *, limited: bool = True) -> Source:
        """Read and decode a file.

        Raises:
            SourceError: As for `read_bytes` and `decode`.
        """
        name = name or path.as_posix()
        return cls.decode(read_bytes(path, name), name, limited=limited)

    @classmethod
    def decode(cls, data: bytes, name: str, *, limited: bool = True) -> Source:
        """Decode the bytes of a file as Python would.

        Args:
            data: The bytes.
            name: What to call the file in messages.
            limited: Refuse what is too large to be written by hand (`MAX_BYTES`, `MAX_LINE`).

        Raises:
            SourceError: NUL bytes, an unknown or contradictory coding cookie, bytes that the
                encoding does not have, bytes that would not come back, or too large.
        """
        if limited and len(data) > MAX_BYTES:
            size, limit = len(data) / 1_000_000, MAX_BYTES / 1_000_000
            raise SourceError(
                f"{name}: too large: {size:.1f} MB, the limit is {limit:.0f} MB; left as it is"
            )
        bom = data.startswith(codecs.BOM_UTF8)
        body = data[len(codecs.BOM_UTF8) :] if bom else data
        if b"\0" in body:
            raise SourceError(_nul_message(data, name))
        encoding, declared = _encoding(body, bom, name)
        try:
            text = body.decode(encoding)
            faithful = text.encode(encoding) == body
        except UnicodeDecodeError as error:
            line = _line_of(body, error.start)
            byte = f"byte 0x{body[error.start]:02X}" if error.start < len(body) else "the end"
            advice = (
                f"the coding cookie says {declared}; correct it or the file"
                if declared
                else "declare the encoding (# -*- coding: latin-1 -*-) or save it as UTF-8"
            )
            message = f"{name}: line {line}: {byte} is not {encoding.upper()}; {advice}"
            raise SourceError(message) from error
        except (UnicodeError, LookupError, ValueError) as error:
            raise SourceError(f"{name}: cannot be decoded as {encoding}: {error}") from error
        if not faithful:
            raise SourceError(
                f"{name}: does not come back the same from {encoding}; save it as UTF-8"
            )
        long_line = _LONG_LINE.search(text) if limited and len(text) > MAX_LINE else None
        if long_line is not None:
            line = _line_of(text.encode("utf-8"), len(text[: long_line.start()].encode("utf-8")))
            raise SourceError(
                f"{name}: line {line}: too large: more than {MAX_LINE} characters in one line; "
                "left as it is"
            )
        return cls(name, data, text, encoding, bom)

    def encode(self, text: str) -> bytes:
        """Encode a new text for this file, with the same encoding and byte order mark.

        Raises:
            SourceError: The encoding of the file does not have one of the characters.
        """
        try:
            body = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = len(_TEXT_NEWLINE.findall(text[: error.start])) + 1
            raise SourceError(
                f"{self.name}: line {line}: {error.object[error.start]!a} cannot be written "
                f"in {self.encoding}; save the file as UTF-8 first"
            ) from error
        return codecs.BOM_UTF8 + body if self.bom else body

    @property
    def newline(self) -> str:
        r"""The newline that most lines end with; the first one of equals; ``"\n"`` if none."""
        first = _TEXT_NEWLINE.search(self.text)
        if first is None:
            return "\n"
        pairs = self.text.count("\r\n")
        counts = {
            "\r\n": pairs,
            "\n": self.text.count("\n") - pairs,
            "\r": self.text.count("\r") - pairs,
        }
        most = max(counts.values())
        return first[0] if counts[first[0]] == most else max(counts, key=lambda each: counts[each])


def parse_error_reason(text: str, error: Exception | str) -> str:
    """Say in one line why a text does not parse, and what to do.

    Args:
        text: The source text.
        error: What ``ast.parse`` or ``libcst.parse_module`` raised, of which the message, the line
            number (``lineno`` or ``raw_line``) and the type are used, or what to say as it is.
    """
    from kerasmigrate.python2 import is_python2

    old = is_python2(text)
    if old is not None:
        line, what = old
        return f"line {line}: Python 2 {what}; rerun with --python2 to modernise it first"
    line = getattr(error, "lineno", None) or getattr(error, "raw_line", None) or 0
    if isinstance(error, (RecursionError, MemoryError)):
        message = "nested too deeply for the parser"
    else:
        message = getattr(error, "msg", "") or getattr(error, "message", "") or str(error)
    message = " ".join(message.split()) or type(error).__name__
    return f"line {line}: {message}" if line else message


def _encoding(body: bytes, bom: bool, name: str) -> tuple[str, str]:
    """Return the codec of a file, and the cookie that asked for it (empty without one)."""
    lines = _NEWLINE.split(body[:4096], maxsplit=2)[:2]
    for number, line in enumerate(lines, 1):
        found = _COOKIE.match(line)
        if found is None:
            if not _BLANK.match(line):
                break
            continue
        declared = found[1].decode("ascii", "replace")
        encoding = _normal(declared)
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            message = f"{name}: line {number}: unknown encoding {declared!r} in the coding cookie"
            raise SourceError(message) from error
        if bom and encoding != "utf-8":
            raise SourceError(
                f"{name}: line {number}: the coding cookie says {declared}, but the file starts "
                "with the UTF-8 byte order mark; remove one of them"
            )
        return encoding, declared
    return "utf-8", ""


def _normal(declared: str) -> str:
    """Spell an encoding as Python's tokenizer does: ``utf-8-unix`` is UTF-8, as Emacs writes it."""
    short = declared[:12].lower().replace("_", "-")
    if short == "utf-8" or short.startswith("utf-8-"):
        return "utf-8"
    for latin in ("latin-1", "iso-8859-1", "iso-latin-1"):
        if short == latin or short.startswith(latin + "-"):
            return "iso-8859-1"
    return declared


def _nul_message(data: bytes, name: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"{name}: UTF-16, which Python cannot read; save it as UTF-8"
    line = _line_of(data, data.index(b"\0"))
    return f"{name}: line {line}: NUL byte; Python source cannot hold one"


def _line_of(data: bytes, offset: int) -> int:
    return len(_NEWLINE.findall(data[:offset])) + 1
