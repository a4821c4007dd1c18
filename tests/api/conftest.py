"""Fixtures: the server under test and clients for it.

CONVD_BINARY    the server to start (default: build/convd)
CONVD_URL       a server that already runs, in a container for instance: nothing is started, and tests that need
                processes of their own are skipped
CONVD_TEST_SLOW 1 stretches every time-out, for sanitizer builds
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import client as convd  # noqa: E402  (needs the path above)


@pytest.fixture(scope="session")
def server_url():
    """The address of the one server that most tests share."""
    url = os.environ.get("CONVD_URL")
    if url:
        yield url.rstrip("/")
        return
    server = convd.Server()
    server.wait_until_ready()
    yield server.url
    server.stop()


@pytest.fixture
def client(server_url):
    """A client of the shared server, with a connection of its own."""
    connection = convd.Client(server_url)
    yield connection
    connection.close()


@pytest.fixture
def start_server():
    """A function that starts further servers, with flags and environment; they are stopped after the test."""
    if os.environ.get("CONVD_URL"):
        pytest.skip("CONVD_URL names a server that already runs: no processes of our own")
    servers = []

    def start(*arguments, env=None):
        servers.append(convd.Server(*arguments, env=env))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()
