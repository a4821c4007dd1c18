"""What the page shows equals what the server answers, in every view, and after any sequence of edits."""

import base64
import json
import re
import struct
import time

import pytest
import requests
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import client as convd
from proxy import Proxy

EXPLORE = [
    "", "?stride=2,1&pad=1,1", "?size=7,6&padding=sides&sides=2,1,1,3&mode=reflect", "?padding=same&dilation=2,2", "?padding=same_upper&stride=3,2",
    "?padding=same_lower&stride=2,2", "?x=1,2,NaN;3,4,5;6,7,8&size=3,3&kernel=2,2&w=1,1;1,1", "?mode=circular&pad=5,5", "?mode=replicate&pad=7,2", "?bias=-2.5&w=gaussian3&x=waves&size=9,8",
    "?x=Infinity,1;1,1&size=2,2&kernel=1,1&w=2", "?bias=Infinity", "?bias=NaN", "?x=1234567,2;3,4&size=2,2&kernel=1,1&w=1",
]
POOL = ["", "?mode=avg&size=7,7&kernel=3,3&step=1&pad=1,1&ceil=1", "?mode=avg&counts=0&pad=1,1&kernel=3,3", "?mode=avg&divisor=5", "?mode=lp&norm=3&x=waves&ceil=1&size=7,7",
        "?mode=lp&norm=3&size=2,2&kernel=1,1&x=-1e30,1;2,3", "?mode=lp&norm=3&size=2,2&kernel=1,1&x=-1e30,1;nan,1", "?mode=lp&norm=0.5&size=2,2&kernel=1,1&x=-inf,1;2,3", "?mode=lp&norm=3&size=2,2&kernel=1,2&x=1e13,-inf;1,2", "?mode=adaptive_max&output=4,3", "?mode=adaptive_avg&output=4,5&size=9,7", "?x=waves&step=1&stride=1,1&dilation=2,2&pad=1,1", "?padding=same&kernel=3,3&step=1", "?mode=adaptive_avg&output=,2", "?kernel=2,2&step=1&stride=3,3&ceil=1&size=8,8"]


def shown(text):
    return float(text.replace("−", "-").replace("∞", "inf"))


def agrees(text, value):
    if isinstance(value, str):
        value = float(value)
    return str(shown(text)) == str(value) if value != value or abs(value) == float("inf") else abs(shown(text) - value) <= 0.006 * abs(value) + 1e-12


def request_of(page):
    """The request that the page itself shows as curl."""
    command = page.snippet("curl")
    path = command.split()[2].removeprefix(page.url)
    return path, json.loads(command.split("-d '", 1)[1].rsplit("'", 1)[0])


def answer_of(page):
    path, document = request_of(page)
    response = requests.post(page.url + path, json=document)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("state", [f"#/explore{state}" for state in EXPLORE] + [f"#/pool{state}" for state in POOL])
def test_every_cell(page, state):
    page.open(state)
    answer = answer_of(page)
    for cells, values in zip(page.cells("Output"), answer["output"][0][0], strict=True):
        assert all(agrees(text, value) for text, value in zip(cells, values, strict=True)), (cells, values)
    assert page.text(".badge").startswith("server = reference")


@pytest.mark.parametrize("state", ["", "?groups=2&outs=6", "?groups=4&bias=0", "?ins=1&outs=2&kernel=2,2&stride=2,2&pad=1,1&seed=5", "?ins=3&outs=2&mode=circular&pad=1,1"])
def test_channels(page, state):
    page.open("#/channels" + state)
    path, document = request_of(page)
    answer = requests.post(page.url + path, json=document).json()
    cells, (channels, height, _) = page.cells("Output, channel below channel"), answer["shape"][1:]
    for channel in range(channels):
        for row in range(height):
            assert all(agrees(text, value) for text, value in zip(cells[channel * height + row], answer["output"][0][channel][row], strict=True))
    assert page.text(".badge").startswith("server = reference")
    parts = [shown(text) for text in page.cells("Partial sums, input channel beside input channel")[0]]
    width = answer["shape"][3]
    bias = document.get("bias", [0])[0]
    assert sum(parts[::width]) + bias == pytest.approx(answer["output"][0][0][0][0])


