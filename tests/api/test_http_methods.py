"""HEAD, OPTIONS, Allow, request ids, cross-origin headers."""

import json
import re

import pytest
from rawsocket import Connection, ask, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"


def without_varying(headers):
    return sorted((name, value) for name, value in headers if name not in ("date", "x-request-id", "server-timing"))


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/version", "/problems/not-found", "/",
                                  "/docs", "/openapi.json",
                                  "/shape?type=relu&input_shape=1,2"])
def test_head_answers_as_get_without_a_body(server_url, path):
    with Connection(server_url) as connection:
        full = connection.ask(get(path))
        head = connection.ask(get(path, method="HEAD"), head=True)
        assert (head.status, without_varying(head.headers)) == (full.status, without_varying(full.headers))
        assert connection.ask(get("/livez")).status == 200, "a body followed the HEAD"


def test_head_of_a_missing_path_has_no_body(server_url):
    with Connection(server_url) as connection:
        head = connection.ask(get("/nowhere", method="HEAD"), head=True)
        assert head.status == 404 and int(head.header("content-length")) > 0
        assert connection.ask(get("/livez")).status == 200


@pytest.mark.parametrize("path,method,allow", [
    ("/conv2d", "GET", {"POST", "OPTIONS"}),
    ("/conv2d", "HEAD", {"POST", "OPTIONS"}),
    ("/pool2d", "DELETE", {"POST", "OPTIONS"}),
    ("/livez", "POST", {"GET", "HEAD", "OPTIONS"}),
    ("/version", "BREW", {"GET", "HEAD", "OPTIONS"}),
    ("/shape", "PATCH", {"GET", "HEAD", "POST", "OPTIONS"}),
])
def test_wrong_method_names_the_right_ones(server_url, path, method, allow):
    response = ask(server_url, get(path, method=method), head=method == "HEAD")
    assert response.status == 405
    assert set(response.header("allow").split(", ")) == allow
    if method != "HEAD":
        assert response.problem == "method-not-allowed"


@pytest.mark.parametrize("path", ["/conv2d", "/livez", "/shape"])
def test_options_without_cors(server_url, path):
    response = ask(server_url, get(path, method="OPTIONS"))
    assert response.status == 204 and "OPTIONS" in response.header("allow")
    assert response.header("access-control-allow-origin") is None
    assert response.header("content-length") in (None, "0")


def test_options_of_the_server(server_url):
    response = ask(server_url, get("*", method="OPTIONS"))
    assert response.status == 204 and "POST" in response.header("allow")


def test_unknown_method_with_a_body_is_read_and_refused(server_url):
    with Connection(server_url) as connection:
        request = post("/livez", b"x" * 1000).replace(b"POST", b"BREW", 1)
        assert connection.ask(request).problem == "method-not-allowed"
        assert connection.ask(get("/livez")).status == 200


# ---- Accept: several lines are one list ----------------------------------------------------------------------------


@pytest.mark.parametrize("lines,status", [
    (("Accept: text/html", "Accept: application/json"), 200),
    (("Accept: application/json", "Accept: text/html"), 200),
    (("Accept:", "accept: */*"), 200),
    (("Accept: text/html", "Accept: text/csv", "Accept: image/gif"), 406),
    (("Accept: */*", "Accept: application/json;q=0"), 200),
    (("Accept: */*;q=0", "Accept: application/xml"), 406),
    (("Accept: " + "a/b, " * 600 + "*/*",), 200),
    (("Accept: text/html",) * 170 + ("Accept: */*",), 200),
    (("Accept: text/html",) * 200 + ("Accept: */*",), 400),
    (("Accept: " + "a/b, " * 600, "Accept: */*"), 400),
], ids=lambda value: str(value)[:60])
def test_repeated_accept_is_one_list(server_url, lines, status):
    response = ask(server_url, post("/conv2d", LAYER, JSON, *lines))
    assert response.status == status, response
    if status == 406:
        assert ", ".join(line.partition(": ")[2] for line in lines) in response.detail
    if status == 400:
        assert response.problem == "malformed-request" and f"given {len(lines)} times" in response.detail


# ---- request ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["a", "abc-123", "x" * 128, 'with "quotes" and \\', "{}<>&%00", "a b"])
def test_request_id_is_echoed(server_url, request_id):
    for request in (get("/livez", f"X-Request-Id: {request_id}"), get("/nowhere", f"X-Request-Id: {request_id}"),
                    post("/conv2d", LAYER, JSON, f"X-Request-Id: {request_id}")):
        assert ask(server_url, request).header("x-request-id") == request_id
    assert ask(server_url, get("/nowhere", f"X-Request-Id: {request_id}")).problem == "not-found"


