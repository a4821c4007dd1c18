"""Flags, environment, and the ways to start wrongly."""

import json
import os
import re
import shutil
import socket
import subprocess
import time

import client as convd
import pytest
from rawsocket import Connection, ask, get, post

LAYER = json.dumps({"input": [[[1, 2], [3, 4]]], "weight": [[[[1]]]]}).encode()
JSON = "Content-Type: application/json"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def run():
    """Runs convd to its end and gives its exit code and outputs."""
    if os.environ.get("CONVD_URL"):
        pytest.skip("CONVD_URL names a server that already runs: no processes of our own")

    def runner(*arguments, env=None):
        done = subprocess.run([str(convd.default_binary()), *arguments], capture_output=True, text=True,
                              timeout=convd.TIMEOUT_S, env={**os.environ, **(env or {})})
        return done

    return runner


WRONG_FLAGS = [
    # arguments, what the line names
    (["--nonsense"], ["--nonsense", "--help"]),
    (["nonsense"], ["nonsense", "--help"]),
    (["-p", "80"], ["-p", "--help"]),
    (["--port"], ["--port", "needs a value"]),
    (["--help=yes"], ["--help", "takes no value"]),
    (["--port", "http"], ["--port", "http", "0 to 65535"]),
    (["--port", "65536"], ["--port", "65536", "0 to 65535"]),
    (["--port=-1"], ["--port", "-1", "0 to 65535"]),
    (["--port", ""], ["--port", "0 to 65535"]),
    (["--port", " 80"], ["--port", "0 to 65535"]),
    (["--port", "0x50"], ["--port", "0x50"]),
    (["--host", ""], ["--host"]),
    (["--threads", "-2"], ["--threads", "-2", "0 to 1024"]),
    (["--threads", "1.5"], ["--threads", "1.5"]),
    (["--threads", "many"], ["--threads", "many"]),
    (["--http-threads", "1000"], ["--http-threads", "1000", "256"]),
    (["--max-body", "0"], ["--max-body", "0", "1"]),
    (["--max-body", "256X"], ["--max-body", "256X", "256M"]),
    (["--max-body", "1e400"], ["--max-body", "1e400"]),
    (["--max-body", "nan"], ["--max-body", "nan"]),
    (["--max-document", "big"], ["--max-document", "big"]),
    (["--max-output", "-1M"], ["--max-output", "-1M"]),
    (["--max-macs", "0"], ["--max-macs", "0", "1 to 9007199254740991"]),
    (["--max-macs", "9007199254740992"], ["--max-macs", "1 to 9007199254740991"]),
    (["--max-macs", "9007199254740993"], ["--max-macs", "1 to 9007199254740991"]),
    (["--max-macs", "10000000000000000"], ["--max-macs", "1 to 9007199254740991"]),
    (["--max-queue", "0"], ["--max-queue", "0"]),
    (["--max-connections", "0"], ["--max-connections", "0"]),
    (["--memory-budget", "half"], ["--memory-budget", "half"]),
    (["--body-timeout", "0"], ["--body-timeout", "0", "30s"]),
    (["--body-timeout", "30 parsecs"], ["--body-timeout", "30 parsecs", "30s"]),
    (["--header-timeout", "25h"], ["--header-timeout", "25h", "24h"]),
    (["--idle-timeout", "0.1ms"], ["--idle-timeout", "0.1ms"]),
    (["--drain-timeout", "soon"], ["--drain-timeout", "soon"]),
    (["--cors-origin", "https://a.example/path"], ["--cors-origin", "https://a.example/path", "https://example.org"]),
    (["--cors-origin", "a.example"], ["--cors-origin", "a.example"]),
    (["--cors-origin", "https://a.example,,"], ["--cors-origin"]),
    (["--log-level", "loud"], ["--log-level", "loud", "debug"]),
    (["--precision", "low"], ["--precision", "low", "highest"]),
]


@pytest.mark.parametrize("arguments,named", WRONG_FLAGS, ids=lambda value: " ".join(value))
def test_wrong_flag(run, arguments, named):
    done = run(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("convd: ") and done.stderr.count("\n") == 1
    for words in named:
        assert words in done.stderr


@pytest.mark.parametrize("variable,value,named", [
    ("CONVD_PORT", "99999", "0 to 65535"),
    ("CONVD_MAX_BODY", "lots", "256M"),
    ("CONVD_BODY_TIMEOUT", "never", "30s"),
    ("CONVD_LOG_LEVEL", "LOUD", "debug"),
    ("CONVD_CORS_ORIGIN", "everyone", "https://example.org"),
    ("CONVD_CPU", "z80", "portable"),
])
def test_wrong_environment(run, variable, value, named):
    done = run("--port", "0", env={variable: value})
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("convd: ") and done.stderr.count("\n") == 1
    assert variable in done.stderr and value in done.stderr and named in done.stderr


def test_wrong_environment_does_not_hide_the_help(run):
    assert run("--help", env={"CONVD_PORT": "wrong"}).returncode == 0


def test_help_names_every_flag_and_default(run):
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for flag, default in [("--host", "127.0.0.1"), ("--port", "8080"), ("--threads", "0"), ("--http-threads", "0"),
                          ("--max-body", "256M"), ("--max-document", "1M"), ("--max-output", "256M"),
                          ("--max-macs", "200000000000"), ("--max-queue", "1024"), ("--max-connections", "10000"),
                          ("--memory-budget", "0"), ("--body-timeout", "30s"), ("--header-timeout", "10s"),
                          ("--idle-timeout", "60s"), ("--drain-timeout", "30s"), ("--log-level", "info"),
                          ("--precision", "highest")]:
        assert re.search(rf"^  {flag} .*\[{re.escape(default)}\]$", done.stdout, re.M), flag
    for flag in ("--cors-origin", "--check-health", "--version", "--help"):
        assert re.search(rf"^  {flag}\b", done.stdout, re.M), flag
    assert "CONVD_MAX_BODY" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110


def test_version(run):
    done = run("--version")
    header = (convd.ROOT / "lib/version.h").read_text()
    version = re.search(r'CONVD_VERSION "(.*)"', header).group(1)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"convd {version}\n", "")