@pytest.mark.parametrize("state", ["", "?colour=1&w=sharpen", "?operation=max&kernel=3,2&loupe=20,20", "?operation=avg&kernel=5,5&picture=rings&loupe=20,20", "?w=gaussian5&kernel=5,5&mode=zeros&shown=clamped"])
def test_image(page, state):
    """The pixel under the loupe is the server's answer to the very request that the page has sent."""
    page.open("#/image" + state)
    document = page.driver.execute_async_script("""
        const done = arguments[0], send = window.fetch;
        window.fetch = (path, options) => (done([path, options.body]), send(path, options));
        const field = document.querySelector('[name=kernel]'), value = field.value;
        field.value = String(Number(value) + 1); field.dispatchEvent(new Event('input', {bubbles: true}));""")
    page.settle()
    answer = requests.post(page.url + document[0], data=document[1], headers={"Content-Type": "application/json"}).json()
    data = struct.unpack(f"<{len(base64.b64decode(answer['output']['base64'])) // 4}f", base64.b64decode(answer["output"]["base64"]))
    assert not page.run("return document.querySelector('.picture .lens').hidden")
    row, col = (int(part) for part in page.run("return document.querySelector('.sum strong').textContent").strip("y[]").split(","))
    assert agrees(page.text(".sum .value"), data[row * answer["shape"][2] + col])


@pytest.mark.parametrize("state, ends", [
    ("image?operation=avg&kernel=8,8&loupe=12,12", " + … (40 more)) / 64 = "), ("image?operation=max&kernel=8,8&loupe=0,0", ""), ("image?w=ones&kernel=9,9", " + … (57 more) = "),
    ("explore?size=16,16&kernel=8,8&at=i:136", ", … (40 more)"), ("explore?size=16,16&kernel=8,8&w=ones&x=ones&at=o:0", " + … (40 more) + 0 = 64"),
    ("pool?mode=avg&size=16,16&kernel=8,8&at=o:0", " + … (40 more)) / 64 = "), ("pool?mode=max&size=16,16&kernel=8,8&x=ramp&at=o:0", ", … (39 more), "),
])
def test_long_lists_say_what_they_leave_out(page, state, ends):
    """And a maximum is always among what it is the largest of."""
    page.open("#/" + state)
    text = page.text(".sum")
    assert ends in text
    if "max" in state:
        found = re.search(r"max\((.*)\) = (\S+)", text)
        assert found[2] in found[1].split(", ")


@pytest.mark.parametrize("fragment, words", [
    ("#/pool?mode=adaptive_avg&output=300,300", "output_size is 300 × 300"), ("#/pool?mode=adaptive_avg&output=0,3", "output_size is 0 × 3"), ("#/pool?kernel=200,200&ceil=1", "kernel_size is 200"),
    ("#/explore?size=128,128&pad=64,64&kernel=129,129", "kernel_size is 129"), ("#/explore?size=1000,5", "the input is 1000 × 5"), ("#/explore?pad=200,200", "with what is around it"),
    ("#/channels?ins=17", "in_channels is 17"),
])
def test_what_is_too_much_to_draw_is_said(page, fragment, words):
    page.open(fragment)
    assert words in page.text(".problem")


def test_unread_cells_are_explained_with_ceil_mode_too(page):
    page.open("#/pool?kernel=2,2&step=1&stride=3,3&ceil=1&size=8,8")
    assert "Hatched rows between windows" in page.text(".notes") and page.run("return document.querySelector('.hatch').getAttribute('d')")


def test_stack(page):
    page.open("#/stack")
    answer = answer_of(page)
    facts = page.run("return [...document.querySelectorAll('.stack li')].map(li => Object.fromEntries([...li.querySelectorAll('.facts div')].map(d => [d.children[0].textContent, d.children[1].textContent])))")
    for shown_layer, layer in zip(facts, answer["layers"], strict=True):
        assert shown_layer["out"] == " × ".join(map(str, layer["output_shape"]))
        assert shown_layer["parameters"].replace("\u202f", "") == str(layer["parameters"])
        assert shown_layer["MACs"].replace("\u202f", "") == str(layer["macs"])
        if layer["receptive_field"]:
            assert shown_layer["sees"] == " × ".join(map(str, layer["receptive_field"]))
        for axis, formula in layer.get("formula", {}).items():
            assert shown_layer[axis] == formula
    assert str(answer["total"]["parameters"]) in page.text(".total").replace("\u202f", "")