@pytest.mark.parametrize("request_id", ["", " ", "x" * 129, "x" * 5000, "\xfcber", "\xff\xfe", "a\tb"])
def test_unfit_request_id_is_replaced(server_url, request_id):
    request = get("/livez").replace(b"\r\n\r\n", b"\r\nX-Request-Id: " + request_id.encode("latin-1") + b"\r\n\r\n")
    response = ask(server_url, request)
    assert response.status == 200
    assert re.fullmatch("[0-9a-f]{32}", response.header("x-request-id"))


def test_made_request_ids_differ(server_url):
    with Connection(server_url) as connection:
        made = [connection.ask(get("/livez")).header("x-request-id") for _ in range(200)]
    assert len(set(made)) == 200


def test_header_injection_through_the_request_id_is_refused(server_url):
    with Connection(server_url) as connection:
        response = connection.ask(get("/livez", "X-Request-Id: a\rX-Evil: 1"))
        assert response.header("x-evil") is None


def test_server_timing_of_a_compute_response(server_url):
    response = ask(server_url, post("/conv2d", LAYER, JSON))
    form = "decode;dur={0}, queue;dur={0}, compute;dur={0}, encode;dur={0}".format(r"\d+\.\d+")
    assert re.fullmatch(form, response.header("server-timing")), response
    assert response.header("date").endswith(" GMT")


@pytest.mark.parametrize("path,body,status", [("/conv2d", b"{", 400), ("/conv2d", b"{}", 422), ("/pool2d", b"", 400),
                                              ("/shape", b" " * 9000 + b"[]", 422), ("/conv2d", b"x", 415)],
                         ids=lambda value: str(value)[:20])
def test_server_timing_of_a_refusal_by_the_body(server_url, path, body, status):
    response = ask(server_url, post(path, body, *([JSON] if status != 415 else [])))
    assert response.status == status, response
    assert re.fullmatch(r"decode;dur=[\d.]+, queue;dur=[\d.]+, compute;dur=0.000, encode;dur=[\d.]+",
                        response.header("server-timing")), response


def test_no_server_timing_of_a_refusal_by_the_headers(server_url):
    response = ask(server_url, post("/conv2d", LAYER, "Content-Type: text/csv"))
    assert response.status == 415 and response.header("server-timing") is None


# ---- cross-origin requests ---------------------------------------------------------------------------------------

PREFLIGHT = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")


def test_no_cors_headers_unless_configured(server_url):
    response = ask(server_url, get("/livez", "Origin: https://a.example"))
    assert not [name for name, _ in response.headers if name.startswith("access-control")]
    response = ask(server_url, get("/conv2d", "Origin: https://a.example", *PREFLIGHT, method="OPTIONS"))
    assert response.status == 204
    assert not [name for name, _ in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("flags,env", [
    (("--cors-origin", "https://a.example", "--cors-origin=http://localhost:3000"), {}),
    (("--cors-origin", "https://a.example, http://localhost:3000"), {}),
    ((), {"CONVD_CORS_ORIGIN": "https://a.example,http://localhost:3000"}),
])
def test_named_origins(start_server, flags, env):
    url = start_server(*flags, env=env).url
    for origin in ("https://a.example", "http://localhost:3000"):
        for request in (get("/livez", f"Origin: {origin}"), post("/conv2d", LAYER, JSON, f"Origin: {origin}"),
                        get("/nowhere", f"Origin: {origin}")):
            response = ask(url, request)
            assert response.header("access-control-allow-origin") == origin
            exposed = response.header("access-control-expose-headers").split(", ")
            assert {"X-Request-Id", "Server-Timing", "X-Convd-Algorithm", "X-Tensor-Shape", "X-Tensor-Dtype"} <= set(
                exposed)
            assert "origin" in [value.lower() for name, value in response.headers if name == "vary"]
    for origin in ("https://b.example", "https://a.example.evil", "https://a.example:8443", "null"):
        response = ask(url, get("/livez", f"Origin: {origin}"))
        assert response.status == 200
        assert response.header("access-control-allow-origin") is None
        assert "origin" in [value.lower() for name, value in response.headers if name == "vary"]


def test_preflight(start_server):
    url = start_server("--cors-origin", "https://a.example").url
    response = ask(url, get("/conv2d", "Origin: https://a.example", *PREFLIGHT, method="OPTIONS"))
    assert response.status == 204
    assert response.header("access-control-allow-origin") == "https://a.example"
    assert "POST" in response.header("access-control-allow-methods").split(", ")
    assert {"content-type", "x-request-id"} <= set(
        response.header("access-control-allow-headers").lower().split(", "))
    assert int(response.header("access-control-max-age")) > 0
    stranger = ask(url, get("/conv2d", "Origin: https://b.example", *PREFLIGHT, method="OPTIONS"))
    assert stranger.status == 204 and stranger.header("access-control-allow-methods") is None


def test_every_origin(start_server):
    url = start_server("--cors-origin", "*").url
    assert ask(url, get("/livez", "Origin: https://a.example")).header("access-control-allow-origin") == "*"
    assert ask(url, get("/livez")).header("access-control-allow-origin") is None
