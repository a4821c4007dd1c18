"""The servers that are compared: started, asked once, watched until idle, stopped."""

import http.client
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
START_S = 120
STOP_S = 5
IDLE_S = 120
HTTP_THREADS_PER_CPU, MOST_HTTP_THREADS = 2, 8  # as convd's own choice


class PeerError(Exception):
    """A peer that does not start, or whose answer is none."""


class Peer:
    """A process, with its children, that answers at `url`. What it prints goes to `log_path`."""

    forms = ("json", "npz", "safetensors")
    workers = 1  # how many requests it works on at the same time, at least

    def __init__(self, name, work):
        self.name = name
        self.log_path = work / f"{name}.log"
        self.process = None
        self.url = None

    def start(self):
        """Starts it and waits until it listens."""

    def target(self, request, answer_bytes):
        """The URL that a request goes to. `answer_bytes` is how long convd's answer is."""
        del answer_bytes
        return self.url + request.path

    def check(self, request, answer):
        """The answer's largest absolute error; ValueError when it is wrong. None where there is nothing to check."""
        return request.error_of(answer)

    def ask(self, request, answer_bytes=0):
        """Posts the request once: (answer, seconds). PeerError unless it gets 200."""
        target = urllib.parse.urlsplit(self.target(request, answer_bytes))
        connection = http.client.HTTPConnection(target.hostname, target.port or 80, timeout=START_S)
        try:
            began = time.perf_counter()
            connection.request("POST", f"{target.path}?{target.query}" if target.query else target.path,
                               request.body, {"Content-Type": request.media, "Accept": request.media})
            response = connection.getresponse()
            answer = response.read()
            seconds = time.perf_counter() - began
        except OSError as error:
            raise PeerError(f"no answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise PeerError(f"HTTP {response.status}: {answer[:300]!r}")
        return answer, seconds

    def settle(self):
        """Waits until it has done what nobody waits for any more, and empties its log."""
        if self.process is None:
            return
        deadline = time.monotonic() + IDLE_S
        ticks, before = cpu_ticks(self.process.pid), -10
        while ticks - before > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
            before, ticks = ticks, cpu_ticks(self.process.pid)
        os.truncate(self.log_path, 0)

    def stop(self):
        """Ends it and all its children."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the group is its own: see spawn
        except ProcessLookupError:
            pass
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None

    def spawn(self, command, **options):
        """In a process group of its own, to be ended with its children, but in wrk's session: Linux weighs sessions
        against each other first (sched_autogroup), and a server in another one gets as much of a full machine as wrk
        at the most, whatever either has to do."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, process_group=0, **{"stdout": log, **options})

    def spawn_announced(self, command):
        """Starts what says its address in its first line on standard output."""
        self.spawn(command, stdout=subprocess.PIPE)
        ready, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline().decode() if ready else ""
        if " listening on http://" not in line:
            raise PeerError(f"{command[0]} does not start; see {self.log_path}")
        self.url = line.split(" listening on ")[1].strip()


class Convd(Peer):
    """With its access log, which goes to a file."""

    def __init__(self, work, binary, url=None):
        super().__init__("convd", work)
        self.binary, self.given_url = binary, url

    def start(self):
        if self.given_url:
            self.url = self.given_url.rstrip("/")
        else:
            self.spawn_announced([self.binary, "--port", "0"])

    def http_threads(self):
        """How many threads libmicrohttpd has there: they are named after it."""
        threads = 0
        if self.process is not None:
            for comm in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/comm"):
                threads += comm.read_text().startswith("MHD-")
        return threads or min(HTTP_THREADS_PER_CPU * len(os.sched_getaffinity(0)), MOST_HTTP_THREADS)


class Sink(Peer):
    """libmicrohttpd alone, with as many threads as convd has for HTTP."""

    def __init__(self, work, binary, convd):
        super().__init__("sink", work)
        self.binary, self.convd = binary, convd

    def start(self):
        self.spawn_announced([self.binary, "--port", "0", "--threads", str(self.convd.http_threads())])

    def target(self, request, answer_bytes):
        path, _, query = request.path.partition("?")
        return f"{self.url}{path}?{query}{'&' if query else ''}answer={answer_bytes}"

    def check(self, request, answer):
        return None


class FastApi(Peer):
    """fastapi_peer.py under uvicorn, whose access log (on by itself) goes to a file."""

    forms = ("json", "npz")

    def __init__(self, work, workers):
        super().__init__("fastapi" if workers == 1 else f"fastapi-{workers}w", work)
        self.workers = workers

    def start(self):
        """The socket is ours: on one that uvicorn opens for several workers asyncio does not know TCP and leaves
        Nagle's algorithm on, which costs 40 ms an answer. Connections inherit the option from the listener."""
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.spawn([sys.executable, "-m", "uvicorn", "fastapi_peer:app", "--app-dir", str(HERE), "--workers",
                        str(self.workers), "--fd", str(listener.fileno())], pass_fds=[listener.fileno()],
                       stdin=subprocess.DEVNULL)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.wait_until_started()

    def wait_until_started(self):
        """Each worker says so in the log."""
        deadline = time.monotonic() + START_S
        while self.log_path.read_text().count("Application startup complete") < self.workers:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise PeerError(f"uvicorn does not start; see {self.log_path}")
            time.sleep(0.1)


def cpu_ticks(leader):
    """The processor time of all processes of a session, in clock ticks (proc(5), stat)."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            ticks += int(fields[11]) + int(fields[12])
    return ticks
