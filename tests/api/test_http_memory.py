"""The process is large while it has to be, and small again afterwards. Memory is measured here, not time."""

import base64
import io
import json
import threading
import time

import client as convd
import numpy
import pytest
from form_files import npy
from pictures import FORM, form, write_jpeg, write_png

CLIENTS = 64
GROWN = 1.1  # what the idle process may have gained


@pytest.fixture
def measured():
    if convd.SLOWNESS != 1:
        pytest.skip("sanitizers keep memory of their own")


def in_kib(server, file, field):
    text = open(f"/proc/{server.process.pid}/{file}").read()
    return int(text.split(field + ":")[1].split()[0])


def resident_kib(server):
    return in_kib(server, "smaps_rollup", "Rss")


def image_requests(forms):
    """[(query, body, headers)] of one layer of image size."""
    dice = numpy.random.default_rng(1)
    image, weight = (dice.random(shape).astype("float32") for shape in ((3, 224, 224), (64, 3, 7, 7)))
    body = json.dumps({"input": image.tolist(), "weight": weight.tolist(), "stride": 2, "padding": 3})
    requests = [("", body, {"Content-Type": "application/json"})]
    if forms == "json":
        return requests
    for save in (numpy.savez, numpy.savez_compressed):
        file = io.BytesIO()
        save(file, input=image, weight=weight)
        requests.append(("?stride=2&padding=3", file.getvalue(), {"Content-Type": "application/x-npz", "Accept": "application/json"}))
    requests.append(("?stride=2&padding=3", file.getvalue(), {"Content-Type": "application/x-npz", "Accept": "image/png"}))
    samples = dice.integers(0, 256, (224, 224, 3))
    for picture in write_jpeg(samples), write_png(samples):
        body = form(input=picture, weight=npy(weight), stride="2", padding="3")
        requests.append(("", body, {**FORM, "Accept": "image/png"}))
    tensors = {name: {"shape": list(array.shape), "dtype": "float32", "base64": base64.b64encode(array.tobytes()).decode()}
               for name, array in (("input", image), ("weight", weight))}
    requests.append(("", json.dumps({**tensors, "stride": 2, "padding": 3}), {"Content-Type": "application/json", "Accept": "application/x-safetensors"}))
    return requests


@pytest.mark.parametrize("forms", ["json", "all"])
def test_memory_returns_after_a_burst(measured, start_server, forms):
    server = start_server()
    server.wait_until_ready()
    idle_kib = resident_kib(server)
    requests = image_requests(forms)
    statuses = []

    def ask_once(query, body, headers):
        client = server.client()
        statuses.append(client.post_raw("/conv2d" + query, body, headers).status)
        client.close()

    threads = [threading.Thread(target=ask_once, args=requests[i % len(requests)]) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * CLIENTS
    assert in_kib(server, "status", "VmHWM") > 4 * idle_kib, "no burst to recover from"

    assert_small_again(server, idle_kib)


def assert_small_again(server, idle_kib):
    deadline = time.monotonic() + 10
    while (now_kib := resident_kib(server)) > GROWN * idle_kib:
        assert time.monotonic() < deadline, f"{idle_kib} KiB before, {now_kib} KiB ten seconds after"
        time.sleep(0.2)


def test_memory_returns_after_connections_that_stay_open(measured, start_server):
    """They end when nothing else happens any more, and what each of them took goes back then."""
    server = start_server()
    server.wait_until_ready()
    idle_kib = resident_kib(server)
    clients = [server.client() for _ in range(4 * CLIENTS)]
    body = json.dumps({"input": numpy.ones((1, 32, 32)).tolist(), "weight": numpy.ones((6, 1, 3, 3)).tolist()})
    for client in clients:
        assert client.post_raw("/conv2d", body, {"Content-Type": "application/json"}).status == 200
    time.sleep(9)
    assert resident_kib(server) > 1.3 * idle_kib, "they take no memory"
    for client in clients:
        client.close()
    assert_small_again(server, idle_kib)


def test_memory_does_not_grow_with_requests(measured, start_server):
    """The second hundred of the same requests needs no more than the first."""
    server = start_server()
    client = server.client()
    small = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]})
    middle = json.dumps({"input": numpy.ones((8, 64, 64)).tolist(), "weight": numpy.ones((8, 8, 3, 3)).tolist()})
    peaks = []
    for _ in range(2):
        for _ in range(50):
            for body in (small, middle):
                assert client.post_raw("/conv2d", body, {"Content-Type": "application/json"}).status == 200
        peaks.append(in_kib(server, "status", "VmHWM"))
    client.close()
    assert peaks[1] <= peaks[0] * 1.05, peaks
