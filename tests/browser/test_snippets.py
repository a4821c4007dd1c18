"""The commands that the page offers are run as they are copied, against the server that they name, and must agree with its answer."""

import base64
import concurrent.futures
import contextlib
import io
import json
import os
import random
import subprocess
import urllib.parse
import warnings

import numpy
import pytest
import torch
from PIL import Image

from evaluate import SLOWNESS, client, convd, evaluate, modules, numbers, pairs, server_url  # noqa: F401  (fixtures)

MODES = ("zeros", "reflect", "replicate", "circular")
PADDINGS = ("numbers", "numbers", "sides", "sides", "valid", "same", "same_upper", "same_lower")


def address(state):
    text = lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value)  # noqa: E731
    return "&".join(f"{key}={text(value)}" for key, value in state.items())


def draw_state(rng, name):
    state = {"size": pairs(rng, 1, 8), "kernel": pairs(rng, 1, 4), "stride": pairs(rng, 1, 3), "dilation": pairs(rng, 1, 2), "pad": pairs(rng, 0, 2),
             "sides": [rng.randint(0, 2) for _ in range(4)], "padding": rng.choice(PADDINGS), "mode": rng.choice(MODES)}
    if name == "explore":
        state.update(bias=rng.choice([0, 0, 0.25, -3]), x=rng.choice(["example", "waves", "1e20,-3e-5,7;nan,2,inf", "-inf,1"]), w=rng.choice(["cross", "box", "gaussian3", "nan,1", "1e19,0.1;-1e-7"]))
    if name == "channels":
        groups = rng.choice([1, 2, 3])
        state.update(ins=groups * rng.randint(1, 2), outs=groups * rng.randint(1, 2), groups=groups, bias=rng.randint(0, 1), seed=rng.randint(0, 99))
    if name == "pool":
        state.update(mode=rng.choice(["max", "max", "max", "avg", "avg", "avg", "lp", "adaptive_max", "adaptive_avg"]), step=rng.randint(0, 1), ceil=rng.randint(0, 1),
                     counts=rng.randint(0, 1), divisor=rng.choice(["", "", 3, -2]), norm=rng.choice([1, 2, 1.5]), output=pairs(rng, 1, 5),
                     x=rng.choice(["example", "ramp", "waves", "nan,1,nan;inf,2,-inf"]))
    return state


CORNERS = [
    ("explore", {}), ("channels", {}), ("pool", {}),
    ("explore", {"padding": "same_upper", "kernel": [3, 3]}),  # the same at both ends, and no word of torch's
    ("explore", {"padding": "same_lower", "kernel": [3, 3], "stride": [2, 2], "size": [7, 7]}),
    ("explore", {"padding": "same", "kernel": [4, 2]}), ("explore", {"mode": "circular", "padding": "same", "kernel": [2, 3]}),
    ("explore", {"mode": "reflect", "pad": [2, 1]}), ("explore", {"x": "1e20,-1e20;123456789012345680000,1", "size": [2, 2], "kernel": [1, 1], "w": "1"}),
    ("explore", {"padding": "sides", "sides": [1, 1], "size": [3, 3]}), ("explore", {"size": [128, 128], "kernel": [128, 128], "w": "box", "x": "waves"}),  # too long for an argument
    ("pool", {"mode": "max", "padding": "sides", "sides": [1, 0, 0, 1], "ceil": 1, "size": [5, 5], "kernel": [2, 2], "step": 1, "stride": [2, 2]}),
    ("pool", {"mode": "max", "padding": "sides", "sides": [0, 1, 0, 1], "ceil": 1, "size": [4, 4], "kernel": [2, 2], "step": 1, "stride": [3, 3]}),
    ("pool", {"mode": "max", "padding": "same", "kernel": [2, 4], "dilation": [1, 3], "size": [4, 1]}),  # a window in padding alone
    ("pool", {"mode": "max", "size": [3, 3], "kernel": [2, 2], "pad": [1, 1], "dilation": [4, 4]}), ("pool", {"mode": "max", "size": [1, 3], "kernel": [2, 1], "step": 1, "stride": [1, 1], "pad": [1, 0], "dilation": [2, 1]}),
    ("pool", {"mode": "max", "pad": [2, 2], "kernel": [3, 3], "dilation": [2, 2], "size": [6, 6]}), ("pool", {"mode": "max", "padding": "same", "kernel": [3, 3], "step": 1, "stride": [2, 2]}),
    ("pool", {"mode": "avg", "padding": "sides", "sides": [0, 1, 1, 0], "counts": 0}), ("pool", {"mode": "avg", "padding": "sides", "sides": [2, 2, 2, 2], "kernel": [3, 3]}),
    ("pool", {"mode": "avg", "padding": "sides", "sides": [1, 2, 0, 1], "kernel": [3, 3], "ceil": 1, "counts": 0}), ("pool", {"mode": "avg", "pad": [1, 1], "divisor": -2, "counts": 0}),
    ("pool", {"mode": "avg", "ceil": 1, "pad": [1, 1], "kernel": [3, 3], "size": [6, 6], "step": 1, "stride": [2, 2]}), ("pool", {"mode": "max", "ceil": 1, "size": [1, 1], "kernel": [2, 2]}),
    ("pool", {"mode": "lp", "ceil": 1, "size": [5, 5]}), ("pool", {"mode": "adaptive_max", "output": [4, 5]}), ("pool", {"mode": "adaptive_avg", "output": [1, 7]}),
]