def test_a_bad_row_says_so_and_the_rest_waits(page):
    page.expects_refusals = True
    page.open("#/stack?layers=Conv2d(1,6,5);MaxPool2d(2);Conv2d(7,16,5);ReLU()")
    page.wait_for(lambda: "14 × 14" in page.text(".stack"), "what comes before the refusal")
    rows = [row.text for row in page.all(".stack li")]
    assert "expected input[1, 6, 14, 14] to have 7 channels" in rows[2]
    assert "not reached" in rows[3]
    page.click_button("let the input say in_channels")
    page.settle()
    assert not page.all(".problem") and "1 × 16 × 10 × 10" in page.text(".stack")


@pytest.mark.parametrize("state, repairs", [
    ("#/explore?padding=same&stride=2,2", ["stride 1 × 1", "padding 'same_upper'"]),
    ("#/explore?kernel=7,7", ["input 7 × 7", "padding 1 × 1"]),
    ("#/explore?stride=0,1", ["stride 1 × 1"]),
    ("#/explore?mode=reflect&pad=5,0", ["padding_mode 'replicate'", "padding 4 × 0", "input 6 × 5"]),
    ("#/explore?dilation=4,4", ["dilation 1 × 1", "input 9 × 9", "padding 2 × 2"]),
    ("#/pool?pad=2,2", ["padding 1 × 1"]),
    ("#/pool?mode=lp&norm=0", ["norm_type 2"]),
    ("#/channels?groups=3", ["groups 1", "groups 4", "in_channels 3, out_channels 3"]),
    ("#/explore?size=129,1&kernel=1,1", ["input 128 × 1"]),
    ("#/channels?kernel=20,20&pad=9,9", ["kernel_size 12 × 12"]),
    ("#/channels?ins=17", ["in_channels 16"]),
    ("#/explore?pad=200,200", ["padding 125 × 125"]),
    ("#/explore?stride=0,1&dilation=200,1", ["stride 1 × 1, dilation 1 × 1"]),
    ("#/pool?mode=adaptive_max&output=3,130", ["output_size 3 × 128"]),
    ("#/pool?padding=sides&sides=200,2", ["padding 1 × 1"]),
    ("#/image?operation=x&kernel=0,3", ["convolution, kernel_size 1 × 3"]),
    ("#/image?operation=max&kernel=0,99", ["kernel_size 1 × 15"]),
])
def test_repairs_mend(page, state, repairs):
    page.expects_refusals = True
    for repair in repairs:
        page.open(state)
        assert page.all(".field .problem"), "a refusal stands at its field"
        page.click_button(repair)
        page.settle()
        assert not page.all(".problem"), (repair, page.text(".problem"))


@pytest.mark.parametrize("state, again", [
    ("#/explore?kernel=1,1&w=identity", "#/explore?kernel=1,1&w=ones"), ("#/pool?mode=adaptive_max", "#/pool?mode=adaptive_max&ceil=1"),
    ("#/channels", "#/channels?sides=1,1,1,1"), ("#/stack?layers=Conv2d(1, 6, 5)", "#/stack?layers=Conv2d(1, 6,5)"),
    ("#/image?operation=max&mode=reflect", "#/image?operation=max&mode=zeros"), ("#/explore?padding=same&stride=2,2", "#/explore?padding=same&stride=2,2&pad=3,3"),
])
def test_an_edit_that_changes_no_question_loses_no_answer(page, state, again):
    page.expects_refusals = True
    page.open(state)
    first = page.text(".stage")
    page.run("location.hash = arguments[0]", again)
    page.settle()
    settled = page.text(".stage")
    assert re.sub(r"answered in[^;]*|[\d.]+ ms[^;]*|Conv2d.*", "", settled) == re.sub(r"answered in[^;]*|[\d.]+ ms[^;]*|Conv2d.*", "", first)
    assert bool(page.all(".problem")) == ("same" in state)


def test_the_address_keeps_up(page):
    """A browser takes few changes of the address a second; the last one counts."""
    page.open("#/explore")
    page.run("const bias = document.querySelector('[name=bias]'); for (let i = 1; i <= 400; i++) { bias.value = String(i); bias.dispatchEvent(new Event('input')); }")
    page.settle()
    assert page.hash() == "#/explore?bias=400"


