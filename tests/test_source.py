from __future__ import annotations

import ast
import io
import random
import subprocess
import sys
import time
import tokenize
from pathlib import Path

import libcst
import pytest

from kerasmigrate import source
from kerasmigrate.errors import SourceError
from kerasmigrate.source import Source, parse_error_reason, read_bytes, speaks_of_keras

BOM = b"\xef\xbb\xbf"
ROOT = Path(__file__).parent.parent


def decode(data: bytes) -> Source:
    return Source.decode(data, "m.py")


def error_of(data: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        decode(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom", "newline"),
    [
        pytest.param(b"", "", "utf-8", False, "\n", id="empty"),
        pytest.param(BOM, "", "utf-8", True, "\n", id="only a bom"),
        pytest.param(b"x = 1", "x = 1", "utf-8", False, "\n", id="one line"),
        pytest.param(b"a\r\nb\r\n", "a\r\nb\r\n", "utf-8", False, "\r\n", id="crlf"),
        pytest.param(b"a\rb\r", "a\rb\r", "utf-8", False, "\r", id="cr"),
        pytest.param(b"a\nb\r\nc\r\n", "a\nb\r\nc\r\n", "utf-8", False, "\r\n", id="mixed"),
        pytest.param(b"a\r\nb\n", "a\r\nb\n", "utf-8", False, "\r\n", id="tie"),
        pytest.param(b"a\n\rb", "a\n\rb", "utf-8", False, "\n", id="lf cr"),
        pytest.param(b"\x0ca\tb\x0b\n", "\x0ca\tb\x0b\n", "utf-8", False, "\n", id="form feed"),
        pytest.param(BOM + b"a\n", "a\n", "utf-8", True, "\n", id="bom"),
        pytest.param(BOM + BOM, "\ufeff", "utf-8", True, "\n", id="two boms"),
        pytest.param(
            BOM + b"# coding: utf-8\n",
            "# coding: utf-8\n",
            "utf-8",
            True,
            "\n",
            id="bom and cookie",
        ),
        pytest.param("é\u2028日".encode(), "é\u2028日", "utf-8", False, "\n", id="utf-8"),
        pytest.param(
            b"# -*- coding: latin-1 -*-\n\xe9\x85",
            "# -*- coding: latin-1 -*-\né\x85",
            "iso-8859-1",
            False,
            "\n",
            id="latin-1",
        ),
        pytest.param(
            b"#!/usr/bin/python\r# vim: fileencoding=cp1252\r\x80",
            "#!/usr/bin/python\r# vim: fileencoding=cp1252\r€",
            "cp1252",
            False,
            "\r",
            id="cookie in line 2 of cr",
        ),
        pytest.param(
            b"# coding: utf-8-unix\n", "# coding: utf-8-unix\n", "utf-8", False, "\n", id="emacs"
        ),
        pytest.param(
            "# coding: gbk\n日本".encode("gbk"), "# coding: gbk\n日本", "gbk", False, "\n", id="gbk"
        ),
        # Python reads this one, though the tokenize module does not.
        pytest.param(
            b"# coding: latin-1 \xe9\n", "# coding: latin-1 é\n", "iso-8859-1", False, "\n", id="é"
        ),
        pytest.param(
            b"x = 1\n# coding: latin-1\n",
            "x = 1\n# coding: latin-1\n",
            "utf-8",
            False,
            "\n",
            id="late",
        ),
        pytest.param(
            b"\n\n# coding: latin-1\n", "\n\n# coding: latin-1\n", "utf-8", False, "\n", id="line 3"
        ),
    ],
)
def test_decode_and_encode(data: bytes, text: str, encoding: str, bom: bool, newline: str) -> None:
    found = decode(data)
    assert found == Source("m.py", data, text, encoding, bom)
    assert found.newline == newline
    assert found.encode(found.text) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"x = 1\r\ny = '\xe9'\n",
            "m.py: line 2: byte 0xE9 is not UTF-8; "
            "declare the encoding (# -*- coding: latin-1 -*-) or save it as UTF-8",
        ),
        (
            b"# coding: ascii\n\n\xe9",
            "m.py: line 3: byte 0xE9 is not ASCII; "
            "the coding cookie says ascii; correct it or the file",
        ),
        (
            BOM + b"# coding: utf_8\n\xff",
            "m.py: line 2: byte 0xFF is not UTF-8; "
            "the coding cookie says utf_8; correct it or the file",
        ),
        (
            BOM + b"# coding: utf8\n",  # Python refuses this spelling beside the mark, too
            "m.py: line 1: the coding cookie says utf8, but the file starts "
            "with the UTF-8 byte order mark; remove one of them",
        ),
        (b"# coding: nonsense\n", "m.py: line 1: unknown encoding 'nonsense' in the coding cookie"),
        (b"\n# coding: foo-8\n", "m.py: line 2: unknown encoding 'foo-8' in the coding cookie"),
        (
            BOM + b"# coding: latin-1\n",
            "m.py: line 1: the coding cookie says latin-1, but the file starts "
            "with the UTF-8 byte order mark; remove one of them",
        ),
        (b"a\nb\0\n", "m.py: line 2: NUL byte; Python source cannot hold one"),
        (
            "é".encode("utf-16"),
            "m.py: UTF-16, which Python cannot read; save it as UTF-8",
        ),
        (
            b"# coding: utf-7\n+AGE-\n",
            "m.py: does not come back the same from utf-7; save it as UTF-8",
        ),
        (
            b"#" * 2_000_001,
            "m.py: too large: 2.0 MB, the limit is 2 MB; left as it is",
        ),
        (
            b"x = 1\n" + b"#" * 500_001,
            "m.py: line 2: too large: more than 500000 characters in one line; left as it is",
        ),
    ],
)
def test_what_cannot_be_decoded(data: bytes, message: str) -> None:
    assert error_of(data) == message


