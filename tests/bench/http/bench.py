#!/usr/bin/python3
"""convd over HTTP beside FastAPI + PyTorch and beside libmicrohttpd alone, driven by wrk.

    bench.py [--quick] [--url URL] [--peers …] [--layers …] [--forms …] [--connections …] [--runs R] [--seconds S]

Starts the peers itself, holds each one's first answer against PyTorch, and prints TSV, a line for each request, form,
number of connections and peer:

    request form peer connections requests_per_s p50_ms p99_ms errors max_error vs_fastapi vs_fastapi_2w vs_sink

Peers take turns within a cell, R rounds of S seconds, and each keeps its best round. requests_per_s counts answers of
status 200 alone; `errors` are the others and broken connections. convd's lines have the ratios to FastAPI with one
worker and with two, and to the sink, in the same cell. A slow peer gets longer rounds, for at least twenty requests
and twice its connections; a cell where that would take more than --most-seconds is left out for this peer. The exit
status is 1 if a peer did not start or answered wrongly.
"""

import argparse
import contextlib
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import torch

import layers
import peers

ROOT = pathlib.Path(__file__).resolve().parents[3]
COLUMNS = ("request", "form", "peer", "connections", "requests_per_s", "p50_ms", "p99_ms", "errors", "max_error",
           "vs_fastapi", "vs_fastapi_2w", "vs_sink")
PEERS = ("convd", "sink", "fastapi", "fastapi-2w")
LEAST_REQUESTS = 20
LEAST_ROUNDS = 2  # of all connections


def say(text):
    print(f"bench.py: {text}", file=sys.stderr, flush=True)


class Cell:
    """What one peer did in one round."""

    def __init__(self, line):
        requests, duration_us, p50_us, p99_us, bad_status, broken = (int(word) for word in line.split()[1:])
        self.rate = (requests - bad_status) / (duration_us / 1e6)
        self.p50_ms, self.p99_ms = p50_us / 1e3, p99_us / 1e3
        self.errors = bad_status + broken


def run_wrk(peer, request, answer_bytes, body_path, connections, seconds):
    command = ["wrk", "--threads", str(min(connections, 2)), "--connections", str(connections),
               "--duration", f"{seconds}s", "--timeout", "60s", "--script", str(peers.HERE / "post.lua"),
               peer.target(request, answer_bytes), "--", str(body_path), request.media, request.media]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cell(next(line for line in output.splitlines() if line.startswith("result ")))


class Bench:
    def __init__(self, arguments, work):
        self.arguments, self.work = arguments, work
        self.failed = False
        self.peers = self.make_peers()

    def make_peers(self):
        build = pathlib.Path(self.arguments.build)
        convd = peers.Convd(self.work, str(build / "convd"), self.arguments.url)
        made = (convd, peers.Sink(self.work, str(build / "bench_sink"), convd), peers.FastApi(self.work, 1),
                peers.FastApi(self.work, 2))
        return [peer for peer in made if peer.name in self.arguments.peers]

    def fail(self, text):
        self.failed = True
        say(text)

    def start(self, stack):
        for peer in list(self.peers):
            stack.callback(peer.stop)
            try:
                peer.start()
                peer.settle()
            except (peers.PeerError, OSError) as error:
                self.fail(f"{peer.name}: {error}")
                self.peers.remove(peer)

    def run(self):
        print(*COLUMNS, sep="\t", flush=True)
        for form in self.arguments.forms:
            for layer in self.arguments.layers:
                self.run_request(layers.Request(layer, form))

    def run_request(self, request):
        body_path = self.work / "body"
        body_path.write_bytes(request.body)
        able, answer_bytes = {}, 0
        for peer in self.peers:
            if request.form not in peer.forms or (peer.name == "sink" and not answer_bytes):
                continue
            checked = self.check(peer, request, answer_bytes)
            if checked is None:
                continue
            able[peer] = checked[:2]
            if peer.name == "convd":
                answer_bytes = checked[2]
        for connections in self.arguments.connections:
            self.run_cells(request, able, answer_bytes, body_path, connections)

    def check(self, peer, request, answer_bytes):
        """(largest error, seconds of a warm request, bytes of the answer), or None when the answer is wrong."""
        try:
            answer, _ = peer.ask(request, answer_bytes)
            error = peer.check(request, answer)
            seconds = min(peer.ask(request, answer_bytes)[1] for _ in range(2))
        except (peers.PeerError, ValueError, KeyError, OSError) as failure:
            self.fail(f"{request.layer} as {request.form}: {peer.name}: {failure}")
            return None
        return error, seconds, len(answer)

    def run_cells(self, request, able, answer_bytes, body_path, connections):
        best = {}
        for _ in range(self.arguments.runs):
            for peer, (_, seconds) in able.items():
                window = self.window_s(peer, seconds, connections)
                if window is None:
                    continue
                cell = run_wrk(peer, request, answer_bytes, body_path, connections, window)
                peer.settle()
                if peer not in best or cell.rate > best[peer].rate:
                    best[peer] = cell
        self.print_cells(request, able, connections, best)

    def window_s(self, peer, request_s, connections):
        """How long a round is; None when it would be too long."""
        requests = max(LEAST_REQUESTS, LEAST_ROUNDS * connections)
        window = max(self.arguments.seconds, requests * request_s / peer.workers)
        return math.ceil(window) if window <= max(self.arguments.most_seconds, self.arguments.seconds) else None

    def print_cells(self, request, able, connections, best):
        rates = {peer.name: cell.rate for peer, cell in best.items()}
        for peer, cell in best.items():
            error = able[peer][0]
            beside = [ratio(cell.rate, rates.get(other)) if peer.name == "convd" else ""
                      for other in ("fastapi", "fastapi-2w", "sink")]
            print(request.layer, request.form, peer.name, connections, f"{cell.rate:.2f}", f"{cell.p50_ms:.3f}",
                  f"{cell.p99_ms:.3f}", cell.errors, "" if error is None else f"{error:.1e}", *beside, sep="\t",
                  flush=True)


def ratio(rate, other):
    return f"{rate / other:.3g}" if other else ""


def words_of(known):
    def read(text):
        words = text.split(",")
        unknown = [word for word in words if word not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return words
    return read


def numbers(text):
    return [int(word) for word in text.split(",")]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", default=str(ROOT / "build"), help="where convd and bench_sink are [%(default)s]")
    parser.add_argument("--url", help="a convd that runs already")
    parser.add_argument("--peers", type=words_of(PEERS), default=list(PEERS),
                        help="of " + ",".join(PEERS) + "; the sink answers as many bytes as convd and so needs it")
    parser.add_argument("--layers", type=words_of(layers.LAYERS), default=list(layers.LAYERS),
                        help="of " + ",".join(layers.LAYERS))
    parser.add_argument("--forms", type=words_of(layers.MEDIA), default=list(layers.MEDIA),
                        help="of " + ",".join(layers.MEDIA))
    parser.add_argument("--connections", type=numbers, default=[1, 8, 64, 512])
    parser.add_argument("--runs", type=int, default=3, help="rounds a cell [%(default)s]")
    parser.add_argument("--seconds", type=int, default=2, help="a round's length [%(default)s]")
    parser.add_argument("--most-seconds", type=int, default=30, help="a slow peer's round's length [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="one round of a second, 1, 8 and 64 connections")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.runs, arguments.seconds, arguments.most_seconds = 1, 1, 10
        arguments.connections = [count for count in arguments.connections if count <= 64]
    return arguments


def main():
    arguments = read_arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        bench = Bench(arguments, pathlib.Path(work))
        bench.start(stack)
        bench.run()
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