CHAINS = [
    ([1, 1, 32, 32], None),  # the one that is there
    ([1, 3, 17, 19], "Conv2d(3, 8, (3, 2), stride=2, padding_mode='circular', padding=1); BatchNorm2d(8); LeakyReLU(0.2); AvgPool2d(2, ceil_mode=True); AdaptiveAvgPool2d((None, 3)); Flatten(); Linear(120, 5); Softmax(1)"),
    ([4, 7], "BatchNorm1d(); Linear(out_features=3, bias=False); Dropout(0.5); LogSoftmax(dim=-1)"), ([1, 4], "BatchNorm1d(4); ELU(alpha=2.0)"),
    ([2, 4, 9], "Conv1d(4, 6, 3, padding='same'); MaxPool1d(2); LPPool1d(2, 2); ConvTranspose1d(6, 2, kernel_size=3, stride=2, output_padding=1)"),
    ([1, 2, 5, 6, 7], "Conv3d(out_channels=4, kernel_size=(1, 2, 3), groups=2, dtype=torch.float32); MaxPool3d((1, 2, 2), stride=None); Upsample(scale_factor=2.0, mode='trilinear', align_corners=True)"),
    ([3, 8, 8], "ZeroPad2d((1, 2, 0, 1)); ReflectionPad2d(1); Conv2d(3, 3, 3, groups=3); Hardswish(); GELU('tanh')"),
    ([1, 2, 9, 8], "MaxPool2d(2, return_indices=True); Conv2d(2, 3, 3, padding='same_upper', stride=2); AvgPool2d(2, padding=((1, 0), (0, 1))); AdaptiveMaxPool2d(2, return_indices=True)"),
    ([1, 1, 9, 8], "AvgPool2d(2, padding=((0, 1), (0, 1)), ceil_mode=True, stride=2); MaxPool2d(3, stride=2, padding='valid')"),
    ([1, 1, 7, 7], "MaxPool2d(3, stride=2, padding='same', ceil_mode=True, dilation=1)"),
    ([1, 1, 9, 9], "Conv2d(1, 6, (3,)); ConvTranspose2d(6, 2, [3], stride=(2,)); LPPool2d(2, (2,)); Upsample((9,)); Upsample(scale_factor=(2,)); AdaptiveAvgPool2d((None,)); AdaptiveMaxPool2d([3])"),
    ([1, 2, 23], "Conv1d(2, 4, 3, padding=[[2, 0]]); Conv1d(4, 4, 3, stride=2, padding='same_upper'); MaxPool1d(3, padding='same'); AvgPool1d(3, stride=1, padding='same', ceil_mode=True); Conv1d(4, 2, 3, padding=((0, 1),), padding_mode='reflect')"),
    ([1, 2, 9, 8, 7], "Conv3d(2, 4, 3, padding=[[1, 0], [0, 0], [0, 2]]); Conv3d(4, 4, 3, stride=2, padding='same_lower'); MaxPool3d(3, stride=1, padding='same'); AvgPool3d(2, padding='same_upper', stride=2)"),
    ([1, 4, 17], "Conv1d(4, 6, (3,)); LPPool1d(2, (2,)); AdaptiveAvgPool1d((None,)); MaxPool1d([2], stride=(2,)); AdaptiveMaxPool1d((3,))"),
]


