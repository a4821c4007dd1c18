#!/usr/bin/python3
"""What bench_pool measures, in PyTorch: the same layers, the same columns.

    torch_peer.py [--threads 1,2] [--repeat R] [FILE.tsv]
"""

import argparse
import csv
import math
import pathlib
import statistics
import time

import torch
import torch.nn.functional as F

LAYERS = pathlib.Path(__file__).resolve().parent / "layers.tsv"
ROUND_S = 0.0002  # a round of a short layer is as many runs as fill this


def pooling(layer):
    """The layer as a function of its input."""
    window = {"kernel_size": layer["kernel"], "stride": layer["stride"], "padding": layer["pad"]}
    size = (layer["kernel"], layer["kernel"])
    indices = bool(layer["indices"])
    return {"max": lambda x: F.max_pool2d(x, **window, return_indices=indices),
            "avg": lambda x: F.avg_pool2d(x, **window),
            "adaptive_max": lambda x: F.adaptive_max_pool2d(x, size, return_indices=indices),
            "adaptive_avg": lambda x: F.adaptive_avg_pool2d(x, size)}[layer["mode"]]


def seconds(run, x, times):
    start = time.perf_counter()
    for _ in range(times):
        run(x)
    return (time.perf_counter() - start) / times


def measure(layer, threads, repeat):
    torch.set_num_threads(threads)
    x = torch.rand(layer["N"], layer["C"], layer["H"], layer["W"]) * 2 - 1
    run = pooling(layer)
    run(x)
    times = max(1, math.ceil(ROUND_S / seconds(run, x, 1)))
    rounds = [seconds(run, x, times) for _ in range(repeat)]
    first = run(x)
    outputs = [first] if isinstance(first, torch.Tensor) else first
    moved = sum(tensor.numel() * tensor.element_size() for tensor in [x, *outputs])
    return min(rounds), statistics.median(rounds), moved


def read_layers(path):
    with open(path, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield {name: value if name in ("name", "mode") else int(value) for name, value in row.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", default="1", help="numbers of threads, with commas between")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("layers", nargs="?", default=LAYERS)
    options = parser.parse_args()
    print("peer\tlayer\tthreads\tmin_ms\tmedian_ms\tgb_per_s")
    with torch.no_grad():
        for layer in read_layers(options.layers):
            for threads in map(int, options.threads.split(",")):
                least, median, moved = measure(layer, threads, options.repeat)
                print(f"torch\t{layer['name']}\t{threads}\t{least * 1e3:.6f}\t{median * 1e3:.6f}\t"
                      f"{moved / median / 1e9:.2f}", flush=True)


if __name__ == "__main__":
    main()