def test_a_pinned_partial_sum_comes_back(page):
    page.open("#/channels?at=o:25")
    page.settle()
    page.focus(page.grid("Partial sums, input channel beside input channel"))
    page.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.settle()
    link, text = page.hash(), page.text(".sum")
    assert "of=" in link and "adds to output channel" in text
    page.open("#/explore")
    page.open(link)
    page.settle()
    assert page.text(".sum") == text


OUTPUTS, SUMS = "Output, channel below channel", "Partial sums, input channel beside input channel"


def test_partial_sums_are_pinned_by_mouse(page):
    """What the mouse goes over is shown for the moment; what was clicked at stays, with the output channel that it is of."""
    page.open("#/channels?at=p:2&of=3")
    pinned = page.text(".sum")
    assert "output channel 3" in pinned
    page.point_at(OUTPUTS, 0)
    assert page.text(".sum") != pinned
    page.point_at("Kernels", 0)
    page.run("document.querySelector('[name=bias]').focus()")
    page.point_at(OUTPUTS, 0, click=True)
    assert page.hash() == "#/channels", "output 0 is where the view begins; no partial sum is pinned, so of none"
    page.point_at(SUMS, 1, click=True)
    assert page.hash() == "#/channels?at=p:1" and "output channel 0" in page.text(".sum")
    page.point_at(SUMS, 1, click=True)
    assert page.hash() == "#/channels?at=", "a second click takes the pin away"
    page.run("location.hash = '#/channels?at=p:1&of=99'")
    page.settle()
    page.run("document.activeElement.blur()")
    page.point_at("Input, channel beside channel", 0)
    ActionChains(page.driver).move_by_offset(0, -200).perform()
    assert page.marked(SUMS, "pinned") == 0, "no such output"


def test_a_click_says_what_was_clicked_at(page):
    page.open("#/explore")
    page.point_at("Output", 2, click=True)
    assert page.hash() == "#/explore?at=o:2" and page.text(".sum").startswith("y[0,2]")


def test_a_cell_is_edited_by_mouse(page):
    page.open("#/explore?at=o:2")
    page.point_at("Input with its padding", 0)
    ActionChains(page.driver).double_click().perform()
    page.press("9", Keys.ENTER)
    page.settle()
    assert page.cells("Input with its padding")[0][0] == "9" and page.hash().endswith("at=i:0") and page.marked("Input with its padding", "pinned") == 1


@pytest.mark.parametrize("state, grid, keys", [("#/explore", "Input with its padding", "7"), ("#/pool", "Input with its padding", "7"), ("#/image", "Kernel", "7"), ("#/channels?at=p:1", SUMS, Keys.ENTER)])
def test_leaving_a_view_with_something_under_way(page, state, grid, keys):
    page.open("#/stack")
    page.run("location.hash = arguments[0]", state)
    page.settle()
    page.focus(page.grid(grid))
    page.press(keys)
    page.driver.back()
    page.wait_for(lambda: page.text("#heading") == "Stack", "Stack")
    page.settle()
    assert page.hash() == "#/stack", "what was left behind is not of this address"
    if keys == "7":
        page.click_link(state[2:])
        page.settle()
        assert page.cells(grid)[0][0] == "7"


def test_a_cell_that_is_gone_is_not_edited(page):
    page.open("#/explore?size=6,6")
    page.focus(page.grid("Input with its padding"))
    page.press_with(Keys.CONTROL, Keys.END)
    page.press("7")
    page.run("location.hash = '#/explore?size=3,3'")
    page.settle()
    assert page.hash() == "#/explore?size=3,3" and not page.all(".cell-input")


def test_a_picture_of_one_colour_has_no_edges(page):
    page.open("#/image")
    page.run("""
        const canvas = document.createElement('canvas'), drop = new DataTransfer();
        canvas.width = canvas.height = 20;
        const brush = canvas.getContext('2d');
        brush.fillStyle = '#9a3355';
        brush.fillRect(0, 0, 20, 20);
        canvas.toBlob(blob => {
          drop.items.add(new File([blob], 'one.png', {type: 'image/png'}));
          document.querySelector('.view').dispatchEvent(new DragEvent('drop', {dataTransfer: drop, bubbles: true, cancelable: true}));
        });""")
    page.wait_for(lambda: "one.png" in page.text(".side"), "the picture")
    page.settle()
    colours = page.run("const canvas = document.querySelectorAll('.picture canvas')[1]; return [...new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, 20, 20).data.buffer))]")
    assert colours == [0xFFFFFFFF]