def make_cases(modules, client, url):
    """[(what, answer of the server, the four snippets)] of states that the server accepts, in the page's own words for them."""
    rng = random.Random(21)
    states = [(name, address(state)) for name, state in CORNERS]
    states += [(name, address(draw_state(rng, name))) for name, count in (("explore", 26), ("channels", 14), ("pool", 50)) for _ in range(count)]
    states += [("stack", address({"input": shape, **({} if text is None else {"layers": text})})) for shape, text in CHAINS]
    shown = evaluate(modules, [["here", "show", name, text, url] for name, text in states])
    answers = [client.post(one["path"], one["document"]) for one in shown]
    for (name, text), answer in zip(states[:len(CORNERS)] + states[-len(CHAINS):], answers[:len(CORNERS)] + answers[-len(CHAINS):]):
        assert answer.status == 200, (name, text, answer)
    again = evaluate(modules, [["here", "show", name, text, url, answer.json] for (name, text), answer in zip(states, answers) if answer.status == 200])
    accepted = [(state, answer.json) for state, answer in zip(states, answers) if answer.status == 200]
    return [(*case, one["snippets"]) for case, one in zip(accepted, again)]


@pytest.fixture(scope="module")
def cases(modules, server_url):
    connection = convd.Client(server_url)
    made = make_cases(modules, connection, server_url)
    connection.close()
    assert len(made) > 70
    return made


