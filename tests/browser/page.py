"""The playground in Chromium, as tests see it: open a state, press keys, read what is shown, and what went wrong."""

import json
import os
import time
import urllib.parse

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service

PATIENCE_S = 100 if os.environ.get("CONVD_TEST_SLOW") else 10
FLAGS = ("--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
         "--disable-sync --hide-scrollbars --disable-dev-shm-usage").split()

# Runs before the page's own code: what a Content-Security-Policy stopped, and errors that nobody caught.
WATCH = """
window.violations = [];
addEventListener('securitypolicyviolation', event => violations.push(event.violatedDirective + ' ' + event.blockedURI));
addEventListener('error', event => violations.push('error ' + event.message));
addEventListener('unhandledrejection', event => violations.push('rejection ' + event.reason));
"""


def start_chromium():
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    driver.set_script_timeout(PATIENCE_S * 3)
    return driver


class Page:
    def __init__(self, driver, url):
        self.driver = driver
        self.url = url
        self.origin = urllib.parse.urlsplit(url)._replace(path="", query="", fragment="").geturl()
        self.errors = []
        self.requests = []
        self.expects_refusals = False  # Chromium logs every 4xx and 5xx of fetch as an error of the console
        self.drain_logs()
        self.errors.clear()
        self.requests.clear()

    # ---- opening

    def open(self, fragment="", width=1280, dark=False, path="/", media=(), wait=True):
        """Opens a state anew, at a width in CSS pixels, in light or dark."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}, *media]
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=features)
        self.driver.get("about:blank")
        self.driver.get(self.url + path + fragment)
        if wait:
            self.settle()

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, f"{what} does not come; status: {self.status()!r}"
            time.sleep(0.03)

    def settle(self):
        """Waits until the server has answered whatever was asked."""
        time.sleep(0.12)  # longer than the page waits for another edit
        self.wait_for(lambda: self.run(
            "return !document.querySelector('.status[data-kind=waiting]') && !document.querySelector('[aria-busy=true]') && document.readyState === 'complete'"
        ), "an answer")

    # ---- reading

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def status(self):
        return self.text(".status")

    def hash(self):
        time.sleep(0.15)  # longer than the page waits before it writes the address
        return self.run("return location.hash")

    def active(self):
        return self.driver.switch_to.active_element

    def grid(self, label):
        return self.find(f"[role=grid][aria-label='{label}']")

    def cells(self, label):
        """The texts of a small grid's cells, a list for each row."""
        return self.run("""
            const grid = document.querySelector(`[role=grid][aria-label='${arguments[0]}']`);
            const texts = [...grid.querySelectorAll('.cells text')].map(text => text.textContent), cols = Number(grid.getAttribute('aria-colcount'));
            return Array.from({length: texts.length / cols}, (_, row) => texts.slice(row * cols, (row + 1) * cols));""", label)

    def spoken(self, label):
        """What a screen reader hears of a grid's current cell."""
        return self.run("return document.querySelector(`[role=grid][aria-label='${arguments[0]}'] [role=gridcell]`).textContent", label)

    def marked(self, label, name):
        """How many cells of a grid carry a mark."""
        path = self.run("return document.querySelector(`[role=grid][aria-label='${arguments[0]}'] .mark-${arguments[1]}`)?.getAttribute('d') ?? ''", label, name)
        return path.count("M")

    def snippet(self, language):
        self.run("document.querySelector(`[data-language=${arguments[0]}]`).click()", language)
        return self.run("return document.querySelector('.copy-panel code').textContent")

    def scrolls_sideways(self):
        return self.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")

    # ---- doing

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_with(self, modifier, key):
        ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def focus(self, element):
        self.run("arguments[0].focus()", element)

    def set_field(self, name, value):
        field = self.find(f"[name={name}]")
        if field.tag_name == "select":
            self.run("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", field, value)
        else:
            self.focus(field)
            self.press_with(Keys.CONTROL, "a")
            self.press(str(value))

    def point_at(self, label, index, click=False):
        """Takes the mouse to a cell of a small grid, and presses it there."""
        grid = self.grid(label)
        cell = self.run("const cell = arguments[0].querySelectorAll('.cells rect')[arguments[1]]; cell.scrollIntoView({block: 'center'}); return cell", grid, index)
        mouse = ActionChains(self.driver).move_to_element(cell)
        (mouse.click() if click else mouse).perform()

    def take_pointer_away(self):
        """To the window's corner, where no grid comes under it when the page scrolls."""
        actions = ActionBuilder(self.driver)
        actions.pointer_action.move_to_location(1, 1)
        actions.perform()

    def click_link(self, view):
        self.run("document.querySelector(`[data-view=${arguments[0]}]`).click()", view.partition("?")[0])

    def click_button(self, text):
        for button in self.all("button"):
            if button.is_displayed() and button.text == text:
                self.run("arguments[0].click()", button)
                return
        raise AssertionError(f"no button '{text}'; there are {[button.text for button in self.all('button') if button.is_displayed()]}")

    # ---- what went wrong

    def drain_logs(self):
        for entry in self.driver.get_log("browser"):
            if entry["level"] == "SEVERE":
                self.errors.append(entry)
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def check_clean(self):
        self.drain_logs()
        errors = [entry["message"] for entry in self.errors if not (self.expects_refusals and entry["source"] == "network")]
        elsewhere = [url for url in self.requests if not url.startswith((self.origin + "/", "data:", "blob:", "about:"))]
        assert errors == []
        assert elsewhere == [], elsewhere
        assert self.run("return window.violations ?? []") == []
