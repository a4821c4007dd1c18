#!/usr/bin/python3
"""screenshots.py FOLDER [URL]: a picture of each view in light and dark, wide and narrow, and of the states that the tests know."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]

import client as convd  # noqa: E402
import page as pages  # noqa: E402
import test_access  # noqa: E402


def shoot(page, path):
    height = page.run("return document.documentElement.scrollHeight")
    width = page.run("return document.documentElement.clientWidth")
    page.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    page.driver.save_screenshot(str(path))


def main(folder, url=None):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    server = None if url else convd.Server()
    driver = pages.start_chromium()
    page = pages.Page(driver, url or server.url)
    for state, fragment in test_access.STATES.items():
        for dark in (False, True):
            for width in (1280, 320):
                page.open(fragment, width, dark)
                shoot(page, folder / f"{state.replace(', ', '-')}-{'dark' if dark else 'light'}-{width}.png")
    driver.quit()
    if server:
        server.stop()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
