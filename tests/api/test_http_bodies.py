"""Long bodies, which are received where they are computed on: every byte in its place, in whatever pieces they arrive."""

import json
import random
import socket
import struct
import time

import client as convd
import pytest
from rawsocket import Connection, ask, get, post

JSON = "Content-Type: application/json"


def numbers(draw, length):
    """(A document of `length` bytes with numbers from its one end to the other, what its layer answers)."""
    digits = draw.choice([1, 3, 7])
    head, tail = b'{"input":[[[', b']]],"weight":[[[[1]]]]}'
    count = (length - len(head) - len(tail)) // (digits + 1)
    values = [draw.randrange(10 ** (digits - 1), 10**digits) for _ in range(count)]
    document = head + ",".join(map(str, values)).encode() + tail
    return document + b" " * (length - len(document)), values


def in_pieces(draw, data):
    """`data` cut at up to 20 places."""
    cuts = sorted({0, len(data), *(draw.randrange(len(data)) for _ in range(draw.randrange(20)))})
    return [data[begin:end] for begin, end in zip(cuts, cuts[1:])]


def check(response, values):
    assert response.status == 200, response
    assert json.loads(response.body)["output"] == [[values]]


@pytest.mark.parametrize("seed", range(8))
def test_bodies_of_any_length_in_any_pieces(server_url, seed):
    draw = random.Random(seed)
    with Connection(server_url) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for length in [draw.randrange(10_000, 200_000) for _ in range(20)] + [draw.randrange(200_000, 3_000_000)]:
            document, values = numbers(draw, length)
            pause_s = draw.choice([0, 0, 0.0002, 0.002])
            for piece in in_pieces(draw, post("/conv2d", document, JSON)):
                connection.send(piece)
                time.sleep(pause_s)
            check(connection.response(), values)


@pytest.mark.parametrize("length", [*range(56_000, 67_000, 1_000), 300_000, 1_000_000])
def test_a_request_right_behind_a_long_body_is_answered(server_url, length):
    draw = random.Random(length)
    documents = [numbers(draw, length + i) for i in range(4)]
    requests = b"".join(post("/conv2d", document, JSON) + get("/livez") for document, _ in documents)
    for pieces in [requests], in_pieces(draw, requests):
        with Connection(server_url) as connection:
            for piece in pieces:
                connection.send(piece)
            for _, values in documents:
                check(connection.response(), values)
                assert connection.response().status == 200


def test_a_long_body_after_the_word_to_continue(server_url):
    draw = random.Random(1)
    for length in 40_000, 70_000, 1_000_000:
        document, values = numbers(draw, length)
        request = post("/conv2d", document, JSON, "Expect: 100-continue")
        with Connection(server_url) as connection:
            head = len(request) - length
            assert connection.ask(request[:head]).status == 100
            connection.send(request[head:])
            check(connection.response(), values)


@pytest.mark.parametrize("length", [70_000, 1_000_000])
def test_a_client_that_ends_its_side_behind_a_long_body_gets_its_answer(server_url, length):
    document, values = numbers(random.Random(length), length)
    for _ in range(5):
        with Connection(server_url) as connection:
            connection.send(post("/conv2d", document, JSON))
            connection.socket.shutdown(socket.SHUT_WR)
            check(connection.response(), values)
            assert connection.is_closed_within(5 * convd.SLOWNESS), "the end of the stream went unnoticed"


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
def test_a_long_body_that_ends_too_soon_ends_the_request(start_server, reset):
    draw = random.Random(reset)
    server = start_server()
    for _ in range(40):
        request = post("/conv2d", numbers(draw, draw.randrange(70_000, 1_000_000))[0], JSON)
        with Connection(server.url) as connection:
            connection.send(request[: draw.randrange(1_000, len(request))])
            time.sleep(draw.choice([0, 0, 0.002]))
            if reset:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.socket.shutdown(socket.SHUT_WR)
                assert connection.is_closed_within(5 * convd.SLOWNESS), "the end of the stream went unnoticed"
    assert ask(server.url, get("/livez")).status == 200
    began = time.monotonic()
    server.stop()  # which waits for requests in flight
    assert time.monotonic() - began < 2 * convd.SLOWNESS


@pytest.mark.parametrize("sent", range(20_000, 64_000, 4_000))
def test_the_end_of_the_stream_that_is_there_before_the_body_is_read(start_server, sent):
    server = start_server()
    request = post("/conv2d", numbers(random.Random(sent), 400_000)[0], JSON)
    with Connection(server.url) as connection:
        assert connection.ask(get("/livez")).status == 200
        with server.halted():
            connection.send(request[:sent])
            connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed_within(5 * convd.SLOWNESS), "the end of the stream went unnoticed"


def test_a_long_body_that_stops_on_its_way_is_answered_and_so_are_others(start_server):
    server = start_server("--body-timeout", "1s")
    document, values = numbers(random.Random(3), 1_000_000)
    request = post("/conv2d", document, JSON)
    with Connection(server.url) as stopped:
        stopped.send(request[:500_000])
        for _ in range(5):
            check(ask(server.url, request), values)
        response = stopped.response()
        assert response.status == 408, response
        assert response.problem == "request-timeout"
        assert str(500_000 - (len(request) - len(document))) + " bytes of the body arrived" in response.detail


def test_long_bodies_of_many_clients_at_once(server_url):
    draw = random.Random(4)
    connections = [Connection(server_url) for _ in range(30)]
    try:
        for _ in range(3):
            documents = [numbers(draw, draw.randrange(20_000, 300_000)) for _ in connections]
            pieces = [in_pieces(draw, post("/conv2d", document, JSON)) for document, _ in documents]
            while any(pieces):
                number = draw.choice([i for i, left in enumerate(pieces) if left])
                connections[number].send(pieces[number].pop(0))
            for connection, (_, values) in zip(connections, documents):
                check(connection.response(), values)
    finally:
        for connection in connections:
            connection.socket.close()