def test_a_cookie_that_names_no_text_encoding() -> None:
    assert error_of(b"# coding: rot13\n").startswith("m.py: cannot be decoded as rot13: ")


def test_the_limit_can_be_lifted() -> None:
    data = b"x = 1\n" * 900_000
    assert "too large: 5.4 MB" in error_of(data)
    assert Source.decode(data, "m.py", limited=False).encode("") == b""
    assert decode(b"#" * 500_000).text == "#" * 500_000


def test_encoding_a_character_that_the_file_does_not_have() -> None:
    found = decode(b"# coding: latin-1\r\n")
    with pytest.raises(SourceError) as caught:
        found.encode("# coding: latin-1\r\n\r\nx = '€'\r\n")
    assert str(caught.value) == (
        "m.py: line 3: '\\u20ac' cannot be written in iso-8859-1; save the file as UTF-8 first"
    )


def test_utf8_cookie_beside_invalid_bom() -> None:
    assert decode(BOM + b"# coding: UTF_8\n").encoding == "utf-8"


def test_random_bytes_come_back_or_are_refused() -> None:
    """Never a byte lost; and ASCII that Python compiles is never refused."""
    rng = random.Random(5)
    pieces = [
        *(b"\n", b"\r", b"\r\n", b"\x0c", b"\t", b" ", b"a", b"#", b"'", b"\xe9", b"\xc3\xa9"),
        *(BOM, b"\0", b"\xe2\x80\xa8", b"\x85", b"# coding: latin-1", b"# coding=utf-8", b"\xff"),
        *(b"# coding: ascii", b"# vim: set fileencoding=cp1252 :", b"# coding: shift_jis", b"\\"),
    ]
    decoded = 0
    for _ in range(4000):
        data = b"".join(rng.choices(pieces, k=rng.randrange(8)))
        try:
            found = decode(data)
        except SourceError as error:
            assert str(error).startswith("m.py: ")
            assert "\n" not in str(error)
            if data.isascii() and b"\0" not in data:
                with pytest.raises(SyntaxError):
                    compile(data, "m.py", "exec")
            continue
        decoded += 1
        assert found.encode(found.text) == data
        assert found.text.encode(found.encoding) == data.removeprefix(BOM if found.bom else b"")
    assert decoded > 1000


