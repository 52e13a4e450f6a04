"""The page and the notebook view, in a real browser where it is there."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import alert_is_present

from nutgraf import LABELS, LabelledArticle, Prediction
from nutgraf.cli import main
from nutgraf.render import palette, to_fragment, to_html
from nutgraf.render.fragment import MOST_CHARACTERS, MOST_SEGMENTS
from nutgraf.render.palette import colours
from nutgraf.render.segments import style
from tests import test_page

driver = test_page.driver
of = test_page.of

# The matrices of Machado, Oliveira and Fernandes (2009) for colour vision that lacks one kind of
# cone, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# sRGB to CIE XYZ, white point D65.
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
AA, GRAPHICS = 4.5, 3.0
"""The contrast that WCAG 2.1 asks for of text (1.4.3) and of graphics (1.4.11)."""
MODES = pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])


def linear(colour: str) -> Any:
    """`#rrggbb`, or the browser's `rgb(r, g, b)`, as linear RGB from 0 to 1."""
    if colour.startswith("#"):
        channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    else:
        channels = [int(c) for c in re.findall(r"\d+", colour)[:3]]
    srgb = np.array(channels) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    dark, light = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, vision: str) -> Any:
    xyz = XYZ @ np.clip(VISIONS[vision] @ linear(colour), 0, 1) / XYZ.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(shades: Sequence[str], vision: str) -> float:
    """The smallest CIE76 distance between two of the colours."""
    seen = [lab(colour, vision) for colour in shades]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


def test_the_measures_agree_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert lab("#ff0000", "normal") == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    # Red and green that are as light as each other are what a deuteranope takes for the same.
    assert nearest(["#b06000", "#808000"], "deuteranopia") < 5 < 30
    assert nearest(["#b06000", "#808000"], "normal") > 30


@MODES
def test_text_is_easy_to_read_on_every_colour(mode: int) -> None:
    behind = [palette.PAPER[mode], palette.PANEL[mode], *(c.tint[mode] for c in palette.COLOURS)]
    for text in (palette.INK[mode], palette.SOFT[mode]):
        assert min(contrast(text, back) for back in behind) >= AA
    assert min(contrast(c.mark[mode], palette.PAPER[mode]) for c in palette.COLOURS) >= GRAPHICS


@MODES
@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_labels_are_told_apart_by_every_kind_of_colour_vision(
    mode: int, vision: str
) -> None:
    five = palette.COLOURS[: len(LABELS)]
    assert nearest([c.mark[mode] for c in five], vision) >= 20
    assert nearest([c.mark[mode] for c in palette.COLOURS], vision) >= 17
    assert nearest([c.tint[mode] for c in palette.COLOURS], vision) >= 6


def test_labels_of_ones_own_get_colours_that_stay() -> None:
    assert list(colours(LABELS).values()) == [0, 1, 2, 3, 4]
    own = ["satire", "advert", "recipe", "weather", "letter"]
    given = colours([*LABELS, *own])
    assert len(set(given.values())) == 10
    assert colours([*reversed(own), *LABELS]) == given, "whatever the order"
    for label in own:
        assert colours([label, "quote"])[label] == colours([label])[label]
    many = colours(f"label {n}" for n in range(40))
    assert set(many.values()) == set(range(5, 10))


def predictions(
    *segments: tuple[str, str, float], labels: Sequence[str] = LABELS
) -> LabelledArticle:
    """An article of (label, text, probability); the other labels share what is left."""
    made = []
    for label, text, probability in segments:
        rest = (1 - probability) / (len(labels) - 1)
        shares = {name: probability if name == label else rest for name in labels}
        made.append(Prediction(text, label, shares, 0, len(text)))
    return LabelledArticle("\n\n".join(text for _, text, _ in segments), tuple(made))


