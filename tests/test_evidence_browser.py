"""The page of evidence in a real browser: Chromium without a window, driven by Selenium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import reports
from reports import different, equal, model, proof, verdict

from kerasmigrate.evidence import to_html, write_html
from kerasmigrate.findings import FileResult, Finding, Report, Severity, Status
from kerasmigrate.verify.results import Verdict, VerifyReport

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")


def _missing() -> str:
    """Say what there is not; empty when all is there."""
    if find_spec("selenium") is None:
        return "selenium is not installed"
    if CHROMIUM is None:
        return "there is no chromium"
    return "" if DRIVER else "there is no chromedriver"


pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(_missing()), reason=_missing() or "all is there"),
]

#: Nothing here may reach the network, not even the browser on its own behalf.
OFFLINE = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
WIDTH, PHONE = 1280, 390

#: What a pair of colours has to reach: WCAG 2.1, AA, for text of ordinary size.
CONTRAST = 4.5


class Browser:
    """A browser, and what the tests ask of it."""

    def __init__(self) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in OFFLINE:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver: Any = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.set_page_load_timeout(60)

    def open(
        self,
        page: Path,
        *,
        width: int = WIDTH,
        scheme: str = "light",
        scripts: bool = True,
        fragment: str = "",
    ) -> None:
        """Show a page in a window of that width."""
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        self.media(("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce"))
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(page.as_uri() + fragment)

    def media(self, *features: tuple[str, str]) -> None:
        wanted = [{"name": name, "value": value} for name, value in features]
        self.command("Emulation.setEmulatedMedia", features=wanted)

    def command(self, name: str, **arguments: object) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def open_all(self) -> None:
        self.run(
            "dispatchEvent(new Event('beforeprint'));"
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def messages(self) -> list[str]:
        """What the console says."""
        return [each["message"] for each in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = Browser()
    yield found
    found.driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree") / "digits"
    root.mkdir()
    path = root.parent / "evidence.html"
    write_html(path, *reports.project(root))
    return path


def test_nothing_leaves_the_page(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.open_all()
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.messages == []


def test_even_a_script_could_not_connect(browser: Browser, page: Path) -> None:
    browser.open(page)
    refused = browser.run(
        "const done = arguments; return new Promise((end) => {"
        " addEventListener('securitypolicyviolation', (each) => end(each.effectiveDirective));"
        " fetch('https://example.invalid/').catch(() => 0);"
        " setTimeout(() => end('allowed'), 3000); })"
    )
    assert refused == "connect-src"
    refused = browser.run(
        "return new Promise((end) => {"
        " addEventListener('securitypolicyviolation', (each) => end(each.effectiveDirective));"
        " const image = document.createElement('img'); image.src = 'https://example.invalid/x';"
        " document.body.append(image); setTimeout(() => end('allowed'), 3000); })"
    )
    assert refused == "img-src"


def test_hostile_text_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    hostile = "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 2'>"
    finding = Finding("KM103", hostile, 1, advice=hostile)
    source = f"x = 1  # {hostile}\n".encode()
    name = hostile.replace("/", "|")
    file = FileResult(tmp_path / name, name, Status.CHANGED, source, b"y" + source, (finding,))
    made = verdict(name, Verdict.CRASHED, cause=hostile, output=hostile, models=(model(hostile),))
    made = replace(made, comparisons=(equal(hostile), replace(different(), cause=hostile)))
    path = tmp_path / "evidence.html"
    write_html(path, proof(made, root=tmp_path / hostile), Report("keras", (file,)))
    browser.open(path)
    browser.open_all()
    assert browser.run("return window.owned") is None
    assert browser.run("return document.images.length + document.scripts.length") == 1
    assert browser.messages == []


@pytest.mark.parametrize("width", [320, PHONE, 768, WIDTH])
def test_the_page_never_scrolls_sideways(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width=width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.open_all()
    browser.run("document.documentElement.style.contentVisibility = 'visible'")
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_a_long_word_does_not_widen_a_phone(browser: Browser, tmp_path: Path) -> None:
    word = "a" * 400
    path = tmp_path / "evidence.html"
    source = f"{word} = 1\n".encode()
    file = FileResult(tmp_path / "a.py", "a.py", Status.CHANGED, source, b"b" + source)
    made = verdict("a.py", Verdict.CRASHED, cause=word, where=word, output=word, notes=(word,))
    made = replace(made, models=(model(word, word),), comparisons=(equal(word, word, layers=()),))
    write_html(path, proof(made, root=tmp_path / word[:200]), Report("keras", (file,)))
    browser.open(path, width=PHONE)
    browser.open_all()
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE


def test_a_phone_shows_one_column(browser: Browser, page: Path) -> None:
    places = (
        "const rows = [...document.querySelectorAll('.diff tr.c')];"
        "const row = rows.find((each) => each.checkVisibility());"
        "return [...row.children].map((each) => each.getBoundingClientRect().left)"
    )
    for width, columns in ((PHONE, 2), (WIDTH, 4)):
        browser.open(page, width=width)
        browser.open_all()
        assert len(set(browser.run(places))) == columns


def test_colours_follow_the_system_and_the_switch(browser: Browser, page: Path) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(13, 17, 23)"
    for scheme, expected in (("light", light), ("dark", dark)):
        browser.open(page, scheme=scheme)
        assert browser.run(paper) == expected
        for choice, chosen in (("dark", dark), ("light", light), ("auto", expected)):
            browser.driver.find_element("id", f"theme-{choice}").click()
            assert browser.run(paper) == chosen


#: Returns [contrast, text] of what can be read, worst first. Backgrounds are opaque.
_CONTRASTS = """
const channel = (value) =>
  (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const found = [];
for (const each of document.querySelectorAll('body *')) {
  const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || each.closest('script, title, desc, option') || !each.checkVisibility()) continue;
  const style = getComputedStyle(each);
  let colour = style.color, paper = null;
  const svg = each.closest('svg');
  if (svg) {
    colour = style.fill;
    const rect = each.parentElement.querySelector('rect');
    if (rect && getComputedStyle(rect).fill !== 'none') paper = parse(getComputedStyle(rect).fill);
  }
  for (let at = each; at && !paper; at = at.parentElement) {
    const back = parse(getComputedStyle(at).backgroundColor);
    if (back.length === 3 || back[3] === 1) paper = back;
  }
  const [a, b] = [light(parse(colour)), light(paper)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found.push([ratio, each.textContent.slice(0, 40), each.outerHTML.slice(0, 60)]);
}
return found.sort((a, b) => a[0] - b[0]);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)
    browser.open_all()
    found = browser.run(_CONTRASTS)
    assert len(found) > 300
    assert [each for each in found if each[0] < CONTRAST] == []


