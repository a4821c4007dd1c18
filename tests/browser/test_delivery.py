"""What the page weighs, what a hover costs, and its use from another origin."""

import functools
import http.server
import json
import pathlib
import threading

import pytest

import client as convd
from proxy import Proxy

MOST_BYTES = 80_000
MOST_HOVER_MS = 4
MOST_PASSES = 8


def test_weight(page):
    """All bodies of a first visit, as they come over the wire."""
    page.open("#/explore")
    page.driver.get_log("performance")
    page.command("Network.clearBrowserCache")
    page.driver.get("about:blank")
    page.driver.get(page.url + "/")
    page.settle()
    received, codings = {}, {}
    for entry in page.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        parameters = message["params"]
        if message["method"] == "Network.responseReceived":
            codings[parameters["requestId"]] = (parameters["response"]["url"], parameters["response"]["headers"])
        if message["method"] == "Network.dataReceived":
            received[parameters["requestId"]] = received.get(parameters["requestId"], 0) + parameters["encodedDataLength"]
    page_parts = {url: received.get(key, 0) for key, (url, _) in codings.items() if url.startswith(page.url)}
    assert len(page_parts) > 20 and page.url + "/" in page_parts
    assert all(headers.get("Content-Encoding") == "gzip" for url, headers in codings.values() if "/assets/" in url and not url.endswith(".svg"))
    assert 20_000 < sum(page_parts.values()) <= MOST_BYTES, page_parts


HOVER = """
const [label, places] = arguments, grid = document.querySelector(`[role=grid][aria-label='${label}']`);
const drawing = grid.querySelector('svg, .canvases'), box = drawing.getBoundingClientRect(), took = [];
for (const [down, across] of places) {
  const began = performance.now();
  drawing.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.left + across * box.width, clientY: box.top + down * box.height}));
  document.body.offsetHeight; // layout belongs to it
  took.push(performance.now() - began);
}
took.sort((a, b) => a - b);
return [took[Math.floor(took.length * 0.95)], (grid.closest('figure') ?? grid).querySelectorAll('.mark[d]').length, document.querySelector('.view:not([hidden]) .sum')?.innerText ?? ''];
"""
ALL_CELLS = [((row + 0.5) / 32, (col + 0.5) / 32) for row in range(32) for col in range(32)]
EACH_TIME_ANOTHER_CHANNEL = [((out + 0.5) / 16, (col + 0.5) / 12) for col in range(12) for out in range(16)]


def check_hover(page, label, places, said_well):
    """The 95th percentile over `places` in the best of some passes: other work on the machine only adds to it."""
    passes = []
    while len(passes) < MOST_PASSES and (not passes or min(passes) > MOST_HOVER_MS):
        p95, marks, said = page.run(HOVER, label, places)
        assert said_well(marks, said), said
        passes.append(p95)
    assert min(passes) <= MOST_HOVER_MS, passes


@pytest.mark.parametrize("label, state", [("Output", "#/explore?size=32,32&x=waves&padding=same&at="), ("Input with its padding", "#/explore?size=32,32&x=waves&at="),
                                          ("Input with its padding", "#/explore?size=28,28&x=waves&pad=2,2&mode=reflect&at="),
                                          ("Input with its padding", "#/explore?size=4,4&kernel=16,16&x=waves&pad=14,14&mode=replicate&at="),
                                          ("Input with its padding", "#/explore?size=8,8&kernel=9,9&x=waves&pad=12,12&mode=replicate&at="),
                                          ("Input with its padding", "#/explore?size=11,11&kernel=16,16&x=waves&pad=10,10&mode=circular&at="),
                                          ("Output", "#/explore?size=32,32&kernel=31,31&x=waves&padding=same&at="),
                                          ("Input with its padding", "#/pool?size=32,32&kernel=3,3&step=1&stride=1,1&at="), ("Output", "#/pool?size=32,32&kernel=1,1&at="),
                                          ("Input with its padding", "#/pool?mode=avg&size=32,32&kernel=7,7&step=1&stride=1,1&at="),
                                          ("Output", "#/pool?mode=avg&size=32,32&kernel=31,31&step=1&stride=1,1&pad=15,15&at="),
                                          ("Output", "#/pool?size=32,32&kernel=31,31&step=1&stride=1,1&pad=15,15&at="),
                                          ("Output", "#/pool?mode=lp&size=51,51&kernel=20,20&step=1&stride=1,1&at="),
                                          ("Output", "#/pool?size=32,32&kernel=128,128&step=1&stride=1,1&padding=same&at="),
                                          ("Output", "#/explore?size=32,32&kernel=128,128&x=waves&padding=same_upper&mode=replicate&at="),
                                          ("Output", "#/explore?size=32,32&kernel=128,128&x=waves&padding=same&at="),
                                          ("Kernel", "#/explore?size=128,128&kernel=32,32&x=waves&pad=64,64&at=")])
def test_hover(page, label, state):
    """The handler and the layout that it causes, over each cell of 32×32."""
    page.open(state)
    check_hover(page, label, ALL_CELLS, lambda marks, _: marks >= 1)


def test_hover_over_the_end_of_a_deep_chain(page):
    """As deep as ResNet-110."""
    page.open(f"#/stack?input=1,16,32,32&layers={109 * 'Conv2d(16,16,3,padding=1);BatchNorm2d(16);ReLU();'}&at=326:500")
    check_hover(page, "Plane behind the chosen layer", ALL_CELLS, lambda marks, _: marks >= 1)


def test_hover_without_an_answer(server_url, page_at):
    """Which of the windows over a cell it wins is the server's to say."""
    with Proxy(server_url) as proxy:
        page = page_at(proxy.url)
        page.expects_refusals = True
        proxy.mode = "drop"
        page.open("#/pool?size=32,32&kernel=31,31&step=1&stride=1,1&padding=same&at=")
        check_hover(page, "Input with its padding", ALL_CELLS, lambda _, said: "window" in said)


@pytest.mark.parametrize("kernel", ["kernel=3,3&pad=1,1", "kernel=12,12&pad=6,6&mode=reflect"])
def test_hover_over_channels(page, kernel):
    """The same where each move shows the partial sums of another output channel, of as many as are drawn."""
    page.open(f"#/channels?ins=16&outs=16&size=12,12&{kernel}")
    check_hover(page, "Output, channel below channel", EACH_TIME_ANOTHER_CHANNEL, lambda _, said: "y[15," in said)


@pytest.fixture
def elsewhere():
    """The example front end on an origin of its own."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = pathlib.Path(__file__).resolve().parent / "frontend"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("allowed", [True, False])
def test_front_end_on_another_origin(browser, page_at, elsewhere, allowed):
    server = convd.Server("--cors-origin", elsewhere if allowed else "http://127.0.0.1:1")
    try:
        server.wait_until_ready()
        page = page_at(elsewhere)
        page.driver.get(f"{elsewhere}/?api={server.url}")
        text = page.wait_for(lambda: page.text("#answer"), "the answer")
        if allowed:
            assert text.startswith("8 9 8") and "direct" in text and "422" in text, text
        else:
            assert "cannot be reached" in text, text
    finally:
        server.stop()
