"""axe-core, from npm's registry: fetched once, held against its published digest, kept in the build directory."""

import base64
import hashlib
import io
import os
import pathlib
import tarfile
import urllib.request

import pytest

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
URL = f"https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz"
KEPT = pathlib.Path(__file__).resolve().parents[2] / "build" / f"axe-core-{VERSION}.tgz"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def archive():
    if not KEPT.exists():
        try:
            with urllib.request.urlopen(URL, timeout=60) as response:
                data = response.read()
        except OSError as error:
            pytest.skip(f"axe-core cannot be fetched: {error}")
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        part = KEPT.with_suffix(f".{os.getpid()}")
        part.write_bytes(data)
        part.replace(KEPT)
    data = KEPT.read_bytes()
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if digest != SHA512:
        KEPT.unlink()
        raise AssertionError(f"{KEPT.name} has the digest {digest}, npm says {SHA512}")
    return data


def source():
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()


def violations(page):
    """What axe finds on the page as it stands: [rule, what it is about]."""
    if not page.run("return Boolean(window.axe)"):
        page.run(source())
    result = page.driver.execute_async_script(
        "const done = arguments[1]; axe.run(document, {runOnly: {type: 'tag', values: arguments[0]}}).then(done, error => done({error: String(error)}))", TAGS)
    assert "error" not in result, result
    return [(found["id"], node["html"][:200], node["failureSummary"][:300]) for found in result["violations"] for node in found["nodes"]]