def test_every_control_is_reached_by_the_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page)
    seen: list[str] = []
    for _ in range(120):
        browser.press("\ue004")  # Tab
        name = browser.run(
            "const each = document.activeElement; const style = getComputedStyle(each);"
            "return [each.id || each.getAttribute('href') || each.textContent.trim().slice(0, 30),"
            " style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]"
        )
        assert name[1], f"the focus cannot be seen on {name[0]}"
        seen.append(name[0])
        if name[0].startswith("train.py"):
            break
    assert seen[0] == "#summary"  # the way past the header
    for wanted in ("theme-auto", "#files", "filter-path", "filter-state", "open-all", "close-all"):
        assert wanted in seen


def test_files_open_by_the_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('#file-2 > summary').focus()")
    browser.press("\ue007")  # Enter
    assert browser.run("return document.querySelector('#file-2').open")


def shown(browser: Browser) -> list[str]:
    found: list[str] = browser.run(
        "return [...document.querySelectorAll('.file')].filter((each) => each.checkVisibility())"
        ".map((each) => each.querySelector('h3').textContent)"
    )
    return found


def test_the_filter_narrows_the_list(browser: Browser, page: Path) -> None:
    browser.open(page)
    everything = shown(browser)
    assert len(everything) == 6
    box = browser.driver.find_element("id", "filter-path")
    box.send_keys("MODELS/")
    assert shown(browser) == ["models/build.py", "models/two_towers.py"]
    assert browser.driver.find_element("id", "filter-count").text == "2 of 6 shown"
    browser.run(
        "arguments[0].value = 'different'; arguments[0].dispatchEvent(new Event('change'))",
        browser.driver.find_element("id", "filter-state"),
    )
    assert shown(browser) == ["models/two_towers.py"]
    box.clear()
    box.send_keys("nothing of that name")
    assert shown(browser) == []
    browser.run("document.querySelector('#open a[href]').click()")
    assert "models/two_towers.py" in shown(browser)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("unproved", ["old_style.py", "seq2seq.py", "train.py"]),
        ("different", ["models/two_towers.py"]),
        ("changed", ["models/build.py", "models/two_towers.py"]),
        ("open", ["models/build.py", "models/two_towers.py", "old_style.py", "seq2seq.py"]),
    ],
)
def test_the_filter_knows_states(
    browser: Browser, page: Path, state: str, expected: list[str]
) -> None:
    browser.open(page)
    browser.run(
        "const each = document.getElementById('filter-state'); each.value = arguments[0];"
        "each.dispatchEvent(new Event('change'))",
        state,
    )
    assert shown(browser) == expected


