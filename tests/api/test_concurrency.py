"""Many clients at once, refusals between good requests, and hostile bodies: each request gets its own, right answer,
and none ends the process.
"""

import json
import os
import random
import threading

import numpy
import pytest

import client as convd

CLIENTS = 64
ROUNDS = 4
MUTATED_BODIES = 2400
RANDOM_BODIES = 300


def run_at_once(work, count=CLIENTS):
    """Runs work(index) on threads that start together; the first failure is raised here."""
    start, failures = threading.Barrier(count), []

    def run(index):
        try:
            start.wait(convd.TIMEOUT_S)
            work(index)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def own_request(index):
    """A request of this client's own (its size and its numbers), and the output that it must get."""
    size = 4 + index % 9
    x = numpy.full((1, 2, size, size), float(index + 1), "float32")
    if index % 3 == 0:
        document = {"input": convd.pack(x, convd.FORMS[index % 2]), "mode": "avg", "kernel_size": 2, "stride": 1}
        return "/pool2d", document, numpy.full((1, 2, size - 1, size - 1), float(index + 1))
    weight = numpy.ones((3, 2, 3, 3), "float32")
    bias = [index, 0, -index]
    document = {"input": convd.pack(x, convd.FORMS[index % 3]), "weight": convd.pack(weight), "bias": bias}
    want = numpy.full((1, 3, size - 2, size - 2), 18.0 * (index + 1)) + numpy.reshape(bias, (1, 3, 1, 1))
    return "/conv2d", document, want


@pytest.mark.parametrize("x, weight, in_place", [((1, 1, 5, 5), (1, 1, 3, 3), True), ((1, 1, 32, 32), (6, 1, 3, 3), True), ((1, 1, 32, 32), (6, 1, 5, 5), True),
                                                 ((1, 3, 32, 32), (32, 3, 3, 3), False), ((1, 1, 28, 28), (64, 1, 3, 3), False)])
def test_small_requests_wait_for_no_worker(client, x, weight, in_place):
    """They are computed on the thread that read them; the queue, where there is one, takes microseconds at the least."""
    rng = numpy.random.default_rng(1)
    document = {name: rng.standard_normal(shape).astype("float32").tolist() for name, shape in (("input", x), ("weight", weight))}
    answer = client.post("/conv2d", document)
    assert answer.status == 200
    assert ("queue;dur=0.000" in answer.headers["Server-Timing"]) == in_place, answer.headers["Server-Timing"]


def test_sixty_four_clients_get_their_own_answers(server_url):
    def work(index):
        path, document, want = own_request(index)
        connection = convd.Client(server_url)
        for _ in range(ROUNDS):
            request_id = f"client-{index}"
            answer = connection.post(path, document, {"X-Request-Id": request_id})
            assert answer.status == 200, answer
            assert answer.headers["X-Request-Id"] == request_id
            assert numpy.array_equal(convd.unpack(answer.json)[1], want), f"client {index} got another's answer"
        connection.close()

    run_at_once(work)


def test_results_are_the_same_bits_under_load(server_url, client):
    """Splitting a request over idle workers or running it beside others must not change one bit."""
    rng = numpy.random.default_rng(23)
    x = rng.standard_normal((2, 16, 31, 29)).astype("float32")
    weight = rng.standard_normal((24, 16, 3, 3)).astype("float32")
    document = {"input": convd.pack(x, "base64"), "weight": convd.pack(weight, "base64"), "padding": 1}
    alone = client.post_ok("/conv2d", document)["output"]["base64"]

    def work(_):
        connection = convd.Client(server_url)
        assert connection.post_ok("/conv2d", document)["output"]["base64"] == alone
        connection.close()

    run_at_once(work, 16)


GOOD = {"input": [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], "weight": [[[[1, 0], [0, 1]]]]}
GOOD_OUTPUT = [[[6, 8], [12, 14]]]

