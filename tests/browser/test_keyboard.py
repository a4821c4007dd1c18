"""Everything by keyboard: what can be reached, and what its keys do."""

import pytest
from selenium.webdriver.common.keys import Keys

VIEWS = ["explore", "channels", "pool", "image", "stack"]


def reachable(page):
    """The elements that Tab goes through, once round."""
    page.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    seen = []
    for _ in range(200):
        page.press(Keys.TAB)
        name = page.run("const a = document.activeElement; a.dataset.seen = (Number(a.dataset.seen ?? 0) + 1); return a === document.body ? null : a.dataset.seen")
        if name is None or name == "2":
            break
        seen.append(page.active())
    return seen


@pytest.mark.parametrize("view", VIEWS)
def test_all_controls_are_reached(page, view):
    page.open(f"#/{view}")
    reachable(page)
    missed = page.run("""
        return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [role=grid], pre[tabindex]')]
            .filter(one => one.checkVisibility() && !one.disabled && !one.dataset.seen)
            .filter(one => !one.closest('.stepper') || one.matches('input'))   // (the arrows of the field do the same)
            .filter(one => !(one.role === 'tab' && one.getAttribute('aria-selected') === 'false'))   // (one stop for all tabs)
            .map(one => one.outerHTML.slice(0, 100))""")
    assert missed == []


def test_skip_link(page):
    page.open("#/pool")
    page.press(Keys.TAB)
    assert page.active().text == "To the content"
    page.press(Keys.ENTER)
    assert page.active().get_attribute("id") == "main"
    assert page.hash().startswith("#/pool")


@pytest.mark.parametrize("view", ["explore", "pool"])
def test_padding_is_said_with_a_true_minus(page, view):
    page.open(f"#/{view}?pad=1,1")
    page.focus(page.grid("Input with its padding"))
    page.press_with(Keys.CONTROL, Keys.HOME)
    assert page.spoken("Input with its padding").startswith("Padding row −1, column −1")


