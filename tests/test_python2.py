from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import fissix
import pytest

from kerasmigrate import python2
from kerasmigrate.errors import SourceError
from kerasmigrate.python2 import COMPARISON, DIVISION, Modernised, is_python2, modernise

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\nprint "a"\n', (2, "print statement")),
        ("print\nprint 1,\n", (2, "print statement")),
        ("print >>f, 1\nprint 2\n", (1, "print statement")),
        ("x = 1\nexec code in space\n", (2, "exec statement")),
        ('exec "x = 1"\n', (1, "exec statement")),
        ("try:\n    pass\nexcept E, e:\n    pass\n", (3, "except clause with a comma")),
        ("raise E, 'm'\n", (1, "raise statement with a comma")),
        ("def f(a, (b, c)):\n    pass\n", (1, "tuple parameter")),
        ("f = lambda (a, b): a\n", (1, "tuple parameter")),
        ("x = `y`\n", (1, "backticks")),
        ("if a <> b: pass\n", (1, "<> operator")),
        ("x = 0755\n", (1, "octal literal")),
        ("x = [\n    10L]\n", (2, "long literal")),
        ("x = ur'a'\n", (1, "ur'' string")),
        ("x = 1\r\ny = 2\r\nprint x\r\n", (3, "print statement")),
        ("x = 1\rprint x", (2, "print statement")),
        # print is a function already, and yet the file is Python 2.
        ("print(1, file=f)\nraise E, 'm'\n", (2, "raise statement with a comma")),
        (
            "from __future__ import print_function\nprint(1, file=f)\nx = 1L\n",
            (3, "long literal"),
        ),
    ],
)
def test_python2_is_recognised_by_the_first_thing_that_is_typical(
    text: str, expected: tuple[int, str]
) -> None:
    assert is_python2(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "print(1)\n",
        "print\n",
        "x = u'a'\n",
        "x = 0\ny = 00\n",
        "def f(:\n",
        "x = = 3\n",
        "f(a=1, b)\n",  # fissix reads it, Python never did
        "async = 1\nasync def f(): pass\n",
        'print "a\n',
        "x = (\n",
        "  print 'a'\n x\n",
        "match x:\n    case 1: pass\n",
        "\0",
        "(" * 5000,
    ],
)
def test_not_python2(text: str) -> None:
    assert is_python2(text) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print 'a', b\n", "print('a', b)\n"),
        ("print 'a',\n", "print('a', end=' ')\n"),
        ("print >>f, 'a'\nprint\nx = 1L\n", "print('a', file=f)\nprint()\nx = 1\n"),
        ("print ('a', b)\nprint c\n", "print(('a', b))\nprint(c)\n"),
        ("try: pass\nexcept (A, B), e: pass\n", "try: pass\nexcept (A, B) as e: pass\n"),
        ("raise E, 'm'\n", "raise E('m')\n"),
        ("raise E, 'm', t\n", "raise E('m').with_traceback(t)\n"),
        ("if d.has_key(k) and a <> b: pass\n", "if k in d and a != b: pass\n"),
        ("x = 0777 + 10L\n", "x = 0o777 + 10\n"),
        ("x = `y`\n", "x = repr(y)\n"),
        ("exec code in space\n", "exec(code, space)\n"),
        ("print unicode(x), u'a', ur'b'\n", "print(str(x), 'a', r'b')\n"),
        ("print '\\u0041'\n", "print('\\\\u0041')\n"),
        ("for i in xrange(3): print i\n", "for i in range(3): print(i)\n"),
        ("x = 1L\nfor k, v in d.iteritems(): pass\n", "x = 1\nfor k, v in d.items(): pass\n"),
        ("print d.keys()[0]\n", "print(list(d.keys())[0])\n"),
        ("print map(f, x), zip(a, b)\n", "print(list(map(f, x)), list(zip(a, b)))\n"),
        ("print raw_input('?'), input()\n", "print(input('?'), eval(input()))\n"),
        ("import cPickle as pickle\nprint 1\n", "import pickle as pickle\nprint(1)\n"),
        ("print it.next()\n", "print(next(it))\n"),
        (
            "class A:\n    def next(self): raise E, 1\n    def __nonzero__(self): pass\n",
            "class A:\n    def __next__(self): raise E(1)\n    def __bool__(self): pass\n",
        ),
        ("print isinstance(x, basestring)\n", "print(isinstance(x, str))\n"),
        ("print sys.maxint\n", "print(sys.maxsize)\n"),
        # Implicit relative imports cannot be told from absolute ones by the text alone.
        ("import models\nprint 1\n", "import models\nprint(1)\n"),
        # What is not Python 2 stays, to the space.
        ("x = {'a':1 ,'b':2}  # c\n\n\n\nprint x\n", "x = {'a':1 ,'b':2}  # c\n\n\n\nprint(x)\n"),
        ("x = 1\n\x0c\nprint x\n", "x = 1\n\x0c\nprint(x)\n"),
        ("if x:\n\tprint x\n", "if x:\n\tprint(x)\n"),
        ("# é\nprint u'日本'\n", "# é\nprint('日本')\n"),
    ],
)
def test_modernise(before: str, after: str) -> None:
    assert modernise(before, "m.py") == Modernised(after)
    assert modernise(after, "m.py") == Modernised(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print 1", "print(1)"),
        ("print 1\r\nx = 2\r\n", "print(1)\r\nx = 2\r\n"),
        ("print 1\r\nx = 2", "print(1)\r\nx = 2"),
        ("print 1\rx = 2\r", "print(1)\rx = 2\r"),
        ("print 1\nx = 2\r\ny = 3\rz = 4", "print(1)\nx = 2\r\ny = 3\rz = 4"),
        ("x = 2\r\nprint 1\ny = 3\r\nz = 4\n", "x = 2\r\nprint(1)\ny = 3\r\nz = 4\n"),
        # A line is added; the others keep their newlines.
        (
            "import os\r\nx = 1L\ny = reduce(f, x)\r\n",
            "import os\r\nfrom functools import reduce\r\nx = 1\ny = reduce(f, x)\r\n",
        ),
        ("\n\n\nprint 1\n\n\n", "\n\n\nprint(1)\n\n\n"),
    ],
)
def test_newlines_stay(before: str, after: str) -> None:
    assert modernise(before, "m.py").text == after


