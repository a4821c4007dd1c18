"""A server to test and a client that speaks to it: what conftest.py and the differential test share.

Standard library and numpy only.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time
import urllib.parse

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Sanitizer builds are an order of magnitude slower: CONVD_TEST_SLOW=1 stretches every deadline.
SLOWNESS = 1 if os.environ.get("CONVD_TEST_SLOW", "0") in ("", "0") else 10
TIMEOUT_S = 60 * SLOWNESS

SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                     "UndefinedBehaviorSanitizer", "MemorySanitizer")


class Answer:
    """One HTTP response, wholly read."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"HTTP {self.status} {self.body[:600]!r}"

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def media_type(self):
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def json(self):
        """The body as strict JSON: a bare NaN or Infinity in an answer is a fault of the server."""
        return strict_json(self.text)

    @property
    def problem(self):
        """The problem type's name, or None when the answer is not a problem."""
        if self.media_type != "application/problem+json":
            return None
        return self.json["type"].removeprefix("/problems/")

    @property
    def detail(self):
        return self.json["detail"]

    @property
    def pointer(self):
        return self.json.get("pointer")


class Client:
    """Sends requests over one connection that is kept alive. Not for use by several threads at once."""

    def __init__(self, url, timeout=TIMEOUT_S):
        parts = urllib.parse.urlsplit(url)
        self.url = url.rstrip("/")
        self.host, self.port = parts.hostname, parts.port or 80
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """Sends `body` (bytes, text or None) as it is; a header whose value is None is not sent."""
        if isinstance(body, str):
            body = body.encode("utf-8")
        headers = {name: value for name, value in (headers or {}).items() if value is not None}
        reused = self.connection is not None
        try:
            return self._exchange(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server may close an idle connection at any time; on a fresh one the same is a failure.
            if not reused:
                raise
            return self._exchange(method, path, body, headers)

    def _exchange(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, path, document, headers=None):
        """Posts `document` (anything that json.dumps takes) as application/json."""
        return self.post_raw(path, json.dumps(document), {"Content-Type": "application/json", **(headers or {})})

    def post_raw(self, path, body, headers=None):
        """Posts bytes or text with no header but the given ones."""
        return self.request("POST", path, body, headers)

    def post_ok(self, path, document):
        """The answer's document, after a 200."""
        answer = self.post(path, document)
        assert answer.status == 200, answer
        return answer.json

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Server:
    """A `convd` process of our own on a port of the system's choice."""

    def __init__(self, *arguments, binary=None, env=None):
        self.binary = str(binary or default_binary())
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([self.binary, "--port", "0", *arguments], stdout=subprocess.PIPE,
                                        stderr=self.log, env={**os.environ, **(env or {})})
        self.url = self._read_url()

    def _read_url(self):
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        line = self.process.stdout.readline().decode() if ready else ""
        prefix = "convd listening on "
        if not line.startswith(prefix + "http://"):
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.binary}: first line {line!r}; stderr:\n{self.stderr()}")
        return line.removeprefix(prefix).strip()

    def client(self):
        return Client(self.url)

    def stderr(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def wait_until_ready(self):
        deadline = time.monotonic() + TIMEOUT_S
        client = self.client()
        while client.get("/readyz").status != 200:
            assert time.monotonic() < deadline, "/readyz does not become 200"
            time.sleep(0.05)
        client.close()

    @contextlib.contextmanager
    def halted(self):
        """Every thread stands still (SIGSTOP): what is sent meanwhile is all there when they go on."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            deadline = time.monotonic() + TIMEOUT_S
            stats = list(pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat"))
            while any(stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in stats):
                assert time.monotonic() < deadline, "a thread does not stop"
                time.sleep(0.001)
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self, expected_exit=0):
        """SIGTERM must end the process in time, with exit 0 and without a sanitizer's complaint."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none: it had to be killed"
        self.process.stdout.close()
        log = self.stderr()
        assert code == expected_exit, f"exit {code}, expected {expected_exit}; end of stderr:\n{log[-6000:]}"
        reports = [report for report in SANITIZER_REPORTS if report in log]
        assert not reports, f"stderr holds {reports}:\n{log[-6000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def default_binary():
    path = pathlib.Path(os.environ.get("CONVD_BINARY", "build/convd"))
    return path if path.is_absolute() else ROOT / path


def strict_json(text):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse, object_pairs_hook=_unique_keys)


def _unique_keys(pairs):
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError(f"repeated key among {[key for key, _ in pairs]}")
    return document


# ---- tensors in JSON ----

FORMS = ("nested", "flat", "base64")


def pack(array, form="nested", dtype=None):
    """A numpy array as a JSON tensor; `dtype` is named where the form has a place for it.

    float32 values are written with the digits of the float64 of the same value, so that nothing is lost.
    """
    array = numpy.asarray(array)
    if form == "nested":
        return array.tolist()
    if form == "flat":
        tensor = {"shape": list(array.shape), "data": array.ravel().tolist()}
        return {**tensor, "dtype": dtype} if dtype else tensor
    dtype = dtype or array.dtype.name
    data = numpy.ascontiguousarray(array, numpy.dtype(dtype).newbyteorder("<")).tobytes()
    return {"shape": list(array.shape), "dtype": dtype, "base64": base64.b64encode(data).decode()}


def unpack(document, field="output"):
    """(form, array) of a tensor of an answer, after checking what the contract says of its form."""
    tensor = document[field]
    dtype = "int64" if field == "indices" else document["dtype"]
    shape = document["shape"]
    if isinstance(tensor, list):
        array = numpy.array(_numbers(tensor), dtype)
        if array.size:
            assert list(array.shape) == shape, f"{field} of shape {list(array.shape)}, beside it {shape}"
        return "nested", array.reshape(shape)
    assert tensor["shape"] == shape, f"{field}'s own shape is {tensor['shape']}, beside it stands {shape}"
    if "base64" in tensor:
        assert tensor["dtype"] == dtype, tensor["dtype"]
        data = base64.b64decode(tensor["base64"], validate=True)
        return "base64", numpy.frombuffer(data, numpy.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)
    return "flat", numpy.array(_numbers(tensor["data"]), dtype).reshape(shape)


def _numbers(tensor):
    if isinstance(tensor, list):
        return [_numbers(item) for item in tensor]
    return float(tensor) if isinstance(tensor, str) else tensor