def test_encodings_are_those_of_tokenize() -> None:
    rng = random.Random(6)
    lines = [b"", b"# a", b"x = 1", b"\x0c # coding: latin-1", b"# -*- coding: utf-8 -*-", b"'''"]
    lines += [
        b"#coding:cp1252",
        b"# encoding=Latin-1-dos",
        b"x # coding: ascii",
        b"# coding : koi8-r",
    ]
    for _ in range(500):
        data = b"\n".join(rng.choices(lines, k=4))
        theirs, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        assert decode(data).encoding == theirs


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"import keras", True),
        (b"from tensorflow.Keras import x", True),
        (b"KERAS_BACKEND", True),
        (b"# \xff\0 keras", True),
        (b"import tensorflow as tf\ntf.layers.dense(x)", True),
        (b"from tensorflow import layers", True),
        (b"from common import tf\nx = tf . contrib . layers", True),
        (b"tf.compat.v1.layers", True),
        (b"import tensorflow as tf\ntf.optimizers.SGD(0.1)", True),
        (b"import tensorflow\ntensorflow.losses.Huber()", True),
        (b"import tensorflow as tf\ntf.losses.huber_loss(a, b)", False),
        (b"optimizers.SGD(0.1)", False),
        (b"import torch\nlayers = 3", False),
        (b"import tensorflow as tf\ntf.constant(1)", False),
        (b"sftf.layers", False),
        (b"", False),
        (b"kera s", False),
    ],
)
def test_speaks_of_keras(data: bytes, expected: bool) -> None:
    assert speaks_of_keras(data) is expected


def test_the_gate_costs_microseconds() -> None:
    data = b"import torch\nlayers = tf_idf(1)  # something\n" * 25_000
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        assert not speaks_of_keras(data)
        best = min(best, time.process_time() - start)
    assert best / (len(data) / 1000) < 20e-6


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_bytes(b"x = 1\r\n")
    assert Source.read(path, "pkg/m.py") == Source(
        "pkg/m.py", b"x = 1\r\n", "x = 1\r\n", "utf-8", False
    )
    assert Source.read(path).name == path.as_posix()


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in {
        "missing.py": "cannot be read: No such file or directory",
        ".": "cannot be read: Is a directory",
        "loop": "cannot be read: Too many levels of symbolic links",
        "a\0b": "cannot be read: not a valid file name",
    }.items():
        with pytest.raises(SourceError) as caught:
            read_bytes(tmp_path / name, "m.py")
        assert str(caught.value) == f"m.py: {reason}"
    monkeypatch.setattr(source, "MAX_READ", 10)
    (tmp_path / "huge.py").write_bytes(b"x" * 11)
    with pytest.raises(SourceError) as caught:
        read_bytes(tmp_path / "huge.py", "m.py")
    assert str(caught.value) == "m.py: too large: more than 0 MB; left as it is"


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from kerasmigrate.errors import SourceError
from kerasmigrate.source import Source
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Source.read(Path(sys.argv[1]), "m.py")
except SourceError as error:
    print(error)
"""


def test_unreadable_file() -> None:
    """As another user when we are root, whom no permission bits bind."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = Path(name) / "m.py"
        path.write_bytes(b"import keras\n")
        path.chmod(0o000)
        done = subprocess.run(
            [sys.executable, "-c", READ_AS_NOBODY, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert (done.stdout, done.stderr) == ("m.py: permission denied; left as it is\n", "")


def reason(text: str) -> str:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return parse_error_reason(text, error)
    raise AssertionError(text)


def test_parse_error_reason() -> None:
    assert reason("x = 1\nprint 'a'\n") == (
        "line 2: Python 2 print statement; rerun with --python2 to modernise it first"
    )
    assert reason("x = 1\r\nx = = 1\r\n") == "line 2: invalid syntax"
    with pytest.raises(libcst.ParserSyntaxError) as caught:
        libcst.parse_module("x = 1\nx = = 1\n")
    found = parse_error_reason("x = 1\nx = = 1\n", caught.value)
    assert found.startswith("line 2: ") and "\n" not in found
    assert parse_error_reason("x", RecursionError("deep\nly")) == "nested too deeply for the parser"
    assert parse_error_reason("x", ValueError("a\n  b")) == "a b"
    assert parse_error_reason("x", ValueError()) == "ValueError"
    assert parse_error_reason("x = 1", "said already") == "said already"
