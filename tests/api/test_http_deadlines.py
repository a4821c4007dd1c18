"""Clients that are slow or silent: each is ended after its own time, and told so where there is something to tell."""

import json
import threading
import time

import client as convd
import pytest
from rawsocket import Closed, Connection, ask, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"
SLACK_S = 1.5 * convd.SLOWNESS


@pytest.fixture
def hasty(start_server):
    return start_server("--body-timeout", "600ms", "--header-timeout", "800ms", "--idle-timeout", "1s").url


def trickle(connection, data, stop):
    """A byte every 50 ms: never idle, never done."""
    for byte in data:
        if stop.wait(0.05) or connection.send_what_is_taken(bytes([byte])) == 0:
            return


@pytest.mark.parametrize("sent", [b"", b'{"input"'])
def test_stalled_body_gets_408(hasty, sent):
    with Connection(hasty) as connection:
        start = time.monotonic()
        connection.send(post("/conv2d", LAYER, JSON, "X-Request-Id: late")[: -len(LAYER)] + sent)
        response = connection.response()
        assert 0.5 < time.monotonic() - start < 0.6 + SLACK_S
        assert response.status == 408 and response.problem == "request-timeout"
        assert response.header("x-request-id") == "late"
        assert response.header("connection") == "close"
        assert "--body-timeout" in response.detail
        assert connection.is_closed_within(2 + SLACK_S)


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_slow_body_gets_408(hasty, framing):
    """A byte at a time would keep an idle-only timeout asleep for ever."""
    stop = threading.Event()
    with Connection(hasty) as connection:
        connection.send(f"POST /conv2d HTTP/1.1\r\nHost: a\r\n{JSON}\r\n{framing}\r\n\r\n")
        body = b" " * 1000 if "Length" in framing else b"1\r\n \r\n" * 100
        sender = threading.Thread(target=trickle, args=(connection, body, stop))
        start = time.monotonic()
        sender.start()
        try:
            assert connection.response().status == 408
            assert time.monotonic() - start < 0.6 + SLACK_S
            assert connection.is_closed_within(2 + SLACK_S)
        finally:
            stop.set()
            sender.join()


def test_body_that_follows_a_408_is_not_answered(hasty):
    with Connection(hasty) as connection:
        assert connection.ask(post("/conv2d", LAYER, JSON)[:-1]).status == 408
        connection.send_what_is_taken(LAYER[-1:] + get("/livez"))
        with pytest.raises(Closed):
            connection.response()


@pytest.mark.parametrize("start_of_head", [b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: "])
def test_stalled_headers_are_closed(hasty, start_of_head):
    with Connection(hasty) as connection:
        start = time.monotonic()
        connection.send(start_of_head)
        assert connection.is_closed_within(0.8 + SLACK_S)
        assert time.monotonic() - start > 0.6


def test_slow_headers_are_closed(hasty):
    stop = threading.Event()
    with Connection(hasty) as connection:
        head = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: " + b"x" * 1000
        sender = threading.Thread(target=trickle, args=(connection, head, stop))
        sender.start()
        try:
            assert connection.is_closed_within(0.8 + SLACK_S)
        finally:
            stop.set()
            sender.join()


def test_slow_headers_of_a_second_request_are_closed(hasty):
    with Connection(hasty) as connection:
        assert connection.ask(get("/livez")).status == 200
        connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n")
        assert connection.is_closed_within(1 + SLACK_S)


def test_idle_connection_is_closed_and_a_busy_one_is_not(hasty):
    with Connection(hasty) as connection:
        for _ in range(6):
            assert connection.ask(get("/livez")).status == 200
            time.sleep(0.3)
        start = time.monotonic()
        assert connection.is_closed_within(1 + SLACK_S)
        assert time.monotonic() - start > 0.5


def test_reader_that_stalls_is_closed(hasty):
    """The answer is larger than what the sockets' buffers hold, and nobody reads it."""
    document = {"input": {"shape": [1, 1, 1], "data": [1]}, "weight": [[[[1]]]], "padding": 1000, "format": "base64"}
    with Connection(hasty, receive_buffer=4096) as connection:
        connection.send(post("/conv2d", json.dumps(document).encode(), JSON))
        time.sleep(3.5)
        received = 0
        with pytest.raises(Closed):
            while True:
                connection._more()
                received, connection.pending = received + len(connection.pending), b""
        assert received < 15_000_000


def test_reader_that_is_merely_slow_gets_everything(hasty):
    document = {"input": {"shape": [1, 1, 1], "data": [1]}, "weight": [[[[1]]]], "padding": 500, "format": "base64"}
    with Connection(hasty, receive_buffer=65536) as connection:
        connection.send(post("/conv2d", json.dumps(document).encode(), JSON))
        for _ in range(30):
            time.sleep(0.1)
            connection._more()
        response = connection.response()
        assert response.status == 200
        assert convd.strict_json(response.body.decode())["shape"] == [1, 1001, 1001]


def test_many_slow_clients_do_not_disturb_a_good_one(start_server):
    url = start_server("--body-timeout", "5s", "--header-timeout", "5s").url
    slow = []
    try:
        for i in range(300):
            slow.append(Connection(url))
            slow[-1].send(b"GET /livez HT" if i % 2 else post("/conv2d", LAYER, JSON)[:-3])
        with Connection(url) as good:
            start = time.monotonic()
            for _ in range(50):
                assert good.ask(post("/conv2d", LAYER, JSON)).status == 200
            assert time.monotonic() - start < 2 * convd.SLOWNESS
    finally:
        for connection in slow:
            connection.socket.close()
    assert ask(url, get("/livez")).status == 200
