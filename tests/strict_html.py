"""A strict look at HTML: what browsers mend without a word is an error here."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "input", "meta"})
#: Elements of SVG that may be closed by a slash.
SHAPES = frozenset({"circle", "line", "path", "rect"})
#: Attributes that hold ids of other elements.
REFERENCES = ("aria-labelledby", "aria-describedby", "for")
#: Elements that end where a block begins, though somebody may have meant them to go on.
PARAGRAPHS = frozenset({"p", "summary", "caption", "h1", "h2", "h3", "h4"})
BLOCKS = frozenset({"div", "p", "section", "table", "ul", "dl", "figure", "details", "article"})


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list[Element] = field(default_factory=list)


class Strict(HTMLParser):
    """Collects the elements of a page, and what is wrong with it."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(page)
        self.close()
        self.problems += [f"<{each.name}> is not closed" for each in self.open]
        self._ids()
        self._headings()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.problems.append(f"<{tag}> has an attribute twice: {names}")
        if tag in BLOCKS and self.open and self.open[-1].name in PARAGRAPHS:
            self.problems.append(f"<{tag}> within <{self.open[-1].name}>")
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if self.open:
            self.open[-1].children.append(element)
        if tag in SHAPES:
            self.problems.append(f"<{tag}> is not closed by a slash")
        elif tag not in VOID:
            self.open.append(element)
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on") or name in ("style", "src", "srcset", "action", "srcdoc"):
            self.problems.append(f"<{tag}> has {name}={value!r}")
        if name == "href" and not value.startswith(("#", "https://", "http://")):
            self.problems.append(f"<{tag}> leads to {value!r}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SHAPES:
            self.problems.append(f"<{tag}/>")
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].name != tag:
            inner = self.open[-1].name if self.open else "nothing"
            self.problems.append(f"</{tag}> closes <{inner}>")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"a comment: {data}")

    def _ids(self) -> None:
        ids = [each.attributes["id"] for each in self.elements if "id" in each.attributes]
        self.problems += [
            f"id {each!r} twice" for each in sorted(set(ids), key=str) if ids.count(each) > 1
        ]
        for element in self.elements:
            wanted = []
            for name in REFERENCES:
                wanted += (element.attributes.get(name) or "").split()
            href = element.attributes.get("href") or ""
            wanted += [href[1:]] if href.startswith("#") else []
            self.problems += [
                f"no id {each!r} for <{element.name}>" for each in wanted if each not in ids
            ]

    def _headings(self) -> None:
        before = 0
        for element in self.find(*(f"h{level}" for level in range(1, 7))):
            level = int(element.name[1])
            if level > before + 1:
                self.problems.append(f"<{element.name}> {element.text!r} follows <h{before}>")
            before = level

    def find(self, *names: str) -> list[Element]:
        """Return the elements of such names, in their order."""
        return [each for each in self.elements if each.name in names]

    def classed(self, name: str) -> list[Element]:
        """Return the elements of a class."""
        return [
            each for each in self.elements if name in (each.attributes.get("class") or "").split()
        ]


def strict(page: str) -> Strict:
    """Return a page that has to be without faults."""
    found = Strict(page)
    assert found.problems == []
    return found


def checked(page: str) -> str:
    """Return a page as it is, when it has no faults."""
    strict(page)
    return page


def words(page: str) -> str:
    """Return the text of a page's body on one line."""
    (body,) = Strict(page).find("body")
    return " ".join(body.text.split())
