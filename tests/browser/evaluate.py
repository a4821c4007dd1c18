"""The page's modules in node, without a browser: fixtures and functions for test_maths.py and test_snippets.py."""

import importlib.util
import json
import math
import pathlib
import shutil
import subprocess
import sys

import numpy
import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def load(path):
    """A module of another folder of tests, by its path."""
    name = "tests_" + "_".join(path.relative_to(ROOT / "tests").with_suffix("").parts)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


api = load(ROOT / "tests/api/conftest.py")
convd = api.convd
server_url, client = api.server_url, api.client
SLOWNESS = convd.SLOWNESS


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """The folder of a copy of the page's modules that node takes for what they are."""
    if not shutil.which("node"):
        pytest.skip("node is not installed (Debian: nodejs)")
    folder = tmp_path_factory.mktemp("modules")
    for part in ("core", "maths", "views"):
        shutil.copytree(ROOT / "server/web" / part, folder / part)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def outcomes(modules, calls):
    """What calls [module, function, argument, …] give: {"value": …} or {"error": …} for each. One node for all of them."""
    text = json.dumps([as_json(call) for call in calls])
    done = subprocess.run(["node", str(HERE / "evaluate.mjs"), str(modules)], input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120 * SLOWNESS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    results = json.loads(done.stdout)
    assert len(results) == len(calls)
    return results


def evaluate(modules, calls):
    """The values of calls, none of which may throw."""
    results = outcomes(modules, calls)
    for call, result in zip(calls, results):
        assert "error" not in result, f"{str(call)[:600]}: {result}"
    return [result["value"] for result in results]


def as_json(value):
    """A call as JSON that JavaScript reads: numbers that JSON lacks as evaluate.mjs takes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]}
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, numpy.ndarray):
        return as_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value


def numbers(values):
    """Numbers of a result as an array; the quoted words are float()'s too."""
    return numpy.array([float(value) for value in values])


def pairs(rng, low, high):
    return [rng.randint(low, high), rng.randint(low, high)]


def layer(kernel=(1, 1), stride=(1, 1), dilation=(1, 1), padding=0, mode="zeros"):
    """A layer as maths/layer.js takes it."""
    return {"kernel": list(kernel), "stride": list(stride), "dilation": list(dilation), "padding": padding, "mode": mode}