def test_python3_comes_back_unchanged() -> None:
    text = "x = d.keys()\r\nprint(x / 2)"
    assert modernise(text, "m.py") == Modernised(text)


def test_notes_name_what_the_text_does_not_tell() -> None:
    text = (
        "from functools import partial\n"
        "print a / b\n"
        "c = 1.0 / b + a / 2. + float(a) / b + a * 0.5 / b + (a + 1e3) / b\n"
        "c /= 2\n"
        "c /= -2.0\n"
        "x = reduce(f, a) // 2\n"
        "y = sorted(a, cmp=f)\n"
        "d = 0xE / a\n"
    )
    assert modernise(text, "m.py").notes == (
        (2, DIVISION),
        (4, DIVISION),
        (7, COMPARISON),
        (8, DIVISION),
    )
    assert (
        modernise("from __future__ import (absolute_import, division)\nprint a / b\n", "m").notes
        == ()
    )


def test_notes_of_the_fixers() -> None:
    text = "print 1\n\n\n\nraise 'text'\n"
    found = modernise(text, "m.py").notes
    assert found == (
        (5, "could not convert: raise 'text': Python 3 does not support string exceptions"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = = 1\n", "m.py: neither Python 3 nor Python 2: line 1: invalid syntax"),
        (
            "if x:\n        print 1\n\ty = 2\n",
            "m.py: cannot be brought to Python 3: line 3: "
            "inconsistent use of tabs and spaces in indentation",
        ),
        ("print 1\nasync = 2\n", "m.py: cannot be brought to Python 3: line 2: invalid syntax"),
    ],
)
def test_what_cannot_be_modernised_is_an_error(text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        modernise(text, "m.py")
    assert str(caught.value) == message


def test_a_fixer_that_fails_is_an_error_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tool:
        fixer_log: tuple[str, ...] = ()

        def refactor_string(self, text: str, name: str) -> None:
            raise AssertionError("on\nthe way")

    monkeypatch.setattr(python2, "_tool", lambda print_function: Tool())
    with pytest.raises(SourceError) as caught:
        modernise("print 1\n", "m.py")
    assert str(caught.value) == "m.py: cannot be brought to Python 3: AssertionError: on the way"


def test_nothing_is_imported_early_and_nothing_is_written(tmp_path: Path) -> None:
    """In a copy of fissix, so that what is in site-packages does not matter."""
    package = tmp_path / "path" / "fissix"
    ignored = shutil.ignore_patterns("*.pickle", "__pycache__")
    shutil.copytree(Path(fissix.__file__).parent, package, ignore=ignored)
    before = sorted(package.rglob("*"))
    code = (
        f"import sys; sys.path[:0] = [{str(package.parent)!r}, {str(ROOT)!r}]\n"
        "import kerasmigrate.python2 as p\n"
        "print([m for m in ('fissix', 'bowler', 'multiprocessing') if m in sys.modules])\n"
        "print(p.is_python2('print 1\\n'), p.modernise('print 1', 'm.py').text)\n"
        "print(sys.modules['fissix'].__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (done.stderr, done.stdout) == (
        "",
        f"[]\n(1, 'print statement') print(1)\n{package / '__init__.py'}\n",
    )
    assert sorted(package.rglob("*")) == before


def test_nothing_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    modernise("print 1\n", "m.py")
    with pytest.raises(SourceError):
        modernise("x = = 1\n", "m.py")
    assert capfd.readouterr() == ("", "")
