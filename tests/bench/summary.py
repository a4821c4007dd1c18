#!/usr/bin/python3
"""Tables in Markdown of what bench_codec, bench_conv and http/bench.py measured.

    summary.py [--codec FILE.tsv] [--conv FILE.tsv … --layers FILE.tsv] [--http FILE.tsv]
"""

import argparse
import csv
import math
import pathlib


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def distinct(rows, *columns):
    return list(dict.fromkeys(tuple(row[column] for column in columns) for row in rows))


def times(better, worse):
    return f"{better / worse:.1f}×" if better and worse else "–"


# ---- the codec ----

def codec_table(rows, operation):
    """Nanoseconds a number, from the fastest round, and how many times as fast convd is on one thread."""
    rows = [row for row in rows if row["op"] == operation]
    peers = [peer for (peer,) in distinct(rows, "peer")]
    others = [peer for peer in peers if not peer.startswith("convd")]
    shown = [peer for peer in peers if peer.startswith("convd")] + others
    lines = []
    for (file,) in distinct(rows, "file"):
        ns = {row["peer"]: float(row["ns_per_number"]) for row in rows if row["file"] == file}
        fastest = min((ns[peer] for peer in others if peer in ns), default=0)
        lines.append([pathlib.PurePath(file).stem, *(f"{ns[peer]:.1f}" for peer in shown),
                      times(fastest, ns["convd"]), times(ns.get("jansson"), ns["convd"])])
    return table([operation + ", ns a number", *shown, "fastest peer / convd", "jansson / convd"], lines)


# ---- layers ----

def geometric_mean(numbers):
    return math.exp(sum(math.log(number) for number in numbers) / len(numbers)) if numbers else 0


def conv_ratios(rows, threads, mode):
    """{layer: convd's speed over the fastest peer's}, by medians."""
    ms = {}
    for row in rows:
        if (row["threads"], row["mode"]) == (threads, mode):
            ms.setdefault(row["layer"], {})[row["peer"]] = float(row["median_ms"])
    return {layer: min(ms_of for peer, ms_of in times_of.items() if peer != "convd") / times_of["convd"]
            for layer, times_of in ms.items() if "convd" in times_of and len(times_of) > 1}


def conv_table(rows, layers):
    """By family: the geometric mean of convd's speed over the fastest peer's on each layer, and the slowest layer's."""
    cases = distinct(rows, "threads", "mode")
    families = list(dict.fromkeys(layers.values()))
    lines = []
    for family in [*families, "all"]:
        line = [family]
        for case in cases:
            ratios = [ratio for layer, ratio in conv_ratios(rows, *case).items()
                      if family in ("all", layers.get(layer))]
            line.append(f"{geometric_mean(ratios):.2f} ({min(ratios):.2f})" if ratios else "–")
        lines.append(line)
    head = [f"{threads} thread{'s' if threads != '1' else ''}, {mode}" for threads, mode in cases]
    return table(["convd / fastest peer (worst layer)", *head], lines)


# ---- HTTP ----

def best_rate(cells, peer):
    return max((float(cell["requests_per_s"]) for cell in cells if cell["peer"] == peer), default=0)


def rate_text(rate):
    return "–" if not rate else f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def latency_text(cells):
    for cell in cells:
        if cell["peer"] == "convd" and cell["connections"] == "64":
            return " / ".join(f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"
                              for ms in (float(cell["p50_ms"]), float(cell["p99_ms"])))
    return "–"


def http_table(rows):
    """Requests a second, the best of all numbers of connections up to 64 each, and the ratios of these."""
    peers = ("convd", "sink", "fastapi", "fastapi-2w")
    lines = []
    for layer, form in distinct(rows, "request", "form"):
        cells = [row for row in rows if (row["request"], row["form"]) == (layer, form)
                 and int(row["connections"]) <= 64]
        rate = {peer: best_rate(cells, peer) for peer in peers}
        share = f"{100 * rate['convd'] / rate['sink']:.0f} %" if rate["sink"] else "–"
        lines.append([f"{layer}, {form}", *(rate_text(rate[peer]) for peer in peers), share,
                      times(rate["convd"], rate["fastapi"]), times(rate["convd"], rate["fastapi-2w"]),
                      latency_text(cells)])
    return table(["requests a second", "convd", "bare libmicrohttpd", "FastAPI", "FastAPI, 2 workers",
                  "convd / bare", "convd / FastAPI", "convd / FastAPI, 2 workers", "p50 / p99 at 64, ms"], lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--codec", type=pathlib.Path)
    parser.add_argument("--conv", type=pathlib.Path, nargs="+", help="of bench_conv and conv/torch_peer.py")
    parser.add_argument("--layers", type=pathlib.Path, help="the layers that --conv is about")
    parser.add_argument("--http", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.codec:
        rows = read_rows(arguments.codec)
        for (operation,) in distinct(rows, "op"):
            print(codec_table(rows, operation))
    if arguments.conv:
        layers = {row["name"]: row["family"] for row in read_rows(arguments.layers)}
        print(conv_table([row for path in arguments.conv for row in read_rows(path)], layers))
    if arguments.http:
        print(http_table(read_rows(arguments.http)))


if __name__ == "__main__":
    main()