def test_buttons_open_and_close_what_is_shown(browser: Browser, page: Path) -> None:
    browser.open(page)
    count = "return document.querySelectorAll('.file[open]').length"
    browser.driver.find_element("id", "filter-path").send_keys("models/")
    browser.driver.find_element("id", "open-all").click()
    assert browser.run(count) == 2
    browser.driver.find_element("id", "close-all").click()
    assert browser.run(count) == 0


def test_contents_are_made_when_they_are_wanted(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("return new Promise((end) => setTimeout(end, 300))")
    assert browser.run("return document.querySelectorAll('.file > noscript').length") == 0
    assert browser.run("return document.querySelectorAll('.file > .contents').length") == 6


def test_an_address_leads_into_a_file(browser: Browser, page: Path) -> None:
    browser.open(page, fragment="#file-3-model-1")
    assert browser.run("return document.querySelector('#file-3-model-1').checkVisibility()")


def test_links_open_what_they_lead_to(browser: Browser, page: Path) -> None:
    browser.open(page)
    opened = "return document.querySelector('#file-3').open"
    assert not browser.run(opened)
    browser.run("document.querySelector('a[href=\"#file-3\"]').click()")
    assert browser.run(opened)
    browser.run("document.querySelector('#file-3').open = false")
    browser.run("document.querySelector('a[href=\"#file-3\"]').click()")
    assert browser.run(opened)


def test_it_works_without_scripts(browser: Browser, page: Path) -> None:
    browser.open(page, scripts=False)
    try:
        tree = browser.command("DOM.getDocument", depth=-1)
        root = tree["root"]["nodeId"]
        form = browser.command("DOM.querySelector", nodeId=root, selector="#filter[hidden]")
        files = browser.command("DOM.querySelectorAll", nodeId=root, selector="details.file")
        rows = browser.command("DOM.querySelectorAll", nodeId=root, selector=".diff tr.c")
        assert form["nodeId"]  # what could do nothing is not shown
        assert len(files["nodeIds"]) == 6
        assert len(rows["nodeIds"]) > 5
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def test_less_motion_when_that_is_asked_for(browser: Browser, page: Path) -> None:
    scrolls = "return getComputedStyle(document.documentElement).scrollBehavior"
    browser.open(page)
    assert browser.run(scrolls) == "auto"
    browser.media(("prefers-reduced-motion", "no-preference"))
    assert browser.run(scrolls) == "smooth"


def test_the_accessibility_tree_has_landmarks_and_tables(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.open_all()
    browser.run("document.querySelector('svg').scrollIntoView()")
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and "role" in node
    ]
    roles = {role for role, _ in named}
    assert {
        "banner",
        "navigation",
        "main",
        "contentinfo",
        "search",
        "table",
        "columnheader",
    } <= roles
    named_roles = ("image", "table", "searchbox", "combobox", "radio", "button", "region")
    for wanted in named_roles:
        names = [name for role, name in named if role == wanted]
        assert names, wanted
        assert all(names), wanted
    picture = "Layers of sequential: the original left, the migrated model right"
    assert picture in [name for role, name in named if role == "image"]


def many(root: Path, count: int) -> tuple[VerifyReport, Report]:
    """Return a project of many files, each with changes, findings, and every fifth with models."""
    body = "".join(
        f"def layer_{number}(x):\n    x = Dense(output_dim={number}, init='uniform')(x)\n"
        "    # nothing\n    # happens\n    # here\n    y = x + 1\n    return y\n\n\n"
        for number in range(8)
    )
    before = f"from keras.layers.core import Dense\n\n\n{body}".encode()
    after = before.replace(b".core", b"").replace(b"output_dim", b"units")
    after = after.replace(b"init=", b"kernel_initializer=")
    message = "Dense: init= is now kernel_initializer=, output_dim= is now units="
    findings = [
        Finding("KM101", "from keras.layers.core is now from keras.layers", 1, 1, 1, 9, fixed=True)
    ]
    findings += [
        Finding("KM201", message, 5 + 9 * number, 9, 5 + 9 * number, 50, fixed=True)
        for number in range(8)
    ]
    findings.append(Finding("KM227", "left", 9, 1, 9, 5, Severity.WARNING, advice="look at it"))
    files, verdicts = [], []
    for number in range(count):
        name = f"package_{number % 20}/module_{number}.py"
        files.append(FileResult(root / name, name, Status.CHANGED, before, after, tuple(findings)))
        kind = Verdict.KERAS_ERROR if number % 10 == 9 else Verdict.PROVED
        made = verdict(name, kind, cause="ValueError: no" if number % 10 == 9 else "")
        if number % 5 == 0:
            made = replace(
                made, models=(model(),), comparisons=(equal(layers=reports.chain(20)), different())
            )
        verdicts.append(made)
    return proof(*verdicts, root=root), Report("keras", tuple(files))


def test_five_hundred_files_are_there_at_once(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evidence.html"
    write_html(path, *many(tmp_path / "big", 500))
    browser.open(path)
    browser.run(
        "return new Promise((end) => { const ask = () =>"
        " performance.getEntriesByType('navigation')[0].loadEventEnd ? end() : setTimeout(ask, 20);"
        " ask(); })"
    )
    timing = browser.run(
        "const [each] = performance.getEntriesByType('navigation');"
        "const paint = performance.getEntriesByName('first-contentful-paint')[0];"
        "return {load: each.loadEventEnd, paint: paint ? paint.startTime : null}"
    )
    narrowed = browser.run(
        "const start = performance.now(); const box = document.getElementById('filter-path');"
        "box.value = 'module_49'; box.dispatchEvent(new Event('input'));"
        "document.body.getBoundingClientRect(); return performance.now() - start"
    )
    opened = browser.run(
        "const start = performance.now(); const file = document.querySelector('#file-491');"
        "file.querySelector('summary').click();"
        "document.body.getBoundingClientRect(); return performance.now() - start"
    )
    print(
        f"{path.stat().st_size / 1e6:.1f} MB, {timing}, filter {narrowed:.0f} ms,"
        f" open {opened:.0f} ms"
    )
    assert len(shown(browser)) == 11
    assert timing["load"] < 2000
    assert narrowed < 500
    assert opened < 500


class Elements(HTMLParser):
    """Counts the elements that a browser makes at once: those outside a noscript."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.later = 0
        self.folded = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.folded:
            self.later += 1
        else:
            self.count += 1
        self.folded += tag == "noscript"

    def handle_endtag(self, tag: str) -> None:
        self.folded -= tag == "noscript"


def test_most_of_a_large_page_is_made_when_it_is_wanted(tmp_path: Path) -> None:
    # Counted in the text: the browser fills the rest whenever it is idle.
    elements = Elements()
    elements.feed(to_html(*many(tmp_path / "big", 500)))
    assert elements.count < 20_000
    assert elements.later > 10 * elements.count


def test_making_the_page_of_five_hundred_files_takes_seconds(tmp_path: Path) -> None:
    from time import perf_counter

    made = many(tmp_path / "big", 500)
    start = perf_counter()
    page = to_html(*made)
    spent = perf_counter() - start
    print(f"{spent:.1f} s for {len(page) / 1e6:.1f} MB")
    assert spent < 30
