"""The README's examples work as they are printed: every ```sh block that asks a server with curl is run.

A block ends with a JSON answer, or says in comments what it prints.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import client as convd

README = convd.ROOT / "README.md"
ADDRESS = re.compile(r"(?:http://)?(?:127\.0\.0\.1|localhost):8080")


def curl_blocks():
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search("^curl ", block, re.MULTILINE)]


BLOCKS = curl_blocks()


def test_there_are_examples():
    assert len(BLOCKS) >= 5, "README.md has fewer than five ```sh blocks that begin with curl"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_first_example_gives_what_the_readme_says(server_url):
    command = ADDRESS.sub(server_url, BLOCKS[0])
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=convd.TIMEOUT_S, check=True)
    rows = [" ".join(map(str, row)) for row in convd.strict_json(done.stdout.decode())["output"][0][0]]
    assert f"`{' / '.join(rows)}`" in README.read_text("utf-8")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {number}" for number in range(1, len(BLOCKS) + 1)])
def test_example(server_url, tmp_path, block):
    command, replaced = ADDRESS.subn(server_url, block)
    assert replaced, f"no address of a server in {block!r}"
    # python3 is the one that runs the tests, and has numpy
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, capture_output=True,
                          env={**os.environ, "PATH": path}, timeout=convd.TIMEOUT_S, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode(errors='replace')}"
    check_output(block, done.stdout.decode("utf-8"))


def check_output(block, output):
    """Each part of a comment, " and " between them, is printed; without comments, an answer that is no problem is."""
    comments = re.findall(r"(?:^|\s)# (.*)$", block, re.MULTILINE)
    for part in (part for comment in comments for part in comment.split(" and ")):
        assert part.lower() in output.lower(), f"{part!r} is not in {output!r}"
    if not comments:
        document = convd.strict_json(strip_headers(output))
        assert not str(document.get("type", "")).startswith("/problems/"), document


def strip_headers(text):
    """curl -i prints the answer's head before its body."""
    return text.partition("\r\n\r\n")[2] if text.startswith("HTTP/") else text
