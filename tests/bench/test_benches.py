"""The benches run: tiny texts, one short round. What they measure is no test's business."""

import csv
import importlib.util
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy
import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = (HERE.parents[1] / os.environ.get("CONVD_BINARY", "build/convd")).resolve().parent
PATIENCE_S = 600

sys.path.insert(0, str(HERE))

import summary  # noqa: E402  (needs the path above)
import texts  # noqa: E402


def program(name):
    path = BUILD / name
    if not path.exists():
        pytest.skip(f"{path} is not built (make bench-binaries)")
    return str(path)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE_S, check=False, **options)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("texts")
    made = run(HERE / "texts.py", directory, "--shape", "2,3,7")
    assert made.returncode == 0, made.stderr
    return sorted(directory.glob("*.json"))


# ---- texts ----

def test_texts_are_the_numbers_they_say(files):
    arrays = {file.stem: numpy.array(json.loads(file.read_text())) for file in files}
    assert {array.shape for array in arrays.values()} == {(2, 3, 7)}
    for kind in ("17digits", "shortest", "bytes"):
        assert (arrays[kind] == arrays[kind + "-compact"]).all()
    exact, short = arrays["17digits"], arrays["shortest"]
    assert (exact == exact.astype(numpy.float32)).all()
    assert (exact == short.astype(numpy.float32)).all()
    assert arrays["bytes"].dtype == int and 0 <= arrays["bytes"].min() and arrays["bytes"].max() <= 255


def test_shortest_digits():
    values = [0.1, 1 / 3, 16777216, 1e-7, -0.0, 3.4028235e38, 1e-45]
    assert json.dumps(texts.shortest(values)) == (
        "[0.1, 0.33333334, 16777216.0, 1e-07, -0.0, 3.4028235e+38, 1e-45]")


# ---- the codec ----

