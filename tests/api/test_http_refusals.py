"""Requests that are refused by their headers or their length: when the answer comes, and what it costs."""

import base64
import http.client
import json
import time
import urllib.parse

import client as convd
import pytest
from rawsocket import Closed, Connection, ask, chunked, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"
MIB = 1 << 20


@pytest.mark.parametrize("path,headers,problem", [
    ("/nowhere", (JSON,), "not-found"),
    ("/livez", (JSON,), "method-not-allowed"),
    ("/conv2d", ("Content-Type: text/csv",), "unsupported-media-type"),
    ("/conv2d", (JSON, "Content-Encoding: gzip"), "unsupported-media-type"),
    ("/conv2d", (JSON, "Content-Encoding: identity, br"), "unsupported-media-type"),
])
@pytest.mark.parametrize("size", [1, 100_000, 4 * MIB])
def test_refused_body_is_read_and_the_connection_lives(server_url, path, headers, problem, size):
    with Connection(server_url) as connection:
        assert connection.ask(post(path, b"x" * size, *headers)).problem == problem
        assert connection.ask(get("/livez")).status == 200


def test_refused_chunked_body_is_read_too(server_url):
    body = chunked(*[b"x" * 65536] * 20)
    with Connection(server_url) as connection:
        request = post("/nowhere", body, "Transfer-Encoding: chunked", length=False)
        assert connection.ask(request).problem == "not-found"
        assert connection.ask(get("/livez")).status == 200


def test_clients_that_send_everything_first_see_the_refusal(server_url):
    """http.client reads nothing before it has sent the body: without the discarding it meets a broken pipe."""
    parts = urllib.parse.urlsplit(server_url)
    for _ in range(20):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=convd.TIMEOUT_S)
        connection.request("POST", "/nowhere", body=b"x" * (4 * MIB))
        assert connection.getresponse().status == 404
        connection.close()