def test_a_step_back_finds_the_last_of_quick_edits(page):
    page.open("#/explore")
    page.run("""
        const bias = document.querySelector('[name=bias]');
        for (const value of ['3', '4', '5']) { bias.value = value; bias.dispatchEvent(new Event('input')); }
        document.querySelector('[data-view=pool]').click();""")
    page.wait_for(lambda: page.hash() == "#/pool", "the view Pool")
    page.driver.back()
    page.wait_for(lambda: page.hash() == "#/explore?bias=5", "the last edit")
    page.settle()
    assert page.find("[name=bias]").get_attribute("value") == "5"


def test_an_edit_does_not_follow_a_step_back(page):
    """The address is that of the entry before already when what was edited last would be written there."""
    page.open("#/explore?bias=7")
    page.run("location.hash = '#/explore?bias=1'")
    page.settle()
    page.run("""
        const bias = document.querySelector('[name=bias]');
        addEventListener('popstate', () => document.body.click(), {once: true});
        for (const value of ['2', '3']) { bias.value = value; bias.dispatchEvent(new Event('input')); }
        history.back();""")
    page.wait_for(lambda: page.find("[name=bias]").get_attribute("value") == "7", "what was before")
    page.settle()
    assert page.hash() == "#/explore?bias=7"


@pytest.mark.parametrize("view", ["explore", "image"])
def test_a_kernel_by_name_brings_its_size(page, view):
    """And says so where it is cut to another."""
    page.open(f"#/{view}?kernel=2,2&w=sobel_x")
    assert "only the middle of 3 × 3" in page.text(".field[data-key=w]")
    page.run("const field = document.querySelector('[name=w]'); field.value = 'gaussian5'; field.dispatchEvent(new Event('change'))")
    page.settle()
    assert "kernel=5,5" in page.hash() and len(page.cells("Kernel")) == 5
    assert "only the middle" not in page.text(".field[data-key=w]")


def test_a_weight_meets_padding_too(page):
    page.open("#/explore?pad=1,1&at=w:0")
    assert "Weight row 0, column 0: 1; meets 25 cells, 9 of them padding." in page.text(".sum")
    page.open("#/explore?at=w:0")
    assert "meets 9 input cells." in page.text(".sum")


@pytest.mark.parametrize("fragment, grid", [("explore?w=0.1,100.7;0.123456789,1e-5&kernel=2,2", "Kernel"), ("pool?x=0.1,100.7;0.123456789,1e-5&size=2,2&kernel=1,1", "Input with its padding"), ("image?w=0.1,100.7;0.123456789,1e-5&kernel=2,2", "Kernel")])
def test_a_cell_that_was_looked_at_stays_as_it_is(page, fragment, grid):
    """The digits in its editor are few, and leaving it changes nothing; other cells keep theirs when one is changed."""
    page.open("#/" + fragment)
    begin = page.hash()
    page.focus(page.grid(grid))
    for key, digits in ((Keys.ARROW_LEFT, "0.1"), (Keys.ARROW_RIGHT, "100.7"), (Keys.ARROW_DOWN, None)):
        page.press(key, Keys.F2)
        assert digits in (None, page.find(".cell-input").get_attribute("value"))
        page.press(Keys.ENTER)
    page.settle()
    assert page.hash() == begin
    page.press(Keys.F2, "3", Keys.ENTER)
    page.settle()
    assert page.hash().replace("1e-5", "0.00001") == begin.replace("1e-5", "3")


def test_steps_leave_no_dust(page):
    page.open("#/explore?bias=1.1")
    page.focus(page.find("[name=bias]"))
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    page.settle()
    assert page.hash() == "#/explore?bias=-0.9"


