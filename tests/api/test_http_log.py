"""The log: a JSON object a line, one line a request, whatever the request holds."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import client as convd
import pytest
from rawsocket import Connection, ask, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"


@pytest.fixture
def own_processes():
    if os.environ.get("CONVD_URL"):
        pytest.skip("CONVD_URL names a server that already runs: no processes of our own")


def lines_of(server):
    """Every line as an object; a line that is not JSON fails here."""
    return [convd.strict_json(line) for line in server.stderr().splitlines()]


def requests_of(server, count):
    """The access lines, once there are `count`: a line is written after the answer has gone."""
    deadline = time.monotonic() + 5 * convd.SLOWNESS
    while True:
        found = [line for line in lines_of(server) if line["event"] == "request"]
        if len(found) >= count or time.monotonic() > deadline:
            assert len(found) == count, found
            return found
        time.sleep(0.02)


@pytest.mark.parametrize("body,queued", [(LAYER, False), (LAYER + b" " * 40_000, True)], ids=["here", "queued"])
def test_access_line(start_server, body, queued):
    server = start_server()
    with Connection(server.url) as connection:
        response = connection.ask(post("/conv2d?", body, JSON, "X-Request-Id: the-id"))
        port = connection.socket.getsockname()[1]
    line, = requests_of(server, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["level"] == "info" and line["id"] == "the-id" and line["remote"] == f"127.0.0.1:{port}"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/conv2d", 200)
    assert (line["bytes_in"], line["bytes_out"]) == (len(body), len(response.body))
    assert line["duration_ms"] >= line["compute_ms"] >= 0
    assert ("queue_ms" in line) is queued
    assert "problem" not in line and "ended" not in line


def test_every_kind_of_request_has_one_line(start_server):
    server = start_server("--body-timeout", "300ms")
    ask(server.url, get("/livez?secret=1"))
    ask(server.url, get("/nowhere", method="HEAD"), head=True)
    ask(server.url, post("/conv2d", b"{", JSON))
    ask(server.url, get("/livez", "Host: another"))
    ask(server.url, post("/conv2d", LAYER, JSON)[:-1])
    lines = requests_of(server, 5)
    assert sorted((line["status"], line.get("problem", "")) for line in lines) == [
        (200, ""), (400, "malformed-json"), (400, "malformed-request"), (404, "not-found"), (408, "request-timeout")]
    assert [line["path"] for line in lines if line["status"] == 200] == ["/livez"], "a query may hold secrets"
    assert len({line["id"] for line in lines}) == 5


@pytest.mark.parametrize("pause", [0, 0.1])
def test_aborted_request_has_a_line(start_server, pause):
    """Also when the end of the stream came together with the last bytes."""
    server = start_server()
    with Connection(server.url) as connection:
        connection.send(post("/conv2d", LAYER, JSON)[:-1])
        time.sleep(pause)
    line, = requests_of(server, 1)
    assert (line["status"], line["ended"], line["bytes_in"]) == (0, "client abort", len(LAYER) - 1)


HOSTILE = ['"', "\\", '"}\\u0000{"', "%0a%0d", "<script>", "\xff\xfe", "x" * 20000, "';--"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_in_its_field(start_server, text):
    server = start_server()
    request = f"BREW /a{text} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {text[:100]}\r\n\r\n"
    assert ask(server.url, request).status == 404
    line, = requests_of(server, 1)
    assert line["path"] == f"/a{text}"[:256]
    assert line["method"] == "BREW"
    assert all(len(raw) < 4096 for raw in server.stderr().splitlines()), "longer lines are not atomic on a pipe"


def test_lines_of_many_threads_do_not_mix(start_server):
    server = start_server("--http-threads", "4")

    def client(number):
        with Connection(server.url) as connection:
            for i in range(50):
                connection.ask(get("/" + "x" * 200, f"X-Request-Id: {number}-{i}"))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {line["id"] for line in requests_of(server, 400)} == {f"{n}-{i}" for n in range(8) for i in range(50)}


@pytest.mark.parametrize("hurried", [False, True])
def test_no_line_is_lost_at_the_end(start_server, hurried):
    """Lines wait for each other, but not past the end: neither after SIGTERM nor after a second one."""
    server = start_server()
    with Connection(server.url) as unfinished, Connection(server.url) as connection:
        if hurried:
            unfinished.send(post("/conv2d", LAYER, JSON)[:-1])
        for i in range(300):
            connection.ask(get("/livez", f"X-Request-Id: {i}"))
        server.process.send_signal(signal.SIGTERM)
        if hurried:
            while "draining" not in server.stderr():
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(10 * convd.SLOWNESS)
    server.process.stdout.close()
    assert code == (128 + signal.SIGTERM if hurried else 0)
    lines = [line["id"] for line in lines_of(server) if line["event"] == "request" and line["status"] == 200]
    assert lines == [str(i) for i in range(300)]


@pytest.mark.parametrize("level,events", [("debug", True), ("info", True), ("warn", False), ("error", False),
                                          ("none", False)])
def test_levels(start_server, level, events):
    server = start_server("--log-level", level)
    ask(server.url, get("/livez"))
    server.stop()
    found = [line["event"] for line in lines_of(server)]
    assert ("request" in found) is events and ("drain" in found) is events


def test_log_that_nobody_reads_stops_nothing(own_processes):
    """A full pipe: lines are dropped, requests are not."""
    read_end, write_end = os.pipe()
    with subprocess.Popen([str(convd.default_binary()), "--port", "0"], stdout=subprocess.PIPE,
                          stderr=write_end) as process:
        try:
            os.close(write_end)
            url = process.stdout.readline().decode().split()[-1]
            with Connection(url, timeout=10 * convd.SLOWNESS) as connection:
                for _ in range(1000):
                    assert connection.ask(get("/" + "x" * 250)).status == 404
                held = b""
                while len(held) < 60000:
                    held += os.read(read_end, 65536)
                connection.ask(get("/livez"))
            time.sleep(0.2 * convd.SLOWNESS)
            held += os.read(read_end, 65536)
            lines = [json.loads(line) for line in held.decode().splitlines()]
            dropped = sum(line.get("dropped_lines", 0) for line in lines)
            assert dropped > 0 and dropped + sum(line["event"] == "request" for line in lines) == 1001
        finally:
            process.terminate()
            assert process.wait(10 * convd.SLOWNESS) == 0
            os.close(read_end)


def test_log_whose_reader_has_gone_stops_nothing(own_processes):
    read_end, write_end = os.pipe()
    with subprocess.Popen([str(convd.default_binary()), "--port", "0"], stdout=subprocess.PIPE,
                          stderr=write_end) as process:
        try:
            os.close(write_end)
            os.close(read_end)
            url = process.stdout.readline().decode().split()[-1]
            for _ in range(10):
                assert ask(url, post("/conv2d", LAYER, JSON)).status == 200
        finally:
            process.terminate()
            assert process.wait(10 * convd.SLOWNESS) == 0
