"""Every view in light and dark, wide and narrow, in its ordinary, refused and pinned states: no violation that axe finds, nothing
that scrolls sideways but grids, no error, no request elsewhere, nothing that the Content-Security-Policy stopped."""

import os

import pytest

import axe

# A sanitizer changes the server, not the page: there each state is seen once.
SLOW = bool(os.environ.get("CONVD_TEST_SLOW"))
WIDTHS = [1280] if SLOW else [1280, 320]
THEMES = {"light": False} if SLOW else {"light": False, "dark": True}

STATES = {
    "explore": "#/explore",
    "explore, refused": "#/explore?padding=same&stride=2,2",
    "explore, pinned": "#/explore?size=7,6&pad=2,1&mode=reflect&stride=2,2&w=sobel_x&at=i:9",
    "explore, canvas": "#/explore?size=60,60&x=waves&pad=1,1&at=o:100",
    "channels": "#/channels",
    "channels, refused": "#/channels?groups=3",
    "channels, pinned": "#/channels?ins=6&outs=4&groups=2&at=w:14",
    "pool": "#/pool",
    "pool, refused": "#/pool?pad=2,2",
    "pool, pinned": "#/pool?mode=avg&size=7,7&kernel=3,3&step=1&stride=3,3&ceil=1&at=o:8",
    "image": "#/image",
    "image, refused": "#/image?kernel=0,3",
    "image, pinned": "#/image?operation=max&kernel=4,4&colour=1&loupe=20,20",
    "stack": "#/stack",
    "stack, refused": "#/stack?layers=Conv2d(1,6,5);Conv2d(7,8,3);ReLU()",
    "stack, pinned": "#/stack?at=3:22",
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("state", STATES)
def test_state(page, state, dark, width):
    page.expects_refusals = "refused" in state
    page.open(STATES[state], width, dark)
    assert axe.violations(page) == []
    assert not page.scrolls_sideways()
    assert ("refused" in state) == bool(page.all(".problem"))


@pytest.mark.parametrize("state", ["explore", "channels", "pool", "image", "stack"])
def test_twice_as_large(page, state):
    """200 % zoom on a screen of 1280 pixels leaves 640."""
    page.open(STATES[state], 640)
    assert not page.scrolls_sideways()


def test_long_words_break(page):
    """The names of files, and what was pasted and is not read."""
    page.open("#/image", 320)
    page.run("""
        const drop = new DataTransfer();
        drop.items.add(new File(['%PDF'], 'Screenshot_20240101_123456_com.android.chrome_and_a_name_without_end_1234567890123456.pdf'));
        document.dispatchEvent(new DragEvent('drop', {dataTransfer: drop, bubbles: true, cancelable: true}));""")
    page.wait_for(lambda: "is no picture" in page.text(".side"), "the refusal")
    assert not page.scrolls_sideways()
    page.open("#/explore", 320)
    page.run("""
        const form = document.querySelector('form.field');
        form.querySelector('input').value = 'torch.nn.functional.max_pool2d(input,kernel_size=2,stride=2,padding=0,dilation=1)';
        form.requestSubmit();""")
    assert "Not taken" in page.text("form.field") and not page.scrolls_sideways()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("path", ["/docs", "/problems/shape-mismatch"])
def test_other_pages(page, path, dark, width):
    page.open(path=path, width=width, dark=dark)
    assert axe.violations(page) == []
    assert not page.scrolls_sideways()


def test_reduced_motion_and_forced_colours(page):
    page.open(STATES["explore"], media=[{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"}])
    assert axe.violations(page) == []


def test_light_and_dark_have_their_own_colours(page):
    seen = {}
    for dark in (False, True):
        page.open(STATES["explore"], dark=dark)
        seen[dark] = page.run("const style = getComputedStyle(document.body); return [style.backgroundColor, style.color, "
                              "document.querySelector('.cells rect').getAttribute('fill'), getComputedStyle(document.querySelector('.mark-window')).stroke]")
    assert all(light != dark for light, dark in zip(seen[False], seen[True]))
    page.open("#/explore?x=impulse&w=sobel_x")
    zero = page.run("return document.querySelector('.cells rect').getAttribute('fill')")
    assert zero == "#ffffff"


def test_pinned_cells_of_a_canvas_follow_the_theme(page):
    page.open("#/explore?size=60,60&x=waves&pad=1,1&at=o:100")
    above = "return [...document.querySelectorAll('.pane-o canvas.above, .pane-i canvas.above')].map(one => one.toDataURL())"
    light = page.run(above)
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.wait_for(lambda: all(a != b for a, b in zip(light, page.run(above), strict=True)), "that both have other colours")
    page.open("#/explore?size=60,60&x=waves&pad=1,1&at=o:100")
    assert page.run(above) == light


@pytest.mark.parametrize("view", ["pool?size=40,40&at=o:3", "channels?ins=16&outs=16&at=w:100"])
def test_a_theme_that_turns_while_another_view_is_shown(page, view):
    above = "return [...document.querySelectorAll('canvas.above')].map(one => one.toDataURL())"
    page.open(f"#/{view}", dark=True)
    dark = page.run(above)
    page.open(f"#/{view}")
    light = page.run(above)
    page.click_link("stack")
    page.settle()
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.click_link(view)
    page.settle()
    assert light != dark and page.run(above) == dark
