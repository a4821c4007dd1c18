#!/usr/bin/python3
"""Tables in Markdown of what bench_codec and http/bench.py measured.

    summary.py [--codec FILE.tsv] [--http FILE.tsv]
"""

import argparse
import csv
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
    parser.add_argument("--http", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.codec:
        rows = read_rows(arguments.codec)
        for (operation,) in distinct(rows, "op"):
            print(codec_table(rows, operation))
    if arguments.http:
        print(http_table(read_rows(arguments.http)))


if __name__ == "__main__":
    main()