def test_port_0_prints_the_taken_port(start_server):
    first, second = start_server(), start_server()
    assert first.url != second.url
    for server in (first, second):
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", server.url)
        assert ask(server.url, get("/livez")).status == 200


@pytest.mark.parametrize("flags,host", [
    ((), "127.0.0.1"),
    (("--host", "0.0.0.0"), "127.0.0.1"),
    pytest.param(("--host", "::1"), "[::1]", marks=NEEDS_IPV6),
    pytest.param(("--host", "::"), "[::1]", marks=NEEDS_IPV6),
])
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_second_line_is_a_command_that_works(start_server, flags, host):
    server = start_server(*flags)
    line = server.process.stdout.readline().decode()
    assert line.startswith("try: curl ") and f"http://{host}:{server.url.rpartition(':')[2]}/conv2d" in line
    # failglob: an unquoted bracket would be an error, as it is in zsh.
    done = subprocess.run(["bash", "-O", "failglob", "-c", line.removeprefix("try: ")], capture_output=True,
                          timeout=convd.TIMEOUT_S)
    assert json.loads(done.stdout)["output"] == [[[6, 8], [12, 14]]], done


def test_taken_port(start_server, run):
    port = start_server().url.rpartition(":")[2]
    done = run("--port", port)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"convd: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_unknown_host(run):
    done = run("--host", "no.such.host.invalid", "--port", "0")
    assert done.returncode == 1 and done.stdout == ""
    assert "no.such.host.invalid" in done.stderr and done.stderr.count("\n") == 1


def test_port_is_free_again_after_a_restart(start_server):
    server = start_server()
    port = server.url.rpartition(":")[2]
    assert ask(server.url, get("/livez")).status == 200
    server.stop()
    again = start_server("--port", port)
    assert again.url == server.url and ask(again.url, get("/livez")).status == 200


@NEEDS_IPV6
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6(start_server, host):
    server = start_server("--host", host)
    assert re.fullmatch(r"http://\[::1\]:\d+", server.url)
    assert ask(server.url, get("/livez")).status == 200


@NEEDS_IPV6
def test_all_addresses(start_server, run):
    server = start_server("--host", "::")
    port = server.url.rpartition(":")[2]
    for address in ("127.0.0.1", "[::1]"):
        assert ask(f"http://{address}:{port}", get("/livez")).status == 200
    assert run("--check-health", "--host", "::", "--port", port).returncode == 0
    assert run("--check-health", "--host", "0.0.0.0", "--port", port).returncode == 0


def test_environment_configures_and_flags_win(start_server):
    env = {"CONVD_MAX_BODY": "2K", "CONVD_MAX_MACS": "3", "CONVD_LOG_LEVEL": ""}
    server = start_server("--max-body=1K", env=env)
    response = ask(server.url, post("/conv2d", b" " * 1025, JSON))
    assert response.status == 413 and "1024" in response.detail
    response = ask(server.url, post("/conv2d", LAYER, JSON))
    assert response.status == 413 and "3" in response.detail, "CONVD_MAX_MACS is not heard"


@pytest.mark.parametrize("text,size", [("1000", 1000), ("2K", 2048), ("2k", 2048), ("2KiB", 2048), ("0.5M", 524288),
                                       ("1e3", 1000), ("1MiB", 1048576)])
def test_sizes(start_server, text, size):
    url = start_server("--max-body", text).url
    assert ask(url, post("/conv2d", LAYER + b" " * (size - len(LAYER)), JSON)).status == 200
    assert str(size) in ask(url, post("/conv2d", b" " * (size + 1), JSON)).detail


@pytest.mark.parametrize("flags", [("--http-threads", "1"), ("--http-threads", "7", "--threads", "5")])
def test_numbers_of_threads(start_server, flags):
    url = start_server(*flags).url
    for _ in range(20):
        assert ask(url, post("/conv2d", LAYER, JSON)).status == 200


# ---- --check-health ----------------------------------------------------------------------------------------------