def test_arrows_move_and_tell(page):
    page.open("#/explore?at=")
    page.focus(page.grid("Output"))
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.spoken("Output") == "Output row 1, column 2: 9; 9 products"
    assert page.marked("Input with its padding", "window") == 9
    page.wait_for(lambda: page.text("#live") == "Output row 1, column 2: 9; 9 products", "the announcement")
    page.press(Keys.HOME)
    assert page.spoken("Output").startswith("Output row 1, column 0")
    page.press_with(Keys.CONTROL, Keys.END)
    assert page.spoken("Output").startswith("Output row 2, column 2")
    page.press_with(Keys.CONTROL, Keys.HOME)
    page.press(Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert page.spoken("Output").startswith("Output row 0, column 0")


def test_enter_pins_and_escape_clears(page):
    page.open("#/explore?at=")
    page.focus(page.grid("Output"))
    page.press(Keys.ARROW_RIGHT, Keys.ENTER)
    assert page.hash() == "#/explore?at=o:1"
    page.focus(page.find("[name=bias]"))
    assert page.marked("Input with its padding", "window") == 9, "what is pinned stays without the focus"
    page.focus(page.grid("Output"))
    page.press(Keys.ESCAPE)
    assert page.hash() == "#/explore?at="
    page.focus(page.find("[name=bias]"))
    assert page.marked("Input with its padding", "window") == 0


def test_a_pointer_that_stays_over_its_cell_is_found_again(page):
    """The layer changes under it; its next move need not be into another cell. (Without the mouse: Chromium moves it when the page scrolls.)"""
    move = """
        const cell = document.querySelectorAll("[role=grid][aria-label='Output'] .cells rect")[4], box = cell.getBoundingClientRect();
        cell.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.left + 5, clientY: box.top + 5}));"""
    page.open("#/explore?at=")
    page.run(move)
    assert page.marked("Input with its padding", "window") == 9
    page.run("location.hash = '#/explore?at=&bias=5'")
    page.settle()
    assert page.marked("Input with its padding", "window") == 0
    page.run(move)
    assert page.marked("Input with its padding", "window") == 9 and "y[1,1]" in page.text(".sum")


@pytest.mark.parametrize("keys, value", [(("7",), "7"), ((Keys.F2, "-", "2", ".", "5"), "−2.5"), (("-", "3"), "−3")])
def test_typing_into_a_cell(page, keys, value):
    page.open("#/explore")
    page.focus(page.grid("Input with its padding"))
    page.press(*keys)
    page.press(Keys.ENTER)
    page.settle()
    assert page.cells("Input with its padding")[0][0] == value
    assert page.run("return document.activeElement.getAttribute('role')") == "grid"


@pytest.mark.parametrize("key", ["0", "-"])
def test_the_browser_s_own_keys_are_its_own(page, key):
    page.open("#/explore")
    page.focus(page.grid("Input with its padding"))
    page.press_with(Keys.CONTROL, key)
    assert not page.all(".cell-input")


def test_escape_leaves_a_cell_as_it_was(page):
    page.open("#/explore")
    page.focus(page.grid("Kernel"))
    page.press("9", Keys.ESCAPE)
    assert page.cells("Kernel")[0][0] == "1" and page.hash() == "#/explore"


@pytest.mark.parametrize("keys", [(Keys.ENTER,), (Keys.TAB,)], ids=["Enter", "Tab"])
@pytest.mark.parametrize("view, grid", [("explore", "Input with its padding"), ("explore", "Kernel"), ("pool", "Input with its padding"), ("image", "Kernel")])
def test_what_is_no_number_is_refused_under_its_grid(page, view, grid, keys):
    page.open(f"#/{view}")
    before = page.cells(grid), page.hash()
    page.focus(page.grid(grid))
    page.press(Keys.F2)
    page.press_with(Keys.CONTROL, "a")
    page.press("1,5", *keys)
    page.settle()
    said = page.find(".grid-frame .problem")
    assert said.text.startswith("'1,5' is no number: the cell keeps ") and said.is_displayed() and said.get_attribute("role") == "status"
    assert (page.cells(grid), page.hash()) == before
    page.focus(page.grid(grid))
    page.press("7")
    assert not page.all(".grid-frame .problem")
    page.press(Keys.ENTER)
    page.settle()
    assert "7" in str(page.cells(grid)) and not page.all(".problem")


IN_SIGHT = """
const [label, what] = arguments, grid = document.querySelector(`[role=grid][aria-label='${label}']`), frame = grid.getBoundingClientRect();
const cell = what === 'cell' ? grid.querySelector('.canvases > span, .cells .mark-cursor') : document.querySelector('.cell-input'), box = cell.getBoundingClientRect();
const least = {x: Math.max(0, frame.left), y: 0}, most = {x: Math.min(innerWidth, frame.right), y: innerHeight};
return box.width > 0 && box.left >= least.x - 1 && box.right <= most.x + 1 && box.top >= -1 && box.bottom <= most.y + 1 || JSON.stringify([box, frame, innerWidth, innerHeight]);
"""


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize("label, state", [("Output", "#/explore?size=60,60&x=waves"), ("Input with its padding", "#/explore?size=60,60&x=waves"), ("Output", "#/explore?size=32,32"),
                                          ("Output", "#/pool?size=128,128&kernel=1,1"), ("Input, channel beside channel", "#/channels?ins=16&outs=16&size=12,12"),
                                          ("Output, channel below channel", "#/channels?ins=16&outs=16&size=12,12&pad=1,1")])
def test_the_keyboard_s_cell_is_in_sight(page, label, state, width):
    page.open(state, width=width)
    page.focus(page.grid(label))
    for key in Keys.END, Keys.HOME, Keys.END:
        page.press_with(Keys.CONTROL, key)
        assert page.run(IN_SIGHT, label, "cell") is True


@pytest.mark.parametrize("state", ["#/explore?size=32,32&x=waves", "#/explore?size=60,60&x=waves", "#/explore?size=4,128", "#/explore?size=5,5", "#/explore?size=1,1&kernel=1,1", "#/pool?size=40,40"])
def test_an_edited_cell_is_in_sight(page, state):
    page.open(state, width=320)
    page.focus(page.grid("Input with its padding"))
    for key in Keys.END, Keys.HOME:
        page.press_with(Keys.CONTROL, key)
        page.press(Keys.F2)
        assert page.find(".cell-input").is_displayed() and not page.scrolls_sideways() and page.run("return scrollX") == 0
        assert page.run(IN_SIGHT, "Input with its padding", "input") is True or "size=1,1" in state
        page.press(Keys.ESCAPE)


def test_arrows_in_a_number_field(page):
    page.open("#/explore")
    page.focus(page.find("[name=stride]"))
    page.press(Keys.ARROW_UP)
    page.settle()
    assert "stride=2,2" in page.hash()
    assert page.cells("Output") == [["8", "8"], ["6", "5"]]


def test_tabs_of_the_commands(page):
    page.open("#/explore")
    page.focus(page.find("[role=tab][aria-selected=true]"))
    page.press(Keys.ARROW_RIGHT)
    assert page.active().text == "PyTorch" and "import torch" in page.text(".copy-panel code")
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page.active().text == "JavaScript" and "fetch(" in page.text(".copy-panel code")


def test_player_by_keyboard(page):
    page.open("#/explore?at=")
    assert page.text(".play") == "Play", "paused on load"
    page.focus(page.find(".player [aria-label='next cell']"))
    page.press(Keys.ENTER)
    assert page.hash() == "#/explore?at=o:1"
    page.focus(page.find(".player input"))
    page.press(Keys.END)
    assert page.hash() == "#/explore?at=o:8"
    page.focus(page.find(".play"))
    page.press(Keys.ENTER)
    page.wait_for(lambda: page.hash() == "#/explore?at=o:2", "the third cell")
    page.press(Keys.ENTER)
    at = page.hash()
    assert page.text(".play") == "Play"
    page.settle()
    assert page.hash() == at


def test_groups_slider_ends_depthwise(page):
    page.open("#/channels")
    page.focus(page.find("[name=groups]"))
    page.press(Keys.END)
    page.settle()
    assert "depthwise" in page.text("[data-key=groups]")
    assert "groups=4" in page.hash()


def test_stack_rows_by_keyboard(page):
    page.open("#/stack?layers=Conv2d(1,6,5);ReLU()")
    page.focus(page.find("[aria-label='Move down layer 0']"))
    page.press(Keys.ENTER)
    page.settle()
    assert [row.get_attribute("value") for row in page.all(".stack input")] == ["ReLU()", "Conv2d(1,6,5)"]
    page.focus(page.find("[aria-label='Remove layer 0']"))
    page.press(Keys.ENTER)
    page.settle()
    assert [row.get_attribute("value") for row in page.all(".stack input")] == ["Conv2d(1,6,5)"]
    page.expects_refusals = True  # (no layers)
    page.focus(page.find("[aria-label='Remove layer 0']"))
    page.press(Keys.ENTER)
    page.settle()
    assert not page.all(".stack input") and page.active().get_attribute("aria-label") == "layer to add"


def test_a_row_emptied_stays_empty(page):
    page.expects_refusals = True
    page.open("#/stack?layers=ReLU()")
    page.focus(page.find(".stack input"))
    page.press_with(Keys.CONTROL, "a")
    page.press(Keys.BACKSPACE)
    page.settle()
    assert "nothing is written here" in page.text(".stack")
    page.open(page.hash())
    assert page.find(".stack input").get_attribute("value") == "" and "nothing is written here" in page.text(".stack")


@pytest.mark.parametrize("view, line, expected", [
    ("explore", "nn.Conv2d(1, 1, (3, 2), stride=2, padding='valid', dilation=1)", "#/explore?kernel=3,2&stride=2,2&padding=valid"),
    ("channels", "self.conv = nn.Conv2d(4, 8, 3, padding=1, groups=4, bias=False)", "#/channels?outs=8&groups=4&bias=0&pad=1,1"),
    ("pool", "MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=True)", "#/pool?kernel=3,3&step=1&pad=1,1&ceil=1"),
    ("pool", "nn.AdaptiveAvgPool2d((2, 1))", "#/pool?mode=adaptive_avg&output=2,1"),
])
def test_a_line_of_pytorch(page, view, line, expected):
    page.open(f"#/{view}")
    page.focus(page.find("[name=torch]"))
    page.press(line, Keys.ENTER)
    page.settle()
    assert page.hash() == expected
    assert not page.all(".problem")


def test_a_layer_without_a_bias_takes_it_away(page):
    page.open("#/explore?bias=3")
    page.focus(page.find("[name=torch]"))
    page.press("nn.Conv2d(1, 1, 3, bias=False)", Keys.ENTER)
    page.settle()
    assert page.hash() == "#/explore"


@pytest.mark.parametrize("line, words", [("nn.Conv3d(1, 1, 3)", "conv3d is none of conv2d"), ("nn.Conv2d(1, 1", "')' is missing at the end"), ("LSTM(3)", "there is no layer 'LSTM'")])
def test_a_line_that_is_none(page, line, words):
    page.open("#/explore")
    page.focus(page.find("[name=torch]"))
    page.press(line, Keys.ENTER)
    assert words in page.text("[data-key=torch]")


def test_an_empty_row_is_one(page):
    page.open("#/stack?layers=Conv2d(1,6,5);ReLU()")
    page.focus(page.find("[aria-label='layer 0']"))
    page.press_with(Keys.CONTROL, "a")
    page.press(Keys.BACKSPACE)
    page.settle()
    assert "nothing is written here" in page.text(".stack li") and "not reached" in page.text(".stack li:nth-child(2)")
    assert page.text(".total") == "" and not page.find(".copy-panel").is_displayed()
    page.press("ReLU()")
    page.settle()
    assert not page.all(".problem") and page.hash() == "#/stack?layers=ReLU();+ReLU()"


@pytest.mark.parametrize("view, text, words", [("explore", "nn.Conv2d(1, 1, 3, strides=2)", "takes no 'strides'"), ("explore", "nn.Conv2d(1, 1, 3, dtype=torch.float64)", "float32"),
                                               ("pool", "nn.AvgPool2d(2, dilation=2)", "takes no 'dilation'"), ("explore", "nn.Conv2d(1, 1, 3, padding=None)", "no None as padding")])
def test_what_a_class_does_not_take_is_not_taken(page, view, text, words):
    page.open(f"#/{view}")
    before = page.hash()
    page.focus(page.find("[name=torch]"))
    page.press(text, Keys.ENTER)
    page.wait_for(lambda: "Not taken" in page.text("main") and words in page.text("main"), words)
    assert page.hash() == before
