"""The end of the process: what is in flight is answered first."""

import base64
import json
import signal
import socket
import struct
import subprocess
import threading
import time

import client as convd
import pytest
from rawsocket import Closed, Connection, ask, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"
PATIENT = ("--max-macs", "1000000000000000")  # takes requests that run for longer than the default allows
QUEUED = post("/conv2d", LAYER + b" " * 40_000, JSON)  # too large to be answered without a worker


def slow_request(url, seconds):
    """A convolution that this machine computes in about so many seconds, measured on a small one of its kind."""
    def request(images):
        def zeros(*shape):
            count = 1
            for size in shape:
                count *= size
            return {"shape": shape, "dtype": "float32", "base64": base64.b64encode(bytes(4 * count)).decode()}

        document = {"input": zeros(images, 16, 32, 32), "weight": zeros(16, 16, 15, 15), "padding": 7,
                    "algorithm": "reference"}
        return post("/conv2d", json.dumps(document).encode(), JSON)

    def compute_ms(images):
        timing = ask(url, request(images)).header("server-timing")
        return float(timing.split("compute;dur=")[1].split(",")[0])

    fastest_ms = min(compute_ms(1) for _ in range(3))
    return request(max(1, round(1000 * seconds / fastest_ms)))


class InBackground:
    """One request on a thread; `result()` is its response, or the exception that came instead."""

    def __init__(self, url, request):
        self.connection = Connection(url)
        self.outcome = None
        self.thread = threading.Thread(target=self._run, args=(request,), daemon=True)
        self.thread.start()

    def _run(self, request):
        try:
            self.outcome = self.connection.ask(request)
        except (Closed, OSError) as error:
            self.outcome = error

    def result(self):
        self.thread.join(convd.TIMEOUT_S)
        self.connection.socket.close()
        return self.outcome



@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_server_stops_at_once(start_server, number):
    server = start_server()
    with Connection(server.url) as connection:
        assert connection.ask(get("/livez")).status == 200
        start = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(10 * convd.SLOWNESS) == 0
        assert time.monotonic() - start < 1 * convd.SLOWNESS
        assert connection.is_closed_within(1)


def test_request_in_flight_is_answered(start_server):
    server = start_server("--threads", "1", *PATIENT)
    slow = InBackground(server.url, slow_request(server.url, 1.5))
    with Connection(server.url) as kept, Connection(server.url) as other:
        assert kept.ask(get("/readyz")).status == 200
        assert other.ask(get("/readyz")).status == 200
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        response = kept.ask(get("/readyz"))
        assert response.status == 503 and response.problem == "draining"
        assert response.header("retry-after")
        assert response.header("connection") == "close", "a kept connection would be cut later"
        assert other.ask(post("/conv2d", LAYER, JSON)).problem == "draining"
        assert ask(server.url, get("/livez")).status == 200
        assert ask(server.url, get("/readyz")).status == 503
    response = slow.result()
    assert response.status == 200, response
    assert response.header("connection") == "close"
    assert server.process.wait(5 * convd.SLOWNESS) == 0


def test_body_in_flight_is_read_and_answered(start_server):
    """The request was taken before the signal: its client may go on sending."""
    server = start_server()
    with Connection(server.url) as connection:
        request = post("/conv2d", LAYER, JSON)
        connection.send(request[:-5])
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None
        connection.send(request[-5:])
        assert connection.response().status == 200
    assert server.process.wait(5 * convd.SLOWNESS) == 0


def test_grace_time_ends_the_drain(start_server):
    server = start_server("--drain-timeout", "300ms", "--threads", "1", *PATIENT)
    slow = InBackground(server.url, slow_request(server.url, 20))
    time.sleep(0.5)
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(10 * convd.SLOWNESS)
    assert time.monotonic() - start < 4 * convd.SLOWNESS
    assert code == 1, "requests were cut off: that is no success"
    assert "cut off" in server.stderr()
    slow.result()


def test_second_signal_ends_at_once(start_server):
    server = start_server("--threads", "1", *PATIENT)
    slow = InBackground(server.url, slow_request(server.url, 20))
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert server.process.poll() is None
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(5 * convd.SLOWNESS) == 128 + signal.SIGTERM
    assert time.monotonic() - start < 1 * convd.SLOWNESS
    slow.result()


def test_client_that_leaves_frees_the_worker(start_server):
    """The reset of its connection cancels the work: the next request does not wait for 20 seconds."""
    server = start_server("--threads", "1", *PATIENT)
    request = slow_request(server.url, 20)
    connection = Connection(server.url)
    connection.send(request)
    time.sleep(0.5)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()
    start = time.monotonic()
    assert ask(server.url, QUEUED).status == 200
    assert time.monotonic() - start < 5 * convd.SLOWNESS


def test_full_queue_is_refused_quickly(start_server):
    server = start_server("--threads", "1", "--max-queue", "1", *PATIENT)
    heavy = slow_request(server.url, 6)
    sent = []
    for _ in range(4):  # one after the other: the first runs when the second takes the one place in the queue
        sent.append(InBackground(server.url, heavy))
        time.sleep(0.4)
    deadline = time.monotonic() + 2 * convd.SLOWNESS
    while sum(one.outcome is not None for one in sent) < 2:
        assert time.monotonic() < deadline, "two of four have no place, and are not told"
        time.sleep(0.02)
    start = time.monotonic()
    response = ask(server.url, QUEUED)
    assert time.monotonic() - start < 0.5 * convd.SLOWNESS
    assert response.status == 503 and response.problem == "overloaded" and response.header("retry-after")
    assert response.header("server-timing").startswith("decode;dur=0.000, queue;dur=")
    assert ask(server.url, get("/livez")).status == 200
    assert sorted(one.result().status for one in sent) == [200, 200, 503, 503]
    assert ask(server.url, QUEUED).status == 200


def test_signal_while_clients_come_and_go(start_server):
    """Every request that got an answer got a whole one, and the process ends well."""
    server = start_server()
    stop = threading.Event()
    wrong = []

    def hammer():
        while not stop.is_set():
            try:
                with Connection(server.url) as connection:
                    for _ in range(5):
                        response = connection.ask(post("/conv2d", LAYER, JSON))
                        if response.status not in (200, 503):
                            wrong.append(response)
                        if response.header("connection") == "close":
                            break
            except (Closed, OSError):
                pass

    threads = [threading.Thread(target=hammer, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    try:
        assert server.process.wait(10 * convd.SLOWNESS) == 0
    except subprocess.TimeoutExpired:
        pytest.fail("the drain does not end under load")
    finally:
        stop.set()
    assert not wrong
