"""The report's page in a real browser, opened as a file."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from nutgraf import LABELS, read_articles, write_articles
from tests.conftest import article
from training.evaluate import main

SCRIPT = '</script><script>window.hacked = 1</script><img src="x" onerror="window.hacked = 2">'


@pytest.fixture(scope="module")
def report(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that compares the tiny model with itself, on articles one of which is hostile."""
    folder = tmp_path_factory.mktemp("page")
    articles = [*read_articles(data / "train.jsonl"), article("hostile", ("other", SCRIPT))]
    write_articles(folder / "data.jsonl", articles)
    (folder / "gates.yaml").write_text("floors: {accuracy: 0.01}\n")
    arguments = [model, "--data", folder / "data.jsonl", "--out", folder, "--resamples", "20"]
    arguments += ["--baseline", model, "--gates", folder / "gates.yaml", "--no-behaviour"]
    main([str(argument) for argument in arguments])
    return folder


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    service = shutil.which("chromedriver")
    if not binary or not service:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium and chromedriver")
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    for argument in ("disable-background-networking", "disable-component-update", "disable-sync"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(service))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, report: Path) -> Iterator[webdriver.Chrome]:
    driver.set_window_size(1200, 900)
    driver.get("about:blank")
    driver.get(f"{(report / 'report.html').as_uri()}")
    yield driver
    assert driver.get_log("browser") == [], "the page reports no error"


def of(page: webdriver.Chrome, selector: str) -> list[WebElement]:
    return page.find_elements(By.CSS_SELECTOR, selector)


def figures(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report / "report.json").read_text(encoding="utf-8"))
    return found


def test_the_summary_stands_first_and_says_what_the_report_says(
    page: webdriver.Chrome, report: Path
) -> None:
    assert of(page, "main > *")[0].get_attribute("id") == "summary"
    accuracy = figures(report)["figures"]["accuracy"]["value"]
    assert f"{accuracy:.3f}" in of(page, "#cards")[0].text
    assert "All 1 gates passed" in of(page, "#gates")[0].text
    assert "0 segments fixed" in of(page, "#comparison")[0].text


def test_a_cell_of_the_confusion_matrix_opens_its_segments(
    page: webdriver.Chrome, report: Path
) -> None:
    matrix = figures(report)["confusion"]
    cells = of(page, "#heat-map button")
    assert [int(cell.text) for cell in cells] == [n for row in matrix for n in row]
    i, j = max(
        ((i, j) for i in range(5) for j in range(5)), key=lambda cell: matrix[cell[0]][cell[1]]
    )
    # By keyboard alone.
    page.execute_script("arguments[0].focus()", cells[5 * i + j])
    cells[5 * i + j].send_keys(Keys.ENTER)
    assert of(page, "#found")[0].text.startswith(f"{matrix[i][j]} segment")
    first = of(page, "#segments summary")[0].text
    assert LABELS[i] in first
    assert "predicted" in first


def test_a_segment_opens_in_its_article(page: webdriver.Chrome) -> None:
    Select(of(page, "#filters [name=only]")[0]).select_by_value("all")
    summary = of(page, "#segments summary")[0]
    summary.send_keys(Keys.ENTER)
    opened = of(page, "#segments details[open]")[0]
    assert len(opened.find_elements(By.CSS_SELECTOR, ".context > .this")) == 1
    assert len(opened.find_elements(By.CSS_SELECTOR, ".context > div")) >= 2
    probabilities = opened.find_element(By.CSS_SELECTOR, ".probabilities").text
    assert all(label in probabilities for label in LABELS)


def test_filters_narrow_the_list_and_stay_in_the_address(
    page: webdriver.Chrome, report: Path
) -> None:
    Select(of(page, "#filters [name=only]")[0]).select_by_value("all")
    Select(of(page, "#filters [name=gold]")[0]).select_by_value("quote")
    quotes = sum(figures(report)["confusion"][LABELS.index("quote")])
    assert of(page, "#found")[0].text.startswith(f"{quotes} segment")
    of(page, "#filters [name=least]")[0].send_keys("2")  # 0 becomes 02: more than 1
    assert of(page, "#found")[0].text.startswith("0 segments")
    of(page, "#reset")[0].click()
    address = page.current_url
    Select(of(page, "#filters [name=only]")[0]).select_by_value("right")
    assert page.current_url != address
    page.refresh()
    assert of(page, "#filters [name=only]")[0].get_attribute("value") == "right"


def test_what_an_article_holds_is_never_run(page: webdriver.Chrome) -> None:
    Select(of(page, "#filters [name=only]")[0]).select_by_value("all")
    of(page, "#filters [name=text]")[0].send_keys("onerror")
    of(page, "#segments summary")[0].click()
    assert SCRIPT in of(page, "#segments")[0].text
    assert page.execute_script("return window.hacked") is None


def test_nothing_is_loaded_from_elsewhere(page: webdriver.Chrome, report: Path) -> None:
    loaded = page.execute_script("return performance.getEntriesByType('resource').length")
    assert loaded == 0
    assert "http" not in (report / "report.html").read_text(encoding="utf-8").replace(
        "http://www.w3.org/2000/svg", ""
    )


def test_it_fits_a_phone(page: webdriver.Chrome) -> None:
    # Headless Chromium makes no window this narrow, but emulates a screen that is.
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        widths = page.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert widths == [360, 360]
        assert of(page, "#heat-map button")[0].size["height"] >= 40, "big enough for a finger"
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
