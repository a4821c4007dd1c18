"""A server between the page and convd that can be slow, refuse, answer nonsense or hang up: the failures that browsers meet."""

import http.client
import http.server
import json
import threading
import time
import urllib.parse


class Proxy:
    """Forwards everything; POSTs meet what `mode` and `delay_s` say: 'pass', 'drop', 'nonsense', 'overloaded', 'part' (of the
    answer, with its own length), (status, JSON), or a function that makes of the question and the answer, both read, what is answered in its place.
    `posts` counts them."""

    def __init__(self, target):
        self.target = urllib.parse.urlsplit(target)
        self.mode = "pass"
        self.delay_s = 0.0
        self.posts = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def _handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.forward(b"")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                mode = proxy.mode
                proxy.posts += 1
                time.sleep(proxy.delay_s)
                if callable(mode):
                    self.forward(body, mode)
                elif mode == "drop":
                    self.close_connection = True
                elif isinstance(mode, tuple):
                    self.answer(mode[0], mode[1].encode(), [("Content-Type", "application/json")])
                elif mode == "nonsense":
                    self.answer(502, b"<h1>Bad gateway</h1>", [("Content-Type", "text/html")])
                elif mode == "overloaded":
                    self.answer(503, b'{"type":"/problems/overloaded","title":"The server is overloaded","status":503,"detail":"the queue is full"}',
                                [("Content-Type", "application/problem+json"), ("Retry-After", "1")])
                else:
                    self.forward(body, part=mode == "part")

            def forward(self, body, change=None, part=False):
                upstream = http.client.HTTPConnection(proxy.target.hostname, proxy.target.port, timeout=120)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                upstream.request(self.command, self.path, body, headers)
                response = upstream.getresponse()
                data = response.read()
                if change:
                    data = json.dumps(change(json.loads(body), json.loads(data))).encode()
                if part:
                    data = data[:len(data) // 2]
                self.answer(response.status, data, [pair for pair in response.getheaders() if pair[0].lower() not in ("connection", "content-length", "date")])
                upstream.close()

            def answer(self, status, body, headers):
                try:
                    self.send_response(status)
                    for name, value in [*headers, ("Content-Length", str(len(body)))]:
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:  # the page asks something else by now
                    self.close_connection = True

        return Handler
