"""Fixtures: a server, Chromium, and the page in it.

Chromium and its driver are Debian's (chromium, chromium-driver, python3-selenium); without them these tests say that they are
skipped. The servers are started as those of tests/api are, and so with the same variables (CONVD_BINARY, CONVD_TEST_SLOW).
"""

import os
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]

import client as convd  # noqa: E402


@pytest.fixture(scope="session")
def server_url():
    if os.environ.get("CONVD_URL"):
        yield os.environ["CONVD_URL"].rstrip("/")
        return
    server = convd.Server()
    server.wait_until_ready()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def browser():
    pytest.importorskip("selenium", reason="python3-selenium is not installed")
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    import page

    driver = page.start_chromium()
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, server_url):
    """The page of the shared server. What went wrong on it without being asked for fails the test at its end."""
    import page as pages

    opened = pages.Page(browser, server_url)
    yield opened
    opened.check_clean()


@pytest.fixture
def page_at(browser):
    """A function that gives the page of another address."""
    import page as pages

    return lambda url: pages.Page(browser, url)