REFUSED = {
    "broken JSON": '{"input": [[[1, 2',
    "not UTF-8": b'{"input": "\xff"}',
    "ragged": json.dumps({**GOOD, "input": [[[1, 2], [3]]]}),
    "a bad number in the last place": json.dumps({**GOOD, "weight": [[[[1, 0], [0, "x"]]]]}),
    "a stride of 0": json.dumps({**GOOD, "stride": 0}),
    "channels that differ": json.dumps({**GOOD, "input": [[[1, 2], [3, 4]], [[1, 2], [3, 4]]]}),
    "too much output": json.dumps({"input": [[[1]]], "weight": [[[[1]]]], "padding": 50000}),
    "too deep": '{"input": ' + "[" * 100,
    "a big tensor and then a fault": json.dumps({"input": [[[0.5] * 2000] * 50], "weight": [[[[None]]]]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_request_does_not_change_the_next(client, name):
    for _ in range(5):
        answer = client.post_raw("/conv2d", REFUSED[name], {"Content-Type": "application/json"})
        assert 400 <= answer.status < 500 and answer.problem, answer
        assert client.post_ok("/conv2d", GOOD)["output"] == GOOD_OUTPUT


def test_refusals_beside_good_requests(server_url):
    bodies = list(REFUSED.values())

    def work(index):
        connection = convd.Client(server_url)
        for step in range(ROUNDS * 2):
            if index % 2:
                body = bodies[(index + step) % len(bodies)]
                answer = connection.post_raw("/conv2d", body, {"Content-Type": "application/json"})
                assert 400 <= answer.status < 500 and answer.problem, answer
            else:
                assert connection.post_ok("/conv2d", GOOD)["output"] == GOOD_OUTPUT
        connection.close()

    run_at_once(work, 32)


# ---- hostile bodies ----

SEEDS = [
    ("/conv2d", GOOD),
    ("/conv2d", {"input": {"shape": [1, 1, 3, 3], "data": [1.5, -2e-3, 3, 4, 5, 6, 7, 8, 9], "dtype": "float64"},
                 "weight": {"shape": [1, 1, 2, 2], "dtype": "float32", "base64": "AACAPwAAAEAAAEBAAACAQA=="},
                 "bias": [0.25], "stride": [1, 2], "padding": [[1, 0], [0, 1]], "dilation": 1, "groups": 1,
                 "padding_mode": "reflect", "algorithm": "auto", "format": "flat"}),
    ("/pool2d", {"input": [[[1, "NaN", 3], [4, 5, "-Infinity"], [7, 8, 9]]], "kernel_size": [2, 2], "stride": None,
                 "ceil_mode": True, "return_indices": True}),
    ("/pool2d", {"input": {"shape": [2, 1, 2, 2], "data": list(range(8))}, "mode": "adaptive_avg",
                 "output_size": [None, 3], "dtype": "float64", "format": "base64"}),
    ("/shape", {"input_shape": [1, 1, 32, 32], "layers": [
        {"type": "conv2d", "out_channels": 6, "kernel_size": 3, "padding": "same"}, {"type": "relu"},
        {"type": "max_pool2d", "kernel_size": 2}, {"type": "flatten"}, {"type": "linear", "out_features": 10}]}),
]

TOKENS = [
    b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"null", b"true", b"NaN", b"-Infinity",
    b"0", b"-1", b"1.5", b"-0", b"1e999", b"1e-400", b"99999999999999999999", b"2147483648", b"4611686018427387904",
    b"9223372036854775807", b"-9223372036854775808", b"0." + b"0" * 400 + b"1", b"\x00", b"\xff", b"\xef\xbb\xbf",
    b"=", b"/**/", b" " * 50, b"[" * 40, b"[[[[", b'"shape"', b'"data"', b'"base64"', b'"input"']

VALUES = [
    0, -1, 1, 2, 3, 1.5, 2 ** 31, 2 ** 62, -2 ** 63, 2 ** 63 - 1, 1e300, True, None, "", "same", "NaN", "x" * 300,
    [], {}, [0], [1, 2], [[1, 2], [3, 4]], [[[[1]]]], [1] * 33, [None, None],
    {"shape": [0, 2 ** 40, 4], "data": []}, {"shape": [2 ** 40, 2 ** 40], "base64": ""}]


def mutate(rng, body):
    """A few random edits: bytes flipped, tokens put in, pieces doubled, moved or cut."""
    body = bytearray(body)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at = rng.randrange(len(body) + 1)
        end = min(len(body), at + rng.choice([1, 1, 2, 5, 20]))
        action = rng.randrange(6)
        if action == 0 and at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        elif action == 1:
            body[at:at] = rng.choice(TOKENS)
        elif action == 2:
            body[at:end] = rng.choice(TOKENS)
        elif action == 3:
            del body[at:end]
        elif action == 4:
            body[at:at] = body[at:end]
        elif rng.random() < 0.3:
            del body[at:]
    return bytes(body)


def mutate_values(rng, document):
    """A well-formed document with one value replaced, so that what lies behind the parser is reached."""
    document = json.loads(json.dumps(document))
    holders = []

    def walk(node):
        for key in (list(node) if isinstance(node, dict) else range(len(node))):
            holders.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(document)
    node, key = rng.choice(holders)
    node[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def hostile_bodies():
    rng = random.Random(24)
    for index in range(MUTATED_BODIES):
        path, document = rng.choice(SEEDS)
        yield path, mutate_values(rng, document) if index % 3 == 0 else mutate(rng, json.dumps(document).encode())
    for _ in range(RANDOM_BODIES):
        prefix = rng.choice([b"", b"{", b'{"input": ', b'{"input": {"shape": [1, 1, 1, 1], "base64": "'])
        yield rng.choice(["/conv2d", "/pool2d", "/shape"]), prefix + rng.randbytes(rng.choice([1, 7, 64, 1000]))


def check_civil(answer, path, body):
    """Whatever came: a JSON answer that says 2xx or 4xx, never a 5xx and never a broken connection."""
    assert 200 <= answer.status < 300 or 400 <= answer.status < 500, f"{path} {body!r}: {answer}"
    assert answer.media_type in ("application/json", "application/problem+json"), f"{path} {body!r}: {answer}"
    assert isinstance(answer.json, dict), f"{path} {body!r}: {answer}"
    assert (answer.status < 300) == (answer.problem is None), f"{path} {body!r}: {answer}"


def test_hostile_bodies_get_civil_answers(server_url):
    bodies = list(hostile_bodies())
    statuses = []

    def work(index):
        connection = convd.Client(server_url)
        for path, body in bodies[index::8]:
            try:
                answer = connection.post_raw(path, body, {"Content-Type": "application/json"})
            except OSError as error:
                raise AssertionError(f"{path} {body!r}: no answer, {error!r}") from error
            check_civil(answer, path, body)
            statuses.append(answer.status)
        connection.close()

    run_at_once(work, 8)
    assert len(statuses) == MUTATED_BODIES + RANDOM_BODIES
    # The edits must reach all stages: some bodies stay valid, some break the grammar, some break the rules.
    assert {200, 400, 422} <= set(statuses)
    after = convd.Client(server_url)
    assert after.post_ok("/conv2d", GOOD)["output"] == GOOD_OUTPUT
    after.close()


CONTENT_TYPES = [None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data",
                 'application/json; charset="', ";;;", "x" * 500]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_random_bytes_under_any_content_type(client, content_type):
    rng = random.Random(f"25 {content_type}")
    for _ in range(20):
        body = rng.randbytes(rng.choice([1, 100, 5000]))
        answer = client.post_raw(rng.choice(["/conv2d", "/pool2d", "/shape"]), body, {"Content-Type": content_type})
        check_civil(answer, content_type, body)
        assert answer.status >= 400


def test_random_queries(client):
    rng = random.Random(26)
    names = ["type", "input_shape", "kernel_size", "out_channels", "stride", "padding", "x", "", "%", "%zz", "a%00b"]
    values = ["conv2d", "relu", "1,1,8,8", "3", "", "-1", "%", "%ff", "%00", "1,,2", "null", "9" * 30, "1e999", ",",
              "=", "+"]
    for _ in range(600):
        query = "&".join(f"{rng.choice(names)}={rng.choice(values)}" for _ in range(rng.randint(0, 7)))
        check_civil(client.get(f"/shape?{query}"), "/shape", query)


def test_the_same_process_still_serves(client):
    """The server that took all of the above still lives; at the run's end it must stop cleanly (conftest.py)."""
    assert client.get("/livez").status == 200
    if not os.environ.get("CONVD_URL"):
        assert client.get("/readyz").status == 200