def test_the_window_under_the_pointer_is_shown(page):
    """Over the picture of a pooling, too: the lens holds the pixel that is pointed at, or is not there."""
    page.open("#/image?operation=max&kernel=7,7")
    for x in (3, 28, 100, 150, 188):
        frame, lens = page.run("""
            const canvas = document.querySelector('.picture canvas'), box = canvas.getBoundingClientRect(), at = (arguments[0] + 0.5) / canvas.width;
            canvas.parentElement.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + at * box.width, clientY: box.top + 5, bubbles: true}));
            const lens = document.querySelector('.picture .lens');
            return [canvas.width, [parseFloat(lens.style.left) / 100 * canvas.width, lens.hidden]];""", x)
        assert lens[1] or lens[0] - 0.01 <= x < lens[0] + 7, (x, frame, lens)
        assert x >= frame // 7 * 7 or lens[0] == pytest.approx(x // 7 * 7, abs=0.01)


def test_the_chosen_layer_is_followed(page):
    page.expects_refusals = True  # (its place does not suit the others)
    page.open("#/stack?at=5:12")
    chosen = lambda: page.run("return [...document.querySelectorAll('.row-head')].find(row => row.querySelector('[aria-pressed=true]')).querySelector('input').value")  # noqa: E731
    page.run("document.querySelectorAll('.row-head')[4].querySelector('[aria-label^=Remove]').click()")
    page.settle()
    assert chosen() == "MaxPool2d(2)" and page.hash().endswith("at=4:12")
    page.run("document.querySelectorAll('.row-head')[4].querySelector('[aria-label^=\"Move up\"]').click()")
    page.settle()
    assert chosen() == "MaxPool2d(2)" and page.hash().endswith("at=3:12")


def test_the_field_is_that_of_a_cell_of_the_plane(page):
    """Also where the chosen cell lies behind the end of a plane that has become smaller."""
    page.expects_refusals = True  # (of the shape that is half typed)
    shown = lambda: (page.text(".field-card p"), page.run("return [...document.querySelectorAll('.field-card [class*=mark-]')].map(mark => mark.getAttribute('d'))"))  # noqa: E731
    page.open("#/stack?layers=Conv2d(1,6,5);ReLU();MaxPool2d(2)&at=2:195")
    assert "Row 13, column 13 sees rows 26–31" in shown()[0]
    page.set_field("input", "1,1,16,16")
    page.settle()
    before = shown()
    assert "Row 0, column 0 sees rows 0–5 and columns 0–5" in before[0]
    page.point_at("Plane behind the chosen layer", 3)
    assert "Row 0, column 3 sees" in shown()[0]
    page.take_pointer_away()
    assert shown() == before


def test_a_picture_chosen_later_counts(page):
    """A file that is still being read when a picture of the page's is chosen comes too late."""
    page.open("#/image")
    page.run("""
        const make = createImageBitmap, picture = document.querySelector('[name=picture]'), drop = new DataTransfer();
        window.createImageBitmap = async file => { await new Promise(done => setTimeout(done, 300)); window.wasRead = true; return make(file); };
        drop.items.add(new File([Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='), one => one.charCodeAt(0))], 'dot.png', {type: 'image/png'}));
        document.querySelector('.view').dispatchEvent(new DragEvent('drop', {dataTransfer: drop, bubbles: true, cancelable: true}));
        picture.value = 'rings';
        picture.dispatchEvent(new Event('change'));""")
    page.wait_for(lambda: page.run("return window.wasRead"), "the file")
    page.settle()
    assert page.hash() == "#/image?picture=rings" and "dot.png" not in page.text(".side")


def test_a_picture_s_command_is_of_what_is_shown(page):
    page.open("#/image")
    low, high = re.search(r"values from −([\d.]+) to ([\d.]+)", page.text(".stage")).groups()
    most = re.search(r"range=-([\d.]+),", page.run("return document.querySelector('.copy-panel code').textContent")).group(1)
    assert abs(float(most) - max(float(low), float(high))) < 1e-5
    page.open("#/image?shown=clamped")
    page.settle()
    assert "range=0,1" in page.run("return document.querySelector('.copy-panel code').textContent")