STORY = predictions(
    ("navigation_clutter", "Read also: the storm", 0.98),
    ("other", "The storm came on Monday and took the roof of a school.", 0.66),
    ("quote", '"We will not go,"\nhe said.', 0.91),
    ("quote", "«ما نمی‌رویم» او گفت.", 0.64),
    ("official_statement", "The minister said that the road would be closed.", 0.88),
    ("expert_opinion", "The storm was the worst in a century, a study found.", 0.79),
)
HOSTILE = (
    "<script>window.hacked = 1; alert(1)</script>",
    '<img src="x" onerror="window.hacked = 2">',
    '<a href="javascript:window.hacked = 3">click</a>',
    "</style><script>window.hacked = 4</script>",
    "</script></bdi></title></div><script>window.hacked = 5</script>",
    '" autofocus onfocus="window.hacked = 6" x="',
    "' onmouseover='window.hacked = 7' x='",
    "<!-- --><script>window.hacked = 8</script> -->",
    "a\u2028b\u2029c",
    "\u202egpj.exe\u202c \u2066isolate",
    "{script} {policy} &lt; &amp;amp; &#60;",
    "<svg onload='window.hacked = 9'><style>* { display: none }</style>",
    '<meta http-equiv="refresh" content="0; url=https://example.org/">',
    '<link rel="stylesheet" href="https://example.org/a.css">',
)


def hostile() -> list[tuple[str, LabelledArticle]]:
    """Articles whose names, labels and texts are all attacks."""
    segments = [(text, text, 0.6) for text in HOSTILE]
    return [(text, predictions(*segments, labels=HOSTILE)) for text in HOSTILE]


def test_the_policy_names_just_the_pages_own_style_and_script() -> None:
    page = to_html([("a", STORY)])
    policy = str(html.fromstring(page).xpath("string(//meta[@http-equiv]/@content)"))
    for element in ("style", "script"):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "://" not in page


def test_there_are_pages_of_nothing_and_of_halves_of_characters() -> None:
    assert "0 segments in 0 articles" in to_html([])
    assert "0 segments" in to_html([("a", LabelledArticle("", ()))])
    page = to_html([("a\udce9.txt", predictions(("quote", "b\udce9\0c", 0.9)))])
    page.encode("utf-8")
    assert "a\ufffd.txt" in page
    assert "b\ufffd\ufffdc" in page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_text("Read also : the storm\n\nThe storm came on Monday.\n", encoding="utf-8")
    return path


