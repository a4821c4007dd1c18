"""Many clients at once: each gets its own answer."""

import json
import os
import pathlib
import random
import signal
import threading
import time

import pytest

import client as convd
from rawsocket import Connection, ask, get, post

JSON = "Content-Type: application/json"


def in_parallel(count, work):
    """Runs work(0 … count - 1), each on a thread of its own; the first failure is the test's."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  (raised again below)
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(convd.TIMEOUT_S)
        assert not thread.is_alive(), "a client waits for ever"
    if failures:
        raise failures[0]


def test_64_clients_get_their_own_answers(server_url):
    def client(number):
        dice = random.Random(number)
        with Connection(server_url) as connection:
            for i in range(30):
                size = dice.choice([1, 3, 17, 60])
                value = number * 1000 + i
                image = [[[value] * size] * size]
                body = json.dumps({"input": image, "weight": [[[[1]]]]}).encode()
                response = connection.ask(post("/conv2d", body, JSON, f"X-Request-Id: {number}-{i}"))
                assert response.header("x-request-id") == f"{number}-{i}"
                assert json.loads(response.body)["output"] == image

    in_parallel(64, client)


def test_mixture_of_good_and_bad_requests(server_url):
    def client(number):
        dice = random.Random(number)
        body = json.dumps({"input": [[[number]]], "weight": [[[[1]]]]}).encode()
        kinds = [
            (post("/conv2d", body, JSON), 200),
            (get("/livez"), 200),
            (post("/nowhere", b"x" * dice.randrange(100_000)), 404),
            (post("/conv2d", body[:-2], JSON), 400),
            (post("/conv2d", b"{}", JSON), 422),
            (post("/conv2d", b"x" * 70_000, "Content-Type: text/csv"), 415),
        ]
        connection = Connection(server_url)
        for _ in range(40):
            request, status = dice.choice(kinds)
            if dice.random() < 0.2:
                connection.send(request[: dice.randrange(len(request))])
                connection.socket.close()
                connection = Connection(server_url)
                continue
            assert connection.ask(request).status == status
        connection.socket.close()

    in_parallel(24, client)
    assert ask(server_url, get("/readyz")).status == 200


def test_idle_connections_cost_little(start_server):
    """500 connections that have each been answered once, and a client between them."""
    server = start_server()
    idle = []
    try:
        for _ in range(500):
            connection = Connection(server.url)
            assert connection.ask(get("/livez")).status == 200
            idle.append(connection)
        if convd.SLOWNESS == 1:
            status = open(f"/proc/{server.process.pid}/status").read()
            resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
            assert resident < (25 << 20) + 500 * (100 << 10)
        assert ask(server.url, get("/livez")).status == 200
    finally:
        for connection in idle:
            connection.socket.close()


@pytest.mark.parametrize("clients", [127, 128, 129, 256, 600])
def test_clients_of_one_thread_that_all_speak_in_one_turn(start_server, clients):
    """libmicrohttpd left 128 of them waiting, when nobody else came."""
    server = start_server("--http-threads", "1")
    connections = [Connection(server.url) for _ in range(clients)]
    try:
        for connection in connections:
            assert connection.ask(get("/livez")).status == 200
        for _ in range(3):
            with server.halted():
                for number, connection in enumerate(connections):
                    body = json.dumps({"input": [[[number]]], "weight": [[[[1]]]]}).encode()
                    connection.send(post("/conv2d", body, JSON))
            for number, connection in enumerate(connections):
                assert json.loads(connection.response().body)["output"] == [[[number]]]
    finally:
        for connection in connections:
            connection.socket.close()


def turns_of_threads(server):
    """(CPU, turns on it) of each HTTP thread that may use one CPU alone."""
    found = {}
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        if status["Name"].strip().startswith("MHD-") and status["Cpus_allowed_list"].strip().isdigit():
            turns = sum(int(status[f"{kind}_ctxt_switches"]) for kind in ("voluntary", "nonvoluntary"))
            found[task.name] = int(status["Cpus_allowed_list"]), turns
    return found


def thread_that_serves(server, connection):
    """(its CPU, its number)"""
    before = turns_of_threads(server)
    for _ in range(10):
        assert connection.ask(get("/livez")).status == 200
        time.sleep(0.001)  # until the thread sleeps: one that always finds the next request takes no turn
    after = turns_of_threads(server)
    busiest = max(after, key=lambda task: after[task][1] - before[task][1])
    return after[busiest][0], busiest


@pytest.fixture
def open_from():
    """A function that opens a connection to a server from one CPU."""
    cpus, connections = os.sched_getaffinity(0), []

    def open_one(server, cpu):
        os.sched_setaffinity(0, {cpu})
        connections.append(Connection(server.url))
        assert connections[-1].ask(get("/livez")).status == 200
        return connections[-1]

    yield open_one
    os.sched_setaffinity(0, cpus)
    for connection in connections:
        connection.socket.close()


def two_cpus():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        pytest.skip("one CPU")
    os.sched_setaffinity(0, cpus)  # the server's, too
    return cpus


def test_connections_go_to_the_thread_on_the_cpu_of_their_packets(start_server, open_from):
    first, second = two_cpus()
    server = start_server("--http-threads", "2")
    for cpu in (second, first, first, second) * 3:
        assert thread_that_serves(server, open_from(server, cpu))[0] == cpu


@pytest.mark.parametrize("near", [0, 1])
@pytest.mark.parametrize("threads", [2, 4, 32])
@pytest.mark.parametrize("count", [2, 4, 6, 40])
def test_connections_from_one_cpu_keep_all_threads_busy(start_server, open_from, threads, count, near):
    cpus = two_cpus()
    server = start_server("--http-threads", str(threads))
    served = [thread_that_serves(server, connection) for connection in [open_from(server, cpus[near]) for _ in range(count)]]
    of_cpu = [[thread for cpu, thread in served if cpu == one] for one in cpus]
    assert 0 <= len(of_cpu[near]) - len(of_cpu[1 - near]) <= count // 8
    for busy in of_cpu:
        assert len(set(busy)) == min(len(busy), threads // 2)