def test_stale_answers_are_never_shown(browser, server_url, page_at):
    """Answers that overtake each other: whatever is shown at any moment belongs to what is asked."""
    with Proxy(server_url) as proxy:
        page = page_at(proxy.url)
        page.open("#/explore")
        expected = {}
        for bias in range(12):
            answer = requests.post(server_url + "/conv2d", json={**request_of(page)[1], "bias": [bias]}).json()
            expected[bias] = [[str(value) for value in row] for row in answer["output"][0][0]]
        delays = [0.7, 0.05, 0.4, 0.0, 0.3, 0.1]
        for step in range(24):
            bias = (step * 5) % 12
            proxy.delay_s = delays[step % len(delays)]
            page.run("location.hash = '#/explore?bias=' + arguments[0]", str(bias))
            until = time.monotonic() + (0.02 if step % 3 else 0.25)
            while time.monotonic() < until:
                cells, state = page.run("""return [[...document.querySelectorAll('[aria-label=Output] text')].map(text => text.textContent),
                    Number(/bias=(\\d+)/.exec(location.hash)?.[1] ?? 0)]""")
                assert all(cell == "·" for cell in cells) or cells == sum(expected[state], [])
        page.settle()
        assert page.cells("Output") == expected[(23 * 5) % 12]
        page.check_clean()


@pytest.mark.parametrize("state", ["explore?x=waves&size=32,32",
                                   "explore?x=-1e-5,-0.00012,-1234567,-1e-12;-12345.6,-1e20,-1.5e-30,-5;1,2,3,4;-3,-33,-333,-33333&size=4,4&kernel=1,1&w=1"])
def test_texts_fit_their_cells(page, state):
    """What is wider would run into the next cell's."""
    page.open("#/" + state)
    assert "−" in "".join(sum(page.cells("Output"), []))
    wide = page.run("""return [...document.querySelectorAll('.cells')].flatMap(cells => {
        const grounds = cells.querySelectorAll('rect');
        return [...cells.querySelectorAll('text')].filter((text, i) => text.getBBox().width > grounds[i].getBBox().width).map(text => text.textContent);
    })""")
    assert wide == []


# ---- numbers at the edge of float32 ----


@pytest.mark.parametrize("state, words", [
    ("explore?size=1,2&kernel=1,2&w=ones&x=3e38,3e38&bias=-inf", "not compared: sums leave the range of float32"),
    ("explore?size=1,3&kernel=1,3&w=ones&x=3e38,3e38,-inf", "not compared: sums leave the range of float32"),
    ("explore?size=1,1&kernel=1,1&w=-inf&x=1e-40", "not compared: sums leave the range of float32"),
    ("explore?x=3e38,3e38,-3e38,-3e38,1,2&size=1,6&kernel=1,2&w=ones", "server = reference, max |Δ| 0; 2 of 5 leave the range of float32"),
    ("explore?x=3e38,3e38,1;-3e38,-3e38,2&size=2,3&kernel=2,1&w=ones", "server = reference, max |Δ| 0"),
    ("pool?x=1.0000000596046448,0;0,0&size=2,2", "server = reference, max |Δ| 0"),
    ("pool?size=1,2&kernel=1,1&x=3.4028235677973366e38,1", "server = reference, max |Δ| 0"),
    ("explore?size=1,1&kernel=1,1&w=3.4028235677973366e38&x=1", "server = reference, max |Δ| 0"),
])
def test_the_badge_at_the_edge_of_float32(page, state, words):
    page.open(f"#/{state}")
    assert page.text(".badge") == words
    assert ("∞" in str(page.cells("Input with its padding"))) == ("38,-inf" in state)


# ---- what is typed belongs to the state that it was typed in ----


@pytest.mark.parametrize("before, after, selector, shown_before", [
    ("stack?layers=Conv2d(1,4,3);ReLU()", "stack?layers=Conv2d(1,9,7);ReLU()", ".stack input", "Conv2d(1,4,3)"),
    ("stack?layers=ReLU()", "stack?input=1,1,64,64&layers=ReLU()", "[name=input]", "1,1,32,32"),
    ("explore?padding=sides&sides=1,0,0,0", "explore?padding=sides&sides=0,2,3,0", "[name=sides]", "1,0,0,0"),
    ("pool?mode=avg&divisor=5", "pool?mode=avg&divisor=7", "[name=divisor]", "5"),
    ("explore?kernel=2,2", "explore?kernel=3,3", "[name=kernel]", "2"),
])
def test_a_field_in_use_follows_the_state(page, before, after, selector, shown_before):
    page.open(f"#/{before}")
    page.run("location.hash = arguments[0]", f"#/{after}")
    page.settle()
    page.find(selector).click()
    page.driver.back()
    page.settle()
    assert page.active() == page.find(selector) and page.find(selector).get_attribute("value") == shown_before