def test_check_health_of_a_running_server(start_server, run):
    port = start_server().url.rpartition(":")[2]
    done = run("--check-health", "--port", port)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("--check-health", env={"CONVD_PORT": port}).returncode == 0


def test_check_health_without_a_server(run):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = run("--check-health", "--port", str(unused.getsockname()[1]))
    assert done.returncode == 1 and "no healthy server" in done.stderr and done.stderr.count("\n") == 1


def test_check_health_of_a_server_that_hangs(run):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        done = run("--check-health", "--port", str(silent.getsockname()[1]))
        assert done.returncode == 1 and "two seconds" in done.stderr
        assert time.monotonic() - start < 3.5 * convd.SLOWNESS


def test_check_health_of_a_server_that_is_ill(run):
    import threading

    def answer(listener):
        peer, _ = listener.accept()
        peer.recv(1000)
        peer.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        done = run("--check-health", "--port", str(listener.getsockname()[1]))
    assert done.returncode == 1 and "503" in done.stderr


# ---- the process -------------------------------------------------------------------------------------------------


def test_first_answer_comes_soon(start_server):
    """100 ms from the start of the process to the first answer; the best of three, as others use the machine too."""
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        server = start_server()
        assert ask(server.url, get("/readyz")).status == 200
        seconds.append(time.monotonic() - start)
        server.stop()
    assert min(seconds) < 0.1 * convd.SLOWNESS, seconds


def resident_bytes(server, field="VmRSS"):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) * 1024


def test_idle_process_is_small(start_server):
    if convd.SLOWNESS > 1:
        pytest.skip("a sanitizer's shadow memory is not the server's")
    server = start_server()
    assert ask(server.url, get("/livez")).status == 200
    assert resident_bytes(server) < 25 << 20


def test_http_threads_share_out_the_cpus(start_server):
    """And nothing else is kept from any of them."""
    usable = os.sched_getaffinity(0)
    if len(usable) == 1:
        pytest.skip("one CPU is all there is to share")
    server = start_server("--http-threads", str(len(usable)))
    assert ask(server.url, get("/livez")).status == 200
    masks = [os.sched_getaffinity(int(task)) for task in os.listdir(f"/proc/{server.process.pid}/task")]
    shares = [mask for mask in masks if mask != usable]
    assert sorted(sorted(share) for share in shares) == [[cpu] for cpu in sorted(usable)]
    assert os.sched_getaffinity(server.process.pid) == usable


def test_descriptors_are_not_inherited_and_not_leaked(start_server):
    server = start_server()
    directory = f"/proc/{server.process.pid}/fd"
    before = len(os.listdir(directory))
    for _ in range(50):
        assert ask(server.url, post("/conv2d", LAYER, JSON)).status == 200
    deadline = time.monotonic() + 5 * convd.SLOWNESS
    while len(os.listdir(directory)) > before:
        assert time.monotonic() < deadline, "descriptors leak"
        time.sleep(0.05)
    for fd in os.listdir(directory):
        if int(fd) > 2:
            flags = re.search(r"flags:\s+0*(\d+)", open(f"/proc/{server.process.pid}/fdinfo/{fd}").read()).group(1)
            assert int(flags, 8) & os.O_CLOEXEC, (fd, os.readlink(f"{directory}/{fd}"))


def test_connections_beyond_the_limit_wait(start_server):
    url = start_server("--max-connections", "4", "--http-threads", "1").url
    held = [Connection(url) for _ in range(4)]
    for connection in held:
        assert connection.ask(get("/livez")).status == 200
    with Connection(url) as fifth:
        fifth.send(get("/livez"))
        assert not fifth.is_closed_within(0.3)
        held.pop().socket.close()
        assert fifth.response().status == 200
    for connection in held:
        connection.socket.close()


def test_accepting_recovers_when_descriptors_run_out(run):
    """40 descriptors, 60 clients: whoever does not fit waits, and gets an answer when others have gone."""
    command = f"ulimit -n 40; exec {convd.default_binary()} --port 0 --http-threads 1"
    with subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            url = process.stdout.readline().decode().split()[-1]
            clients = [Connection(url) for _ in range(60)]
            for connection in clients:
                connection.send(get("/livez", "Connection: close"))
            for connection in clients:
                assert connection.response().status == 200
                connection.socket.close()
            assert ask(url, get("/livez")).status == 200
        finally:
            process.terminate()
            assert process.wait(10 * convd.SLOWNESS) == 0


def test_closed_standard_streams_are_no_sockets(run):
    """Lines for them go nowhere, the server serves, and no connection gets a stream's number."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = f"exec {convd.default_binary()} --port {port} <&- >&- 2>&-"
    with subprocess.Popen(["bash", "-c", command]) as process:
        try:
            deadline = time.monotonic() + 10 * convd.SLOWNESS
            while run("--check-health", "--port", str(port)).returncode != 0:
                assert time.monotonic() < deadline and process.poll() is None
            assert ask(f"http://127.0.0.1:{port}", post("/conv2d", LAYER, JSON)).status == 200
            assert [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)] == 3 * ["/dev/null"]
        finally:
            process.terminate()
            assert process.wait(10 * convd.SLOWNESS) == 0
