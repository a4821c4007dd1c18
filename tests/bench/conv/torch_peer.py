#!/usr/bin/python3
"""PyTorch on the layers of bench_conv: the same TSV, peer `torch`.

    torch_peer.py --layers FILE.tsv [--threads 1,2] [--repeat R] [--match TEXT]

torch.nn.functional.conv2d on contiguous float32 tensors, without gradients. It takes weights as they come, so both
modes, prepared and inline, have the same line twice. Each number of threads has a process of its own: OpenBLAS, which
torch calls, reads it from the environment.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import time

import torch

ROUND_S = 2e-4  # a round of a short layer is as many runs as fill this


def pair(text):
    words = [int(word) for word in text.split(",")]
    return words if len(words) == 2 else words * 2


def run_of(layer):
    """A function that computes the layer once, and its multiply-accumulates."""
    n, c, h, w, k, kh, kw, groups = (int(layer[name]) for name in ("N", "C", "H", "W", "K", "kh", "kw", "groups"))
    options = {"stride": int(layer["stride"]), "padding": pair(layer["pad"]), "dilation": int(layer["dil"]),
               "groups": groups}
    x, weight = torch.rand(n, c, h, w) * 2 - 1, torch.rand(k, c // groups, kh, kw) * 2 - 1

    def run():
        return torch.nn.functional.conv2d(x, weight, **options)

    return run, run().numel() * c // groups * kh * kw


def times_s(run, repeat):
    run()
    began = time.perf_counter()
    run()
    runs = max(1, int(ROUND_S / max(time.perf_counter() - began, 1e-7)))
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        for _ in range(runs):
            run()
        times.append((time.perf_counter() - began) / runs)
    return times


def measure(layer, arguments):
    run, macs = run_of(layer)
    times = times_s(run, arguments.repeat)
    median = statistics.median(times)
    for mode in ("prepared", "inline"):
        print("torch", layer["name"], arguments.threads, mode, f"{min(times) * 1e3:.6f}", f"{median * 1e3:.6f}",
              f"{2 * macs / median / 1e9:.2f}", sep="\t", flush=True)


def run_processes(arguments):
    print("peer", "layer", "threads", "mode", "min_ms", "median_ms", "gflops", sep="\t", flush=True)
    for threads in arguments.threads.split(","):
        command = [sys.executable, __file__, "--layers", arguments.layers, "--threads", threads, "--repeat",
                   str(arguments.repeat)] + (["--match", arguments.match] if arguments.match else [])
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layers", required=True)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--match")
    arguments = parser.parse_args()
    if "," in arguments.threads or os.environ.get("OPENBLAS_NUM_THREADS") != arguments.threads:
        return run_processes(arguments)
    torch.set_grad_enabled(False)
    torch.set_num_threads(int(arguments.threads))
    with open(arguments.layers, newline="") as file:
        layers = list(csv.DictReader(file, delimiter="\t"))
    for layer in layers:
        if not arguments.match or arguments.match in layer["name"] or arguments.match == layer["family"]:
            measure(layer, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