def test_a_field_in_use_keeps_what_means_the_same(page):
    """Spaces and half-typed numbers stay under the fingers."""
    page.open("#/explore?padding=sides&sides=1,0,0,0")
    page.set_field("sides", "1, 2,0 ,3")
    page.settle()
    assert page.find("[name=sides]").get_attribute("value") == "1, 2,0 ,3"
    page.open("#/stack?layers=ReLU()")
    page.focus(page.find(".stack input"))
    page.press_with(Keys.CONTROL, "a")
    page.press("  Conv2d( 1, 2, 3) ")
    page.settle()
    assert page.find(".stack input").get_attribute("value") == "  Conv2d( 1, 2, 3) "


@pytest.mark.parametrize("view, other, label", [("explore", "x=ramp", "Input with its padding"), ("explore", "w=sobel_x", "Kernel"), ("pool", "x=ramp", "Input with its padding"), ("image", "w=emboss", "Kernel")])
def test_an_open_cell_does_not_write_into_another_state(page, view, other, label):
    page.open(f"#/{view}")
    values = page.cells(label)
    page.run("location.hash = arguments[0]", f"#/{view}?{other}")
    page.settle()
    page.focus(page.grid(label))
    page.press(Keys.F2)
    page.wait_for(lambda: page.all(".cell-input"), "the editor")
    page.driver.back()
    page.settle()
    assert not page.all(".cell-input")
    page.find("#heading").click()
    page.settle()
    assert page.cells(label) == values


@pytest.mark.parametrize("state, macs", [("input=1,1,30001,30001&layers=Conv2d(1,64,1001)", "53935421315840064"), ("input=65537,3,1025,1027&layers=Conv2d(3,511,11)", None)])
def test_counts_beyond_doubles(page, state, macs):
    page.open(f"#/stack?{state}")
    document = request_of(page)[1]
    answer = requests.post(page.url + "/shape", json=document).json()
    assert macs in (None, str(answer["total"]["macs"])) and answer["total"]["macs"] > 2 ** 53
    digits = page.text(".total").replace("\u202f", "")
    assert f"{answer['total']['macs']} multiply-accumulates" in digits and str(answer["total"]["output_bytes"]) in digits
    assert str(answer["layers"][0]["macs"]) in page.text(".facts").replace("\u202f", "")


def test_sizes_beyond_doubles(page):
    page.expects_refusals = True
    page.open("#/stack?input=1,3,94906267,94906267&layers=Flatten()")
    assert "1 × 27021598547625867" in page.text(".facts") and "1 × 27021598547625867" in page.text(".total").replace("\u202f", "")
    page.open("#/stack?input=1,94906267,94906267&layers=Flatten();+Linear(out_features=1)")
    assert "nn.Linear(9007199515875289, 1)" in page.snippet("pytorch")
    page.open("#/stack?input=1,1,9007199254740995&layers=MaxPool1d(3,1)")
    assert "9007199254740995" in page.find("[name=input]").get_attribute("value") and page.all(".problem") and not page.text(".total")
    for size in ("9007199254740993", "94906267*94906267"):
        page.open(f"#/stack?input=1,1&layers=Linear(1,+{size},+bias%3DFalse)")
        assert "beyond 2⁵³" in page.text(".problem") and not page.all(".facts dd")


def test_marks_lie_over_each_other_in_one_order(page):
    """Whatever was pointed at before: what is pinned and where padding comes from is never hidden by a window."""
    order = "return [...document.querySelectorAll('.pane-i .mark')].map(one => one.getAttribute('class').split('mark-')[1])"
    page.open("#/explore?at=i:8")
    page.set_field("mode", "reflect")
    page.point_at("Output", 0)
    names = page.run(order)
    assert names.index("window") < names.index("source") < names.index("selected") < names.index("pinned")
    kernels = "return document.querySelector('.pane-w canvas.above').toDataURL()"
    page.open("#/channels?ins=16&outs=16&at=w:100")
    fresh = page.run(kernels)
    page.open("#/channels?ins=16&outs=16&at=o:0")
    page.run("location.hash = '#/channels?ins=16&outs=16&at=w:100'")
    page.settle()
    assert page.run(kernels) == fresh
