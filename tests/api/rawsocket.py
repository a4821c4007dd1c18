"""HTTP/1.1 over a bare socket: what http.client would not send, and exactly what came back."""

import contextlib
import select
import socket
import time
import urllib.parse

import client as convd


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # [(lower-case name, value)], in the order in which they came
        self.body = body

    def __repr__(self):
        return f"HTTP {self.status} {self.headers} {self.body[:400]!r}"

    def header(self, name):
        """The header's value, None without one; two of them are a fault."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    @property
    def problem(self):
        """The problem's name, after checking that it is a whole one."""
        assert self.header("content-type") == "application/problem+json", self
        document = convd.strict_json(self.body.decode())
        assert document["status"] == self.status, self
        assert document["title"] and document["detail"], self
        assert document["instance"] == self.header("x-request-id"), self
        return document["type"].removeprefix("/problems/")

    @property
    def detail(self):
        return convd.strict_json(self.body.decode())["detail"]


class Closed(Exception):
    """The server closed the connection where a response was due."""


class Connection:
    def __init__(self, url, timeout=convd.TIMEOUT_S, receive_buffer=None):
        parts = urllib.parse.urlsplit(url)
        family = socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((parts.hostname, parts.port))
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send_what_is_taken(self, data):
        """Sends until all is sent or the server wants no more; returns how much went out."""
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < len(data):
                sent += self.socket.send(data[sent : sent + 65536])
        return sent

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.pending)
        self.pending += data

    def _take(self, count):
        while len(self.pending) < count:
            self._more()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def response(self, head=False):
        """The next response; its body is read by its Content-Length."""
        while b"\r\n\r\n" not in self.pending:
            self._more()
        start, _, self.pending = self.pending.partition(b"\r\n\r\n")
        first, *lines = start.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        response = Response(int(status), headers, b"")
        length = response.header("content-length")
        if not head and response.status >= 200 and length is not None:
            response.body = self._take(int(length))
        return response

    def ask(self, data, head=False):
        self.send(data)
        return self.response(head)

    def is_closed_within(self, seconds):
        """Reads (and drops) until the end of the stream; False when that does not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.socket], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return False
            try:
                if not self.socket.recv(65536):
                    return True
            except ConnectionResetError:
                return True


def ask(url, data, head=False):
    """One request on a connection of its own."""
    with Connection(url) as connection:
        return connection.ask(data, head)


def post(path, body=b"{}", *headers, length=True):
    """A POST as bytes, with Host and, unless told not to, Content-Length."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path, *headers, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode()


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
