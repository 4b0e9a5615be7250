"""The report in headless Chromium, with 50,000 rows in its table and names that would do harm if they could."""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
USERS = 4_600  # in each of two accounts: a few more rows than the page embeds


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None or shutil.which("chromedriver") is None:
        pytest.skip("no Chromium with its driver is installed")
    return found


def estates() -> Any:
    """The estate of the unit tests, which lies in a conftest file of theirs."""
    path = Path(__file__).parents[1] / "unit" / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("report_estates", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_estates"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium()
    from nhiscan.inventory import open_inventory
    from nhiscan.report import keys

    world = estates()
    folder = tmp_path_factory.mktemp("browser")
    made = world.Made(
        open_inventory(str(folder / "nhiscan.db")), world.rules_as_shipped(), keys.signer_from_seed(world.SEED)
    )
    made.scan(world.Estate(users=USERS))
    made.write(folder / "evidence")
    return folder / "evidence"


@dataclass(frozen=True)
class Page:
    driver: webdriver.Chrome
    data: dict[str, Any]

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def script(self, text: str, *values: object) -> Any:
        return self.driver.execute_script(text, *values)

    def messages(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def column(self, label: str) -> list[str]:
        """The cells of a column that are drawn."""
        found = self.script(
            "const at = [...document.querySelectorAll('#head th')].findIndex((th) => th.textContent === arguments[0]);"
            "return [...document.querySelectorAll('#rows tr:not(.spacer)')].map((tr) => tr.cells[at].textContent);",
            label,
        )
        assert isinstance(found, list)
        return found

    def shown(self) -> int:
        return int(self.one("#count").text.split(" of ")[0].replace(",", ""))

    def wait(self, script: str) -> None:
        WebDriverWait(self.driver, 60).until(lambda _: self.script(f"return {script}"))


def browse(*more: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, *more, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    options.binary_location = chromium()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    made = browse()
    yield made
    made.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, package: Path) -> Page:
    path = package / "data" / "01-report" / "report.html"
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get(path.as_uri())
    text = path.read_bytes().decode()
    start = text.index('id="data">') + len('id="data">')
    opened = Page(driver, json.loads(text[start : text.index("</script>", start)]))
    opened.wait("document.documentElement.dataset.ready === 'yes'")
    return opened


def test_fifty_thousand_rows_make_a_small_page(page: Page, package: Path) -> None:
    assert page.data["rows"] == 50_000
    assert page.one("#count").text == "50,000 of 50,000 rows"
    assert page.script("return document.querySelectorAll('#rows tr').length") < 100
    assert page.script("return document.getElementsByTagName('*').length") < 40_000
    assert (package / "data" / "01-report" / "report.html").stat().st_size < 16 << 20
    assert "The first 50,000 of" in page.one("#all").text
    assert page.messages() == []


def test_scrolling_draws_other_rows(page: Page) -> None:
    before = page.column("Item")
    page.script("document.getElementById('box').scrollTop = 25000 * 32")
    page.wait("document.querySelector('#rows tr:not(.spacer)').getAttribute('aria-rowindex') > 20000")
    assert page.column("Item") != before
    page.script("document.getElementById('box').scrollTop = 1e9")
    page.wait("[...document.querySelectorAll('#rows tr')].at(-1).getAttribute('aria-rowindex') === '50001'")
    assert page.messages() == []


def test_searching_and_choosing(page: Page) -> None:
    field = page.one("#find")
    field.send_keys("akia0000000000000042")
    page.wait("!document.getElementById('count').textContent.startsWith('50,000')")
    assert 0 < page.shown() < 50
    assert all("AKIA0000000000000042" in text for text in page.column("Item"))
    field.send_keys(Keys.CONTROL + "a", Keys.DELETE)
    page.wait("document.getElementById('count').textContent.startsWith('50,000')")
    choices = {
        label.text.split("\n")[0]: Select(label.find_element(By.TAG_NAME, "select"))
        for label in page.all("#choices label")
    }
    assert list(choices) == ["Severity", "Result", "Rule", "Scope"]
    severities = [option.text for option in choices["Severity"].options]
    assert severities[0] == "All"
    assert severities[1:] == [word for word in ("Critical", "High", "Medium", "Low", "Info") if word in severities]
    choices["Result"].select_by_visible_text("Deviation")
    column = next(column for column in page.data["columns"] if column["key"] == "result")
    wanted = column["index"].count(column["words"].index("Deviation"))
    page.wait(f"document.getElementById('count').textContent.startsWith('{wanted:,} of')")
    assert set(page.column("Result")) == {"Deviation"}
    field.send_keys("no row has this")
    page.wait("document.getElementById('count').textContent.startsWith('0 of')")
    assert page.messages() == []


def test_sorting_by_keyboard(page: Page) -> None:
    head = page.all("#head button")[0]
    assert head.text == "Severity"
    order = "document.querySelector('#head th').getAttribute('aria-sort')"
    column = next(column for column in page.data["columns"] if column["key"] == "severity")
    assert page.script(f"return {order}") == "ascending"  # the worst comes first, unasked
    assert set(page.column("Severity")) == {column["words"][0]}
    head.send_keys(Keys.ENTER)
    page.wait(f"{order} === 'descending'")
    assert set(page.column("Severity")) == {column["words"][-1]}
    head.send_keys(Keys.ENTER)
    page.wait(f"{order} === 'ascending'")
    assert set(page.column("Severity")) == {column["words"][0]}
    assert page.messages() == []


def test_a_row_opens_with_every_fact(page: Page) -> None:
    button = page.one("#rows button")
    name = button.text
    button.send_keys(Keys.ENTER)
    page.wait("!document.getElementById('detail').hidden")
    words = page.one("#detail").text
    assert name.strip() in words
    assert all(column["label"] in words for column in page.data["columns"])
    assert page.script("return document.activeElement.dataset.row") is not None  # the focus stays where it was
    assert page.messages() == []


def test_hostile_names_stay_text(page: Page) -> None:
    assert page.script("return document.images.length") == 0
    page.one("#find").send_keys("onerror=alert")
    page.wait("!document.getElementById('count').textContent.startsWith('50,000')")
    assert any('"><img src=x onerror=alert(1)>' in text for text in page.column("Item"))
    assert page.script("return document.images.length") == 0
    assert page.script("return document.scripts.length") == 2
    assert "<U+202E>" in page.script("return document.body.textContent")
    assert page.messages() == []


def test_the_policy_is_in_force(page: Page) -> None:
    with pytest.raises(Exception, match="TrustedHTML"):
        page.script("document.body.innerHTML = '<b>no</b>'")
    page.script(
        "const s = document.createElement('script'); s.id = 'injected'; try { s.textContent = 'window.ran = 1'; }"
        "catch (e) { window.refused = 1; } document.body.append(s);"
        "const i = document.createElement('img'); i.src = 'file:///etc/hostname'; document.body.append(i);"
        "const b = document.createElement('b'); b.setAttribute('style', 'color: red'); b.id = 'styled';"
        "document.body.append(b);"
    )
    assert page.script("return window.ran") is None
    assert page.script("return getComputedStyle(document.getElementById('styled')).color !== 'rgb(255, 0, 0)'")
    assert any("Content Security Policy" in message for message in page.messages())


@pytest.mark.parametrize("width", [320, 768, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(page: Page, width: int, theme: str) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    assert page.script("return document.documentElement.scrollWidth") <= width
    dark = page.script("return getComputedStyle(document.body).backgroundColor")
    assert dark == ("rgb(255, 255, 255)" if theme == "light" else "rgb(16, 21, 28)")
    box = page.one("#box").rect
    assert box["width"] <= width


def test_no_column_is_cut_off_on_a_usual_screen(page: Page) -> None:
    screen = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    cut = page.script(
        "return [...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1)"
        ".map(box => box.innerText.slice(0, 60))"
    )
    assert cut == []


def test_without_scripts_all_facts_are_there(package: Path) -> None:
    driver = browse("--blink-settings=scriptEnabled=false")
    try:
        driver.get((package / "data" / "01-report" / "report.html").as_uri())
        words = driver.find_element(By.TAG_NAME, "main").text
        assert "Population proven complete: no" in words
        assert "Scripts are off" in words
        assert "iam:GenerateCredentialReport" in words
        assert not driver.find_element(By.ID, "box").is_displayed()
        assert driver.find_elements(By.CSS_SELECTOR, "article.rule table tbody tr")
    finally:
        driver.quit()


def test_it_prints_without_the_table_that_a_screen_cuts(page: Page) -> None:
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert page.script("return getComputedStyle(document.getElementById('box')).display") != "block" or (
            page.script("return document.getElementById('box').getClientRects().length") == 0
        )
        assert page.script("return getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_index_opens_without_a_word_on_the_console(driver: webdriver.Chrome, package: Path) -> None:
    driver.get((package / "data" / "00-README.html").as_uri())
    assert driver.title.startswith("Read me first")
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
    for link in driver.find_elements(By.CSS_SELECTOR, "main a"):
        target = (link.get_attribute("href") or "").split("#")[0]
        assert os.path.exists(target.removeprefix("file://"))  # noqa: PTH110