def run(command, folder, text=None):
    """The standard output of a command that must go well."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, input=text, capture_output=True, cwd=folder, timeout=60 * SLOWNESS, check=False, env=environment)
    assert done.returncode == 0, (command, done.stderr.decode()[-1500:])
    return done.stdout.decode()


def expected_of(answer):
    """What a snippet prints of an answer."""
    return answer["output"] if "output" in answer else answer["output_shape"]


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def same(found, expected):
    """Nested lists of equal shape and values; the quoted words are numbers too."""
    found, expected = numpy.array(found), numpy.array(expected)
    assert found.shape == expected.shape
    numpy.testing.assert_array_equal(numbers(found.ravel().tolist()), numbers(expected.ravel().tolist()))


def test_curl_in_a_shell(cases, tmp_path):
    # As in a terminal: one line after another goes to the shell.
    outputs = in_parallel(lambda case: run(["bash", "--norc"], tmp_path, case[2]["curl"].rstrip("\n").encode() + b"\n"), cases)
    for (state, answer, _), output in zip(cases, outputs):
        found = json.loads(output)
        same(expected_of(found), expected_of(answer))
        assert {**found, "layers": 0} == {**answer, "layers": 0}, state


def test_python(cases, server_url):  # noqa: F811
    """As /usr/bin/python3 runs them, but all in one process."""
    for state, answer, snippets in cases:
        same(json.loads(printed(snippets["python"])[0].replace("'", '"')), expected_of(answer))


def test_python_alone(cases, tmp_path):
    for _, answer, snippets in (cases[0], cases[-1]):
        (tmp_path / "snippet.py").write_text(snippets["python"])
        same(json.loads(run(["/usr/bin/python3", "snippet.py"], tmp_path).replace("'", '"')), expected_of(answer))


def test_javascript_in_node(cases, tmp_path):
    """Each is a module of its own; one node imports them one after another."""
    for i, (_, _, snippets) in enumerate(cases):
        (tmp_path / f"snippet{i}.mjs").write_text(snippets["javascript"])
    (tmp_path / "all.mjs").write_text(f"for (let i = 0; i < {len(cases)}; i++) await import(`./snippet${{i}}.mjs`);\n")
    lines = run(["node", "all.mjs"], tmp_path).splitlines()
    assert len(lines) == len(cases)
    for (_, answer, _), line in zip(cases, lines):
        same(json.loads(line), expected_of(answer))


def printed(text, folder=None):
    """(standard output, names) of Python text, run by itself as far as it can tell."""
    names, output, here = {"__name__": "__main__"}, io.StringIO(), os.getcwd()
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            os.chdir(folder or here)
            exec(compile(text, "snippet", "exec"), names)  # noqa: S102  (the page's own text)
        finally:
            os.chdir(here)
    return output.getvalue(), names


def test_pytorch(cases):
    for state, answer, snippets in cases:
        output, names = printed(snippets["pytorch"])
        assert output, state
        if state[0] == "stack":
            shapes = [json.loads(line.partition("(")[2].rstrip(")").rstrip(",").join("[]")) for line in output.splitlines() if not line.startswith(("ConstantPad", "ReflectionPad1d"))]
            assert shapes == [layer["output_shape"] for layer in answer["layers"]], (state, output)
            continue
        y, expected = names["y"].double(), torch.tensor(numbers(numpy.ravel(answer["output"]).tolist()), dtype=torch.float32).double().reshape(answer["shape"])
        assert list(y.shape) == answer["shape"], (state, snippets["pytorch"])
        finite = expected.isfinite()
        scale = expected[finite].abs().max().item() if finite.any() else 0
        numpy.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * max(scale, 1), err_msg=str((state, snippets["pytorch"])))
        if "indices" in answer:
            there = expected > -numpy.inf  # (a window in padding alone has no cell)
            assert torch.equal(names["at"][there], torch.tensor(answer["indices"])[there]), (state, snippets["pytorch"])


def test_pytorch_alone(cases, tmp_path):
    (tmp_path / "snippet.py").write_text(cases[0][2]["pytorch"])
    assert run(["/usr/bin/python3", "snippet.py"], tmp_path).startswith("tensor([[[[")


# ---- addresses that somebody else wrote ----

HOSTILE = ["x'; touch PWNED; : '", "1);import os;os.system('touch PWNED')#", "1,__import__('os').system('touch PWNED')", "max_pool2d(x,2);import os;os.system('touch PWNED')#",
           "`touch PWNED`$(touch PWNED)", "\"); await import('node:fs').then(fs => fs.writeFileSync('PWNED', '')); (\"", "a\nimport os; os.system('touch PWNED')\n", "</script>\\"]
KEYS = {"explore": "size x kernel w bias stride padding pad sides mode dilation at", "channels": "ins outs groups bias seed kernel stride padding mode at",
        "pool": "mode x size kernel stride padding pad sides dilation divisor norm output at", "image": "picture operation w kernel mode shown loupe", "stack": "input layers at"}


def test_no_address_puts_code_into_a_command(modules, server_url, tmp_path):
    """Whatever stands in any place of a state: the commands may be refused by the server or by torch, but do nothing else."""
    extra = {"stride": "&step=1", "divisor": "&mode=avg", "norm": "&mode=lp", "output": "&mode=adaptive_avg"}
    states = [(view, f"{key}={urllib.parse.quote(text)}{extra.get(key, '') if view == 'pool' else ''}") for view, keys in KEYS.items() for key in keys.split() for text in HOSTILE]
    states += [("stack", f"layers={urllib.parse.quote(layer.replace('?', text.replace(';', ',')))}") for layer in ("Conv2d(1, 6, '?')", "?", "Conv2d(1, 6, 3, ?=1)") for text in HOSTILE]
    shown = [one["snippets"] for one in evaluate(modules, [["here", "show", view, text, server_url] for view, text in states]) if one["snippets"]]
    assert len(shown) > 100
    Image.new("RGB", (5, 4)).save(tmp_path / "picture.png")
    run(["bash", "--norc"], tmp_path, "\n".join(f"( {one['curl']}\n) >/dev/null 2>&1" for one in shown).encode() + b"\ntrue\n")
    for i, one in enumerate(shown):
        (tmp_path / f"snippet{i}.mjs").write_text(one["javascript"])
    (tmp_path / "all.mjs").write_text(f"for (let i = 0; i < {len(shown)}; i++) await import(`./snippet${{i}}.mjs`).catch(() => null);\n")
    run(["node", "all.mjs"], tmp_path)
    for language in ("python", "pytorch"):
        for one in shown:
            with contextlib.suppress(Exception):
                printed(one[language], tmp_path)
            compile(one[language], language, "exec")
    assert not (tmp_path / "PWNED").exists()


def test_refusals_are_printed(modules, server_url, tmp_path):
    refused = evaluate(modules, [["here", "show", "explore", "padding=same&stride=2,2", server_url]])[0]["snippets"]
    assert "not supported for strided" in printed(refused["python"])[0]
    (tmp_path / "snippet.mjs").write_text(refused["javascript"])
    assert "not supported for strided" in run(["node", "snippet.mjs"], tmp_path)


# ---- pictures ----

PICTURES = [
    {}, {"colour": 1}, {"w": "gaussian3"}, {"w": "box", "kernel": [4, 5], "mode": "zeros", "shown": "clamped"}, {"colour": 1, "w": "sharpen", "mode": "circular", "kernel": [2, 3], "shown": "absolute"},
    {"w": "1,-1", "kernel": [1, 2], "mode": "replicate", "colour": 1}, {"w": "0,0;0,0", "kernel": [2, 2]}, {"operation": "max", "kernel": [2, 3]}, {"operation": "avg", "kernel": [3, 2], "colour": 1},
    {"operation": "max", "kernel": [1, 1], "colour": 1}, {"w": "gaussian5", "kernel": [15, 15], "colour": 1},
    {"w": "1e20,2;3,4", "kernel": [2, 2]}, {"w": "1e19,0;0,0", "kernel": [2, 2]}, {"w": "1e37,0;0,0", "kernel": [2, 2]},
]


def test_pictures(modules, client, server_url, tmp_path):
    rng = random.Random(22)
    folders = [make_picture(rng, tmp_path / str(i), state.get("colour")) for i, state in enumerate(PICTURES)]
    calls = [["here", "show", "image", address({"picture": "own", "loupe": [0, 0], **state}), server_url, None, pixels_of(folder / "picture.png")]
             for state, folder in zip(PICTURES, folders)]
    answers = [client.post_ok(one["path"], one["document"]) for one in evaluate(modules, calls)]
    for call, answer in zip(calls, answers):
        call[5] = answer
    for state, folder, answer, one in zip(PICTURES, folders, answers, evaluate(modules, calls)):
        assert one["agrees"] is not False, state
        check_picture(folder, one["snippets"], answer, state)


def make_picture(rng, folder, colour):
    """A folder with a picture.png in it, in grey or in colour."""
    folder.mkdir()
    pixels = numpy.array([rng.randrange(256) for _ in range(23 * 17 * 3)], numpy.uint8).reshape(23, 17, 3)
    Image.fromarray(pixels if colour else pixels[:, :, 0].copy()).save(folder / "picture.png")
    return folder


def pixels_of(path):
    """A picture as a canvas has it."""
    with Image.open(path) as picture:
        return {"width": picture.width, "height": picture.height, "data": numpy.array(picture.convert("RGBA")).ravel().tolist()}


def check_picture(folder, snippets, answer, state):
    output = numpy.frombuffer(base64.b64decode(answer["output"]["base64"]), "<f4").reshape(answer["shape"])
    low, high = (float(one) for one in snippets["curl"].split("range=")[1].split("'")[0].split(","))
    assert low < high
    expected = numpy.clip((output.astype(float) - low) / (high - low), 0, 1).transpose(1, 2, 0)
    (folder / "snippet.mjs").write_text(snippets["javascript"])
    for language, command in (("curl", lambda: run(["bash", "--norc"], folder, snippets["curl"].encode())), ("python", lambda: printed(snippets["python"], folder)),
                              ("javascript", lambda: run(["node", "snippet.mjs"], folder))):
        command()
        result = numpy.array(Image.open(folder / "result.png"), float) / 255
        (folder / "result.png").unlink()
        result = result[:, :, None] if result.ndim == 2 else result
        assert result.shape == expected.shape, (language, state)
        assert abs(result - expected).max() <= 1 / 255, (language, state)
    printed_text, names = printed(snippets["pytorch"], folder)
    assert printed_text
    y = names["y"][0].numpy()
    assert y.shape == output.shape, state
    assert abs(y - output).max() <= 1 / 255 * (high - low), state
