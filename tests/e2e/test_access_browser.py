"""Drawings of ways in headless Chromium: in the report and as files, wide and narrow, light, dark and on paper."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from .conftest import Program

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None or shutil.which("chromedriver") is None:
        pytest.skip("no Chromium with its driver is installed")
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    options.binary_location = found
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield made
    made.quit()


@pytest.fixture(scope="module")
def made(keep: Path, driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of a stored scan and a drawing as a file."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "home").mkdir()
    variables = {"PYTHONPATH": str(keep / "plugins"), "NHISCAN_DB": str(keep / "inventory.db")}
    program = Program(folder, variables)
    assert program("report", "--out", "evidence").code == 0
    assert program("access", "explain", "U2", "--format", "svg", "-o", "ways.svg").code == 0
    return folder


def look(driver: webdriver.Chrome, path: Path, width: int, theme: str = "light", media: str = "screen") -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    driver.get(path.as_uri())


def script(driver: webdriver.Chrome, text: str) -> Any:
    return driver.execute_script(text)


def quiet(driver: webdriver.Chrome) -> bool:
    return not driver.get_log("browser")  # type: ignore[no-untyped-call]


PAGE = Path("evidence/data/01-report/report.html")


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_a_drawing_fits_beside_or_above_its_text(driver: webdriver.Chrome, made: Path, width: int) -> None:
    look(driver, made / PAGE, width)
    figures = script(
        driver,
        "return [...document.querySelectorAll('figure')].map(figure => {"
        "const at = one => { const box = figure.querySelector(one).getBoundingClientRect();"
        "return [box.left, box.top, box.right, box.bottom]; };"
        "return [at('svg'), at('figcaption'), figure.getBoundingClientRect().right]; })",
    )
    assert len(figures) == 3
    for picture, caption, edge in figures:
        assert picture[2] <= edge
        assert caption[2] <= edge
        if width < 900:
            assert caption[1] >= picture[3] - 1  # below it
        else:
            assert caption[0] >= picture[2]  # beside it
    assert script(driver, "return document.documentElement.scrollWidth") <= width
    assert quiet(driver)


def test_no_text_leaves_its_box(driver: webdriver.Chrome, made: Path) -> None:
    """As this browser really sets the type, with the fonts that there are."""
    for page in (made / PAGE, made / "ways.svg"):
        look(driver, page, 1280)
        outside = script(
            driver,
            "return [...document.querySelectorAll('svg.way g')].flatMap(group => {"
            "const box = group.querySelector('rect').getBBox();"
            "return [...group.querySelectorAll('text')].filter(text => { const t = text.getBBox();"
            "return t.x < box.x || t.x + t.width > box.x + box.width || t.y < box.y"
            "|| t.y + t.height > box.y + box.height + 1; }).map(text => text.textContent); })",
        )
        assert outside == []
        assert script(driver, "return document.querySelectorAll('svg.way g text').length") > 6
        wide = script(
            driver,
            "return [...document.querySelectorAll('svg.way > text')].filter(text => { const t = text.getBBox();"
            "return t.x + t.width > text.ownerSVGElement.viewBox.baseVal.width; }).map(text => text.textContent)",
        )
        assert wide == []


def test_a_drawing_follows_light_dark_and_paper(driver: webdriver.Chrome, made: Path) -> None:
    fill = "return getComputedStyle(document.querySelector('svg.way rect.way-administrator')).fill"
    ink = "return getComputedStyle(document.querySelector('svg.way text.way-name')).fill"
    found = {}
    for theme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        look(driver, made / PAGE, 800, theme, media)
        found[theme, media] = (script(driver, fill), script(driver, ink))
    assert found["light", "screen"] == found["dark", "print"] == ("rgb(250, 230, 240)", "rgb(24, 33, 47)")
    assert found["dark", "screen"] == ("rgb(67, 18, 48)", "rgb(231, 236, 243)")
    for theme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(16, 21, 28)")):
        look(driver, made / "ways.svg", 800, theme)
        assert script(driver, "return getComputedStyle(document.querySelector('.way-ground')).fill") == ground
        assert script(driver, fill) == found[theme, "screen"][0]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_hostile_names_are_drawn_and_do_nothing(driver: webdriver.Chrome, made: Path) -> None:
    for page, scripts in ((made / PAGE, 2), (made / "ways.svg", 0)):
        look(driver, page, 1280)
        assert script(driver, "return document.querySelectorAll('script').length") == scripts
        names = script(driver, "return [...document.querySelectorAll('svg.way title')].map(node => node.textContent)")
        assert any("evil<U+202E>[red]<U+001B>[2J<script>" in name for name in names)
        assert quiet(driver)


def test_a_screen_reader_meets_one_image_with_a_name(driver: webdriver.Chrome, made: Path) -> None:
    look(driver, made / PAGE, 1280)
    tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    images = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "image"]
    named = [name for name in images if name.startswith(("runner can become", "deployer can become", "evil"))]
    assert len(named) == 3
    assert any(name.startswith("runner can become administrator in 2 steps") for name in named)