def test_the_command_writes_a_page(
    model: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "page.html"
    options = [str(file), "--model", str(model), "--labels", "quote,other", "--input", "text"]
    assert main(["render", *options, "-o", str(out)]) == 0
    assert capsys.readouterr().out == ""
    page = out.read_text(encoding="utf-8")
    assert re.findall(r'dir="auto">(.*?)</div>', page) == [
        "Read also : the storm",
        "The storm came on Monday.",
    ]
    assert "navigation" not in page, "labels that were not asked for are left out"
    assert list(out.parent.iterdir()) == [out]
    for command in (["render", *options], ["classify", *options, "--format", "html"]):
        assert main(command) == 0
        assert capsys.readouterr().out == page


def test_the_command_writes_nothing_when_it_refuses(
    model: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_text(encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    cases = [
        (["empty"], "page.html", "empty: no text: the article is empty"),
        (["none.txt"], "page.html", "none.txt: No such file or directory"),
        (["article.txt"], "folder", "folder: cannot be written: Is a directory"),
        (["article.txt"], "article.txt/page.html", "page.html: cannot be written: File exists"),
        (["article.txt"], "folder/../article.txt", "article.txt: is one of the files to read"),
    ]
    there = sorted(tmp_path.rglob("*"))
    for names, out, message in cases:
        files = [str(tmp_path / name) for name in names]
        assert main(["render", *files, "-o", str(tmp_path / out), "--model", str(model)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == there
    assert file.read_text(encoding="utf-8") == before


def test_a_notebook_shows_all_of_a_short_article() -> None:
    fragment = STORY._repr_html_()
    root = html.fragment_fromstring(fragment)
    texts = [element.text for element in root.find_class("nutgraf-text")]
    assert texts == [prediction.text for prediction in STORY]
    assert "not shown" not in fragment
    assert "<script" not in fragment
    ids = [element.get("id") for element in root.find_class("nutgraf-tip")]
    assert len(set(ids)) == len(STORY)
    other = predictions(("quote", "Another article", 0.9))._repr_html_()
    assert not any(id in other for id in ids)


def test_a_notebook_shows_the_head_of_a_giant_article() -> None:
    giant = predictions(
        ("other", "x" * 1_000_000, 0.9), *[("other", "The storm came.", 0.9)] * 9_999
    )
    fragment = to_fragment(giant)
    assert fragment.count('class="nutgraf-text"') == MOST_SEGMENTS
    assert f"{10_000 - MOST_SEGMENTS:,} more segments not shown" in fragment
    assert f"{1_000_000 - MOST_CHARACTERS:,} more characters" in fragment
    assert "10,000" in fragment, "the count of the label is that of the whole article"
    assert len(fragment) < 500_000


def test_the_style_of_a_notebook_stays_within() -> None:
    rules = re.sub(r"/\*.*?\*/|\{[^}]*\}", "\n", style(), flags=re.DOTALL)
    selectors = [s.strip() for s in rules.replace("\n\n", ",").split(",") if s.strip()]
    assert len(selectors) > 20
    for selector in selectors:
        assert re.match(r"(\[data-jp-theme-light=\S+\] |\.vscode-\w+ )?\.nutgraf\b", selector)


def show(driver: webdriver.Chrome, page: str, path: Path) -> None:
    path.write_text(page, encoding="utf-8")
    driver.get(path.as_uri())


@pytest.fixture
def story(driver: webdriver.Chrome, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    driver.set_window_size(1200, 900)
    show(driver, to_html([("storm.txt", STORY)]), tmp_path / "page.html")
    yield driver
    assert driver.get_log("browser") == [], "the page reports no error"


def shown(page: webdriver.Chrome) -> list[str]:
    """The first words of the segments that are neither hidden nor dimmed."""
    return [
        element.text.split()[0]
        for element in of(page, ".nutgraf-segment:not(.dim) .nutgraf-text")
        if element.is_displayed()
    ]


def pressed(page: webdriver.Chrome) -> list[str]:
    return [button.text.split()[0] for button in of(page, ".filter [aria-pressed=true]")]


ALL = ["Read", "The", '"We', "«ما", "The", "The"]


def test_the_legend_filters_by_click(story: webdriver.Chrome) -> None:
    legend = [button.text for button in of(story, ".filter [aria-pressed]")]
    assert legend == [
        "all 6",
        "quote 2",
        "official statement 1",
        "expert opinion 1",
        "navigation clutter 1",
        "other 1",
        "unsure only 2",
    ]
    assert (shown(story), pressed(story)) == (ALL, ["all"])
    everything, quote, official, *_ = of(story, ".filter [aria-pressed]")
    quote.click()
    assert (shown(story), pressed(story)) == (['"We', "«ما"], ["quote"])
    assert of(story, "#shown")[0].text == "2 of 6 shown"
    official.click()
    assert (shown(story), pressed(story)) == (['"We', "«ما", "The"], ["quote", "official"])
    dimmed = of(story, ".dim")
    assert len(dimmed) == 3
    assert all(element.is_displayed() for element in dimmed)
    of(story, "#hide")[0].click()
    assert not any(element.is_displayed() for element in dimmed)
    quote.click()
    assert shown(story) == ["The"]
    everything.click()
    assert (shown(story), pressed(story)) == (ALL, ["all"])


def test_the_legend_filters_by_keyboard_alone(story: webdriver.Chrome) -> None:
    keys = ActionChains(story)
    keys.send_keys(Keys.TAB, Keys.TAB, Keys.SPACE).perform()  # all, quote
    assert (shown(story), pressed(story)) == (['"We', "«ما"], ["quote"])
    outline = story.execute_script(
        "return getComputedStyle(document.activeElement).outlineStyle + document.activeElement.id"
    )
    assert outline == "solid", "the focus is seen"
    ActionChains(story).send_keys(Keys.ENTER).perform()
    assert (shown(story), pressed(story)) == (ALL, ["all"])


def test_a_slider_marks_the_unsure(story: webdriver.Chrome) -> None:
    marked = "return [...document.querySelectorAll('.unsure .nutgraf-label')].map(e => e.innerText)"
    assert story.execute_script(marked) == ["other 0.66", "quote 0.64"]
    badge = "return getComputedStyle(document.querySelector(arguments[0]), '::after').content"
    assert story.execute_script(badge, ".unsure .nutgraf-label") == '"unsure"'
    slider = of(story, "#least")[0]
    slider.send_keys(Keys.ARROW_LEFT)
    assert of(story, "#level")[0].text == "0.65"
    assert story.execute_script(marked) == ["quote 0.64"]
    of(story, "#unsure")[0].click()
    assert shown(story) == ["«ما"]
    slider.send_keys(Keys.END)
    assert shown(story) == ALL


@pytest.mark.parametrize("width", [1200, 700])
def test_probabilities_show_on_focus_and_on_hover(story: webdriver.Chrome, width: int) -> None:
    story.set_window_size(width, 900)
    tips = of(story, ".nutgraf-tip")
    assert not any(tip.is_displayed() for tip in tips)
    of(story, "#hide")[0].send_keys(Keys.TAB)  # from the last control to the first label
    assert [tip.is_displayed() for tip in tips] == [True] + [False] * 5
    focused = story.switch_to.active_element
    assert focused.get_attribute("aria-describedby") == tips[0].get_attribute("id")
    assert tips[0].get_attribute("role") == "tooltip"
    for label in LABELS:
        assert label.replace("_", " ") in tips[0].text
    values = [float(value) for value in re.findall(r"\d\.\d+", tips[0].text)]
    assert len(values) == 5
    assert sum(values) == pytest.approx(1, abs=0.003)
    focused.send_keys(Keys.ESCAPE)
    assert not tips[0].is_displayed()
    focused.send_keys(Keys.TAB)
    assert [tip.is_displayed() for tip in tips[:2]] == [False, True]
    ActionChains(story).move_to_element(of(story, ".nutgraf-label")[4]).perform()
    assert tips[4].is_displayed()
    ActionChains(story).move_to_element(tips[4]).perform()
    assert tips[4].is_displayed(), "the pointer can move onto it"


def test_right_to_left_text_runs_right_to_left(story: webdriver.Chrome) -> None:
    directions = story.execute_script(
        "return [...document.querySelectorAll('.nutgraf-text')]"
        ".map(e => getComputedStyle(e).direction)"
    )
    assert directions == ["ltr", "ltr", "ltr", "rtl", "ltr", "ltr"]


def test_it_fits_a_phone(driver: webdriver.Chrome, tmp_path: Path) -> None:
    long = "x" * 300
    labels = ["quote", long]
    page = to_html([(long, predictions((long, long, 0.6), labels=labels)), ("storm.txt", STORY)])
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        show(driver, page, tmp_path / "page.html")
        of(driver, ".nutgraf-label")[0].click()
        assert of(driver, ".nutgraf-tip")[0].is_displayed()
        widths = driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert widths == [360, 360]
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CONTRASTS = """
const behind = (e) => {
  const colour = getComputedStyle(e).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" ? behind(e.parentElement) : colour;
};
return [...document.querySelectorAll(
  ".nutgraf :is(h1, h2, p, button, bdi, b, label, output, .nutgraf-text, .nutgraf-soft)"
)].map((e) => [getComputedStyle(e).color, behind(e)]);
"""


def prefer(driver: webdriver.Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_that_is_written_can_be_read_in_light_and_in_dark_mode(
    story: webdriver.Chrome, scheme: str
) -> None:
    prefer(story, scheme)
    try:
        pairs = story.execute_script(CONTRASTS)
        back = story.execute_script("return getComputedStyle(document.body).backgroundColor")
    finally:
        prefer(story, "")
    assert linear(back) == pytest.approx(linear(palette.PAPER[scheme == "dark"]))
    assert len(pairs) > 50
    assert min(contrast(text, back) for text, back in pairs) >= AA


@pytest.mark.parametrize("policy", [True, False])
def test_nothing_that_articles_names_and_labels_hold_is_run(
    driver: webdriver.Chrome, tmp_path: Path, policy: bool
) -> None:
    page = to_html(hostile())
    if not policy:  # escaping must do without the second wall
        page, count = re.subn(r"<meta http-equiv[^>]*>", "", page, count=1)
        assert count == 1
    show(driver, page, tmp_path / "page.html")
    assert_harmless(driver, len(HOSTILE) ** 2)
    assert [e.get_attribute("textContent") for e in of(driver, "h2")] == list(HOSTILE)
    legend = [e.get_attribute("textContent") for e in of(driver, ".filter button[class] bdi")]
    assert legend == [label.replace("_", " ") for label in HOSTILE]
    assert len(of(driver, "script")) == len(of(driver, "style")) == 1
    assert driver.get_log("browser") == []


def test_nothing_in_a_notebook_is_run(driver: webdriver.Chrome, tmp_path: Path) -> None:
    show(driver, f"<meta charset=utf-8>{to_fragment(hostile()[0][1])}", tmp_path / "page.html")
    assert_harmless(driver, len(HOSTILE))
    assert len(of(driver, "script")) == 0


def assert_harmless(driver: webdriver.Chrome, count: int) -> None:
    """No attack of `HOSTILE` ran or loaded anything, though all are pointed at, and all are shown
    as they are."""
    driver.execute_script(
        "for (const e of document.querySelectorAll('body, body *')) {"
        " e.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })); e.focus?.(); }"
    )
    assert not alert_is_present()(driver)
    assert driver.execute_script("return window.hacked") is None
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert len(of(driver, "img, link, meta[http-equiv=refresh], a[href^=javascript]")) == 0
    texts = driver.execute_script(
        "return [...document.querySelectorAll('.nutgraf-text')].map(e => e.textContent)"
    )
    assert texts == list(HOSTILE) * (count // len(HOSTILE))
    assert all(element.is_displayed() for element in of(driver, ".nutgraf-text")[:20])


def test_the_policy_stops_what_is_not_the_pages_own(
    driver: webdriver.Chrome, tmp_path: Path
) -> None:
    foreign = (
        "<script>window.hacked = 1</script><img src='x.png' onerror='window.hacked = 2'>"
        "<style>h1 { display: none }</style><i id=i style='display: none'>i</i>"
    )
    page = to_html([("a", STORY)]).replace("</main>", f"{foreign}</main>")
    show(driver, page, tmp_path / "page.html")
    assert driver.execute_script("return window.hacked") is None
    assert of(driver, "h1")[0].is_displayed()
    assert of(driver, "#i")[0].is_displayed()
    assert of(driver, "#shown")[0].text == "6 of 6 shown", "the page's own script runs"
    assert len(driver.get_log("browser")) >= 4, "each is refused"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", ["", 'data-jp-theme-light="true"', 'data-jp-theme-light="false"'])
def test_a_notebook_of_any_theme_can_be_read(
    driver: webdriver.Chrome, tmp_path: Path, scheme: str, theme: str
) -> None:
    around = '<p id="outside">Outside <b>bold</b></p><button>Button</button>'
    measure = (
        "return [...document.querySelectorAll('body, #outside, #outside b, body > button')]"
        ".map(e => [...getComputedStyle(e)].filter(n => !/height|block-size|origin/.test(n))"
        ".map(n => n + getComputedStyle(e)[n]))"
    )
    prefer(driver, scheme)
    try:
        head = f"<!doctype html><meta charset=utf-8><body {theme}>"
        show(driver, head + around, tmp_path / "before.html")
        before = driver.execute_script(measure)
        show(driver, head + around + to_fragment(STORY), tmp_path / "after.html")
        assert driver.execute_script(measure) == before, "nothing outside changes"
        pairs = driver.execute_script(CONTRASTS)
        of(driver, ".nutgraf-label")[2].click()
        assert of(driver, ".nutgraf-tip")[2].is_displayed(), "without a script"
    finally:
        prefer(driver, "")
    assert len(pairs) > 50
    assert min(contrast(text, back) for text, back in pairs) >= AA