def test_refusal_does_not_wait_longer_than_two_seconds(server_url):
    """A megabyte is announced and never comes: the answer does, and then the connection ends."""
    with Connection(server_url) as connection:
        start = time.monotonic()
        response = connection.ask("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        assert 1.5 < time.monotonic() - start < 3.5 * convd.SLOWNESS
        assert response.problem == "not-found"
        assert response.header("connection") == "close"
        assert response.header("date").endswith(" GMT")
        assert connection.is_closed_within(5 * convd.SLOWNESS)


def test_body_of_a_refusal_is_not_read_for_ever(server_url):
    """64 MiB are announced: the answer comes at once, and the server does not take all that is sent."""
    with Connection(server_url) as connection:
        connection.send(f"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {1 << 40}\r\n\r\n")
        start = time.monotonic()
        response = connection.response()
        assert time.monotonic() - start < 1 * convd.SLOWNESS
        assert response.problem == "not-found"
        assert connection.send_what_is_taken(b"x" * (256 * MIB)) < 128 * MIB


def test_endless_chunked_refusal_is_ended(server_url):
    with Connection(server_url) as connection:
        connection.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = connection.send_what_is_taken(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        for _ in range(3000):
            piece = connection.send_what_is_taken(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += piece
            if piece < 65536:
                break
        assert sent < 128 * MIB, "the server reads on and on"
        assert connection.response().problem == "not-found"


# ---- 413 ---------------------------------------------------------------------------------------------------------


def test_length_over_the_limit_is_refused_from_the_headers(start_server):
    server = start_server("--max-body", "64M")
    with Connection(server.url) as connection:
        start = time.monotonic()
        response = connection.ask(f"POST /conv2d HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: 67108865\r\n\r\n")
        assert time.monotonic() - start < 1 * convd.SLOWNESS, "it waited for the body"
        assert response.status == 413 and response.problem == "limit-exceeded"
        assert "67108865" in response.detail and "67108864" in response.detail and "--max-body" in response.detail


def test_small_limit_and_a_body_that_is_sent(start_server):
    url = start_server("--max-body", "1K").url
    with Connection(url) as connection:
        assert connection.ask(post("/conv2d", b" " * 1025, JSON)).status == 413
        assert connection.ask(post("/conv2d", LAYER + b" " * (1024 - len(LAYER)), JSON)).status == 200


@pytest.mark.parametrize("pieces", [[b" " * 1025], [b" " * 1000, b" " * 25], [b" "] * 1025])
def test_chunked_body_over_the_limit(start_server, pieces):
    url = start_server("--max-body", "1K").url
    with Connection(url) as connection:
        response = connection.ask(post("/conv2d", chunked(*pieces), JSON, "Transfer-Encoding: chunked", length=False))
        assert response.status == 413 and response.problem == "limit-exceeded"
        assert "1024" in response.detail and "--max-body" in response.detail
        assert response.header("connection") == "close"
        assert connection.is_closed_within(5 * convd.SLOWNESS)


@pytest.mark.parametrize("path", ["/livez", "/version", "/shape?type=relu&input_shape=1,2"])
def test_body_of_a_get_over_64_kib(server_url, path):
    """Nobody reads it, so it must not cost what --max-body allows; a small one is ignored."""
    small, large = b"x" * 60_000, b"x" * 65_537
    assert ask(server_url, get(path).replace(b"\r\n\r\n", b"\r\nContent-Length: 60000\r\n\r\n") + small).status == 200
    head = get(path, "Transfer-Encoding: chunked")
    assert ask(server_url, head + chunked(small)).status == 200
    refusals = [head + chunked(large), head + chunked(small, large),
                get(path).replace(b"\r\n\r\n", b"\r\nContent-Length: 65537\r\n\r\n") + large]
    for request in refusals:
        response = ask(server_url, request)
        assert response.status == 413 and response.problem == "limit-exceeded"
        assert "65536" in response.detail and "--max" not in response.detail


def test_chunked_body_at_the_limit(start_server):
    url = start_server("--max-body", "1K").url
    body = LAYER + b" " * (1024 - len(LAYER))
    request = post("/conv2d", chunked(body[:100], body[100:]), JSON, "Transfer-Encoding: chunked", length=False)
    assert ask(url, request).status == 200


# ---- Expect: 100-continue ----------------------------------------------------------------------------------------


def test_continue_is_sent_for_what_will_be_read(server_url):
    with Connection(server_url) as connection:
        connection.send(post("/conv2d", LAYER, JSON, "Expect: 100-continue")[: -len(LAYER)])
        assert connection.response().status == 100
        connection.send(LAYER)
        assert connection.response().status == 200


@pytest.mark.parametrize("path,headers,length,status", [
    ("/nowhere", (JSON,), 10, 404),
    ("/livez", (JSON,), 10, 405),
    ("/conv2d", ("Content-Type: text/csv",), 10, 415),
    ("/conv2d", (JSON, "Content-Encoding: gzip"), 10, 415),
    ("/conv2d", (JSON,), 1 << 40, 413),
])
def test_continue_is_never_sent_for_what_is_refused(server_url, path, headers, length, status):
    with Connection(server_url) as connection:
        start = time.monotonic()
        request = "\r\n".join([f"POST {path} HTTP/1.1", "Host: a", *headers, "Expect: 100-Continue",
                               f"Content-Length: {length}", "", ""])
        response = connection.ask(request)
        assert response.status == status and response.problem
        assert time.monotonic() - start < 1 * convd.SLOWNESS, "a waiting client was kept waiting"
        assert connection.is_closed_within(5 * convd.SLOWNESS)


@pytest.mark.parametrize("line,headers,status", [
    ("GET /livez", (), 200),
    ("GET /nowhere", (), 404),
    ("OPTIONS /conv2d", (), 204),
    ("POST /conv2d", (JSON, "Content-Length: 0"), 400),
    ("POST /conv2d", (JSON,), 400),
])
def test_continue_is_not_waited_for_without_a_body(server_url, line, headers, status):
    """What comes behind such a request is the next one, not its body."""
    with Connection(server_url) as connection:
        request = "\r\n".join([f"{line} HTTP/1.1", "Host: a", *headers, "Expect: 100-continue", "", ""])
        response = connection.ask(request + get("/livez").decode())
        assert response.status == status
        assert (response.header("server-timing") is not None) == line.startswith("POST")
        assert response.header("connection") == "close"
        assert connection.is_closed_within(5 * convd.SLOWNESS)


# ---- memory ------------------------------------------------------------------------------------------------------


def test_body_beyond_the_memory_budget(start_server):
    url = start_server("--memory-budget", "8M", "--max-body", "64M").url
    with Connection(url) as connection:
        response = connection.ask(post("/conv2d", b" " * (9 * MIB), JSON))
        assert response.status == 503 and response.problem == "overloaded"
        assert int(response.header("retry-after")) >= 1
        assert response.detail == f"the body has {9 * MIB} bytes, and 64 are kept behind it; all requests together may hold {8 * MIB} (--memory-budget)"
        assert connection.ask(post("/conv2d", LAYER, JSON)).status == 200


def test_chunked_body_beyond_the_memory_budget(start_server):
    url = start_server("--memory-budget", "8M", "--max-body", "64M").url
    body = chunked(*[b" " * 65536] * 144)
    response = ask(url, post("/conv2d", body, JSON, "Transfer-Encoding: chunked", length=False))
    assert response.status == 503 and response.problem == "overloaded" and "(--memory-budget)" in response.detail
    assert ask(url, post("/conv2d", LAYER, JSON)).status == 200


def test_chunked_body_that_just_fits_into_the_memory_budget(start_server):
    """It grows by parts of itself, as long as there is room for them."""
    url = start_server("--memory-budget", "8M", "--max-body", "64M").url
    parts = [b" " * 65536] * (8 * 16 - 3)
    response = ask(url, post("/conv2d", chunked(*parts), JSON, "Transfer-Encoding: chunked", length=False))
    assert response.status == 400, response.detail


def test_a_request_that_can_never_have_its_memory(start_server):
    """None of its parts is beyond the budget, but they are together: waiting would not help."""
    url = start_server("--memory-budget", "4M").url
    side = 512
    input_ = {"shape": [1, side, side], "dtype": "float32", "base64": base64.b64encode(bytes(4 * side * side)).decode()}
    body = json.dumps({"input": input_, "weight": [[[[1]]]] * 2}).encode()
    response = ask(url, post("/conv2d", body, JSON))
    assert response.status == 413 and response.problem == "limit-exceeded" and response.header("retry-after") is None
    assert f"the output would take {4 * 2 * side * side} bytes, beside " in response.detail
    assert ask(url, post("/conv2d", LAYER, JSON)).status == 200


def test_an_answer_that_can_never_have_its_memory(start_server):
    url = start_server("--memory-budget", "48M").url
    body = b'{"input": {"shape": [1, 1, 2000000], "data": [' + b",".join([b"1"] * 2000000) + b']}, "kernel_size": 1}'
    response = ask(url, post("/pool2d", body, JSON))
    assert response.status == 413 and response.problem == "limit-exceeded" and response.header("retry-after") is None
    assert "the answer's text would take " in response.detail and "--memory-budget" in response.detail


@pytest.mark.parametrize("accept", ["application/json", "image/png"])
def test_no_answer_that_can_never_have_its_memory(start_server, accept):
    """However large: what the server has room for alone is computed, all else is refused for good. Some in chunks, which take more room."""
    url = start_server("--memory-budget", "24M").url
    for rows in range(500, 4000, 125):
        body = b'{"kernel_size": 1, "input": {"shape": [1, %d, 1000], "data": [' % rows + b",".join([b"1"] * rows * 1000) + b"]}}"
        for parts in ([body], [body[at:at + 60000] for at in range(0, len(body), 60000)]):
            headers = [JSON, f"Accept: {accept}"]
            request = (post("/pool2d", body, *headers) if len(parts) == 1
                       else post("/pool2d", chunked(*parts), *headers, "Transfer-Encoding: chunked", length=False))
            for _ in range(5):
                response = ask(url, request)
                if response.status != 503:
                    break
                time.sleep(0.3 * convd.SLOWNESS)  # (the request before may not have given back its memory yet)
            assert response.status in (200, 413), (rows, len(parts), response.detail)


def test_a_long_list_of_layers_takes_no_memory(start_server):
    url = start_server("--memory-budget", "32M").url
    body = b'{"input": [[[1]]], "weight": [[[[1]]]], "layers": [' + b",".join([b"1e999"] * 2000000) + b"]}"
    response = ask(url, post("/conv2d", body, JSON))
    assert response.status == 413 and "--max-document" in response.detail


def test_a_long_list_of_numbers_that_do_not_fit_takes_no_memory(start_server):
    url = start_server("--memory-budget", "32M").url
    body = b'{"input": [[[1]]], "weight": [[[[1]]]], "stride": [' + b",".join([b"1e999"] * 2000000) + b"]}"
    response = ask(url, post("/conv2d", body, JSON))
    assert response.status == 422 and response.problem == "number-out-of-range"
    assert response.detail == "1e999 does not fit into a float64"
    body = body.replace(b"1e999", b"1")
    response = ask(url, post("/conv2d", body, JSON))
    assert response.status == 422 and response.detail.endswith("but got a list of more than 8 values")


def test_health_answers_while_the_budget_is_taken(start_server):
    url = start_server("--memory-budget", "4M", "--max-body", "64M").url
    holder = Connection(url)
    with holder:
        # Told to go on, it has been charged: a probe that came first could take what it needs.
        holder.send(f"POST /conv2d HTTP/1.1\r\nHost: a\r\n{JSON}\r\nExpect: 100-continue\r\n"
                    f"Content-Length: {4 * MIB - 70_000}\r\n\r\n")
        assert holder.socket.recv(1000).startswith(b"HTTP/1.1 100 "), "the budget does not fill"
        assert ask(url, post("/conv2d", b" " * 100_000, JSON)).status == 503
        for path in ("/livez", "/readyz"):
            assert ask(url, get(path)).status == 200
    deadline = time.monotonic() + 5 * convd.SLOWNESS
    while ask(url, post("/conv2d", b" " * 100_000, JSON)).status == 503:
        assert time.monotonic() < deadline, "what the aborted request held is not given back"


def test_many_refusals_leave_nothing_behind(start_server):
    """The budget is exact: a leak of one body in a thousand refusals would fill it."""
    url = start_server("--memory-budget", "3M").url
    with Connection(url) as connection:
        for _ in range(300):
            assert connection.ask(post("/conv2d", b"[" * 60_000, JSON)).status == 400
    for _ in range(50):
        with Connection(url) as connection:
            connection.send(post("/conv2d", b"x" * 200_000, JSON)[:100_000])
    deadline = time.monotonic() + 5 * convd.SLOWNESS
    while ask(url, post("/conv2d", LAYER + b" " * 900_000, JSON)).status != 200:
        assert time.monotonic() < deadline, "what the aborted requests held is not given back"
        time.sleep(0.1)


def test_refused_request_is_not_computed(server_url):
    with Connection(server_url) as connection, pytest.raises(Closed):
        connection.send("POST /conv2d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n")
        assert connection.response().header("server-timing") is None
        connection.response()