@pytest.mark.parametrize("dtype, suffix", [("float32", ""), ("float64", "_f64")])
def test_codec(files, dtype, suffix):
    ran = run(program("bench_codec"), "--repeat", 1, "--dtype", dtype, "--threads", 2, *files)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("peer\tfile\top\tmin_ms\tmedian_ms\tmb_per_s\tns_per_number\n")
    peers = {"read": {"convd", "convd-2-threads", "jansson", "simdjson", "from_chars"},
             "write": {"convd", "jansson", "to_chars"}}
    expected = {(peer, str(file), operation + suffix) for operation, names in peers.items() for peer in names
                for file in files}
    rows = rows_of(ran.stdout)
    assert {(row["peer"], row["file"], row["op"]) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        assert 0 < float(row["min_ms"]) <= float(row["median_ms"])
        assert float(row["mb_per_s"]) > 0 and float(row["ns_per_number"]) > 0


@pytest.mark.parametrize("text", ["", "[1, 2", "[]", "3", '{"a": 1}', "[1, [2]]", '[1, "x"]', "[NaN]", "[1e99]"])
def test_codec_refuses_what_its_peers_do_not_all_read(tmp_path, text):
    file = tmp_path / "text.json"
    file.write_text(text)
    ran = run(program("bench_codec"), "--repeat", 1, file)
    assert ran.returncode == 1 and str(file) in ran.stderr
    assert rows_of(ran.stdout) == []


def test_codec_usage(tmp_path):
    assert run(program("bench_codec")).returncode == 2
    for option, value in (("--repeat", "0"), ("--dtype", "int64"), ("--threads", "0"), ("--what", "x")):
        assert run(program("bench_codec"), option, value, "x.json").returncode == 2
    missing = run(program("bench_codec"), tmp_path / "missing.json")
    assert missing.returncode == 1 and "No such file" in missing.stderr


# ---- layers ----

LAYERS = ("name\tN\tC\tH\tW\tK\tkh\tkw\tstride\tpad\tdil\tgroups\tfamily\n"
          "square\t1\t32\t20\t20\t32\t3\t3\t1\t1\t1\t1\ta\n"
          "flat\t2\t6\t5\t9\t4\t1\t5\t2\t0,2\t1\t2\tb\n")
CONV_HEAD = "peer\tlayer\tthreads\tmode\tmin_ms\tmedian_ms\tgflops\n"


@pytest.fixture
def layers(tmp_path):
    path = tmp_path / "layers.tsv"
    path.write_text(LAYERS)
    return path


def test_conv(layers):
    ran = run(program("bench_conv"), "--layers", layers, "--threads", "1,2", "--mode", "prepared,inline", "--repeat", 2)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(CONV_HEAD)
    rows = rows_of(ran.stdout)
    assert {(row["peer"], row["layer"], row["threads"], row["mode"]) for row in rows} == {
        (peer, layer, threads, mode) for peer in ("convd", "onednn", "im2col") for layer in ("square", "flat")
        for threads in "12" for mode in ("prepared", "inline")}
    assert all(0 < float(row["min_ms"]) <= float(row["median_ms"]) and float(row["gflops"]) >= 0 for row in rows)


METHODS = {"gemm": {"columns", "implicit"}, "direct": {"depthwise", "rows"}, "winograd": {"winograd"},
           "auto": {"columns", "implicit", "depthwise", "rows", "winograd"}}


@pytest.mark.parametrize("algorithm", METHODS)
def test_conv_says_what_is_chosen(layers, algorithm):
    for mode in "prepared", "inline":
        ran = run(program("bench_conv"), "--layers", layers, "--match", "square", "--repeat", 1, "--peers", "convd",
                  "--mode", mode, "--describe", "--algorithm", algorithm)
        assert [row["algorithm"].split(":")[0] in METHODS[algorithm] for row in rows_of(ran.stdout)] == [True]


@pytest.mark.parametrize("row", ["x", "x\t1\t1\t1\t1\t1\t3\t3\t1\t0\t1\t1\tf", "x\t1\t4\t4\t4\t4\t1\t1\t0\t0\t1\t1\tf",
                                 "x\t1\t4\t4\t4\t4\t1\t1\t1\t0\t1\t3\tf"])
def test_conv_refuses_what_is_no_layer(layers, row):
    layers.write_text(LAYERS.partition("\n")[0] + "\n" + row + "\n")
    ran = run(program("bench_conv"), "--layers", layers)
    assert ran.returncode == 1 and f"{layers}:2" in ran.stderr


def test_conv_usage(layers):
    assert run(program("bench_conv")).returncode == 2
    for option, value in (("--repeat", "0"), ("--mode", "fast"), ("--threads", "0"), ("--what", "x"),
                          ("--precision", "low"), ("--algorithm", "fft")):
        assert run(program("bench_conv"), "--layers", layers, option, value).returncode == 2
    assert run(program("bench_conv"), "--layers", "missing.tsv").returncode == 1


def test_conv_of_torch(layers):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed (tests/tools/install-packages.sh bench)")
    ran = run(HERE / "conv" / "torch_peer.py", "--layers", layers, "--repeat", 1)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(CONV_HEAD)
    assert {(row["layer"], row["mode"]) for row in rows_of(ran.stdout)} == {
        (layer, mode) for layer in ("square", "flat") for mode in ("prepared", "inline")}


def test_the_layers_are_layers():
    ran = run(program("bench_conv"), "--layers", HERE / "conv" / "layers.tsv", "--match", "small", "--repeat", 1,
              "--peers", "convd", "--mode", "prepared")
    assert ran.returncode == 0, ran.stderr
# ---- pooling ----

POOL_LAYERS = """name	mode	N	C	H	W	kernel	stride	pad	indices
max	max	1	3	9	8	3	2	1	1
avg	avg	2	1	9	8	2	2	0	0
global	adaptive_avg	1	4	7	7	1	1	0	0
"""


@pytest.fixture
def pool_layers(tmp_path):
    file = tmp_path / "layers.tsv"
    file.write_text(POOL_LAYERS)
    return file


def check_pool_rows(ran, peer):
    assert ran.returncode == 0, ran.stderr
    rows = rows_of(ran.stdout)
    assert [(row["peer"], row["layer"], row["threads"]) for row in rows] == [
        (peer, layer, threads) for layer in ("max", "avg", "global") for threads in ("1", "2")]
    for row in rows:
        assert 0 < float(row["min_ms"]) <= float(row["median_ms"]) and float(row["gb_per_s"]) >= 0


def test_pool(pool_layers):
    check_pool_rows(run(program("bench_pool"), "--repeat", 1, "--threads", "1,2", pool_layers), "convd")


def test_pool_torch(pool_layers):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed (tests/tools/install-packages.sh bench)")
    check_pool_rows(run(HERE / "pool" / "torch_peer.py", "--repeat", 1, "--threads", "1,2", pool_layers), "torch")


def test_pool_usage(tmp_path):
    for option, value in (("--repeat", "0"), ("--threads", "0"), ("--what", "x")):
        assert run(program("bench_pool"), option, value).returncode == 2
    missing = run(program("bench_pool"), tmp_path / "missing.tsv")
    assert missing.returncode == 1 and "No such file" in missing.stderr
    broken = tmp_path / "broken.tsv"
    broken.write_text(POOL_LAYERS + "max max 1\n")
    ran = run(program("bench_pool"), "--repeat", 1, broken)
    assert ran.returncode == 1 and "this is no layer" in ran.stderr


# ---- HTTP ----

def http_bench(*arguments):
    for tool in ("wrk", "uvicorn"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (tests/tools/install-packages.sh bench)")
    for module in ("torch", "fastapi"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (tests/tools/install-packages.sh bench)")
    program("bench_sink")
    return run(HERE / "http" / "bench.py", "--build", BUILD, "--runs", 1, "--seconds", 1, *arguments)


def test_http():
    ran = http_bench("--layers", "tiny", "--forms", "json", "--connections", "2")
    assert ran.returncode == 0, ran.stderr
    rows = {row["peer"]: row for row in rows_of(ran.stdout)}
    assert set(rows) == {"convd", "sink", "fastapi", "fastapi-2w"}
    for row in rows.values():
        assert (row["request"], row["form"], row["connections"], row["errors"]) == ("tiny", "json", "2", "0")
        assert float(row["requests_per_s"]) > 0 and 0 < float(row["p50_ms"]) <= float(row["p99_ms"])
    assert all(float(rows["convd"][column]) > 0 for column in ("vs_fastapi", "vs_fastapi_2w", "vs_sink"))
    assert float(rows["convd"]["max_error"]) < 1e-4


def test_http_tells_a_peer_that_does_not_answer():
    ran = http_bench("--layers", "tiny", "--forms", "json", "--peers", "convd", "--url", "http://127.0.0.1:1")
    assert ran.returncode == 1 and "convd: no answer" in ran.stderr
    assert rows_of(ran.stdout) == []


# ---- the tables ----

def test_summary(tmp_path, capsys, monkeypatch):
    codec, http = tmp_path / "codec.tsv", tmp_path / "http.tsv"
    codec.write_text("peer\tfile\top\tns_per_number\n"
                     "convd\ta/b.json\tread\t10\nconvd-2-threads\ta/b.json\tread\t6\n"
                     "jansson\ta/b.json\tread\t400\nsimdjson\ta/b.json\tread\t25\n")
    http.write_text("request\tform\tpeer\tconnections\trequests_per_s\tp50_ms\tp99_ms\n"
                    "tiny\tjson\tconvd\t8\t30000\t1\t2\ntiny\tjson\tconvd\t64\t40000\t1.5\t3\n"
                    "tiny\tjson\tconvd\t512\t90000\t1.5\t3\ntiny\tjson\tsink\t8\t50000\t1\t2\n"
                    "tiny\tjson\tfastapi\t1\t2000\t1\t2\n")
    conv, layers = tmp_path / "conv.tsv", tmp_path / "layers.tsv"
    layers.write_text("name\tfamily\na\tf\nb\tf\nc\tg\n")
    conv.write_text("peer\tlayer\tthreads\tmode\tmedian_ms\n"
                    + "".join(f"{peer}\t{layer}\t1\tinline\t{ms}\n" for peer, layer, ms in (
                        ("convd", "a", 1), ("x", "a", 2), ("y", "a", 3), ("convd", "b", 4), ("x", "b", 2),
                        ("convd", "c", 1), ("y", "c", 8))))
    monkeypatch.setattr(sys, "argv", ["summary.py", "--codec", str(codec), "--http", str(http), "--conv", str(conv),
                                      "--layers", str(layers)])
    summary.main()
    printed = capsys.readouterr().out
    assert "| f | 1.00 (0.50) |\n| g | 8.00 (8.00) |\n| all | 2.00 (0.50) |" in printed
    assert "| b | 10.0 | 6.0 | 400.0 | 25.0 | 2.5× | 40.0× |" in printed
    assert "| tiny, json | 40,000 | 50,000 | 2,000 | – | 80 % | 20.0× | – | 1.5 / 3 |" in printed
