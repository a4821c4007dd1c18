"""Marks on cells: seen on any colour of the scale by their casing, in light and dark, and never over a cell's number."""

import io
import math

import pytest
from PIL import Image
from test_maths import luminance

THEMES = {"light": False, "dark": True}

# Every mark, on cells at both ends of the scale and between.
STATES = {
    "window, selected, pinned": "explore?w=sobel_x&x=waves&size=6,6&pad=1,1&at=o:14",
    "feeds": "explore?w=sobel_x&x=waves&size=6,6&pad=1,1&at=i:14",
    "source": "explore?x=waves&size=6,6&pad=2,2&mode=reflect&at=o:0",
    "winner": "pool?x=waves&size=6,6&at=o:4",
    "all of one value": "explore?x=ones&size=6,6&at=o:3",
    "wide numbers": "explore?x=-1234567,-1e-12,-2.5;-123456,3e20,-9.87;1,2,-3e-5&size=3,3&kernel=1,1&w=1&at=o:0",
    "a chain's field": "stack?at=3:22",
}


def ratio(one, other):
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def as_hex(colour):
    """'rgb(1, 2, 3)' as '#010203'."""
    return "#" + "".join(f"{int(part):02x}" for part in colour[4:-1].split(","))


def colours_of(page, *names):
    return page.run("const style = getComputedStyle(document.documentElement); return arguments[0].map(name => style.getPropertyValue(name))", list(names))


def picture_of(page, element):
    return Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")


@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("state", STATES)
def test_marks_stand_out_from_their_casing(page, state, dark):
    page.open("#/" + STATES[state], dark=dark)
    page.focus(page.find(".stage [role=grid], .field-card [role=grid]"))
    pairs = page.run("""
        return [...document.querySelectorAll('.mark')].filter(mark => mark.getAttribute('d')).map(mark => {
            const casing = mark.parentNode.querySelector(`.${mark.classList[1].replace('mark', 'casing')}`);
            const [inner, outer] = [mark, casing].map(one => getComputedStyle(one));
            return {name: mark.classList[1], same: mark.getAttribute('d') === casing.getAttribute('d'),
                    below: Boolean(casing.compareDocumentPosition(mark) & Node.DOCUMENT_POSITION_FOLLOWING),
                    colours: [inner.stroke, outer.stroke], widths: [parseFloat(inner.strokeWidth), parseFloat(outer.strokeWidth)]};
        });""")
    assert len(pairs) >= 2
    for pair in pairs:
        assert pair["same"] and pair["below"], pair
        assert pair["widths"][1] >= pair["widths"][0] + 2, pair
        assert ratio(*map(as_hex, pair["colours"])) >= 3, pair


@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
def test_a_mark_on_the_darkest_cell_is_seen_in_the_picture(page, dark):
    """Across a marked cell's edge: the casing's colour, the mark's, the casing's."""
    page.open("#/explore?x=ones&size=4,4&kernel=1,1&w=1&at=o:5", dark=dark)
    surface, mark = colours_of(page, "--surface", "--mark-pinned")
    drawing = page.find(".pane-o svg.cells")
    box, cell = page.run("""
        const rect = document.querySelectorAll('.pane-o .cells rect')[5];
        return [arguments[0], rect].map(one => (({left, top, width, height}) => [left, top, width, height])(one.getBoundingClientRect()));""", drawing)
    picture = picture_of(page, drawing)
    row = round(cell[1] - box[1] + cell[3] / 4)
    along = [picture.getpixel((x, row)) for x in range(math.floor(cell[0] - box[0]) - 6, math.floor(cell[0] - box[0]) + 12)]
    nearest = []
    for pixel in along:
        near = [all(abs(c - int(colour[i:i + 2], 16)) <= 12 for c, i in zip(pixel, (1, 3, 5))) for colour in (surface, mark)]
        if any(near) and (not nearest or nearest[-1] != near.index(True)):
            nearest.append(near.index(True))
    assert nearest == [0, 1, 0], along


@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("state", ["window, selected, pinned", "wide numbers", "source"])
def test_no_mark_covers_a_number(page, state, dark):
    """Where a text's own colour is without marks, it is with them."""
    page.open("#/" + STATES[state], dark=dark)
    page.take_pointer_away()
    covered = differing = 0
    for drawing in page.all(".stage svg.cells"):
        page.run("arguments[0].scrollIntoView({block: 'center'})", drawing)
        marked = picture_of(page, drawing)
        page.run("document.querySelectorAll('.mark, .casing').forEach(one => { one.style.visibility = 'hidden'; })")
        bare = picture_of(page, drawing)
        differing += marked != bare
        page.run("document.querySelectorAll('.mark, .casing').forEach(one => { one.style.visibility = ''; })")
        box = page.run("const {left, top} = arguments[0].getBoundingClientRect(); return [left, top]", drawing)
        cells = page.run("""
            const texts = arguments[0].querySelectorAll('text');
            return [...arguments[0].querySelectorAll(':scope > g:first-child > rect')].map((rect, i) => {
                const {left, top, right, bottom} = rect.getBoundingClientRect();
                return {box: [left, top, right, bottom], ink: texts[i].getAttribute('fill'), words: texts[i].textContent};
            });""", drawing)
        for cell in cells:
            ink = tuple(int(cell["ink"][i:i + 2], 16) for i in (1, 3, 5))
            left, top, right, bottom = (round(edge - box[i % 2]) for i, edge in enumerate(cell["box"]))
            for x in range(max(left + 1, 0), min(right - 1, bare.width)):
                for y in range(top + 8, min(bottom - 8, bare.height)):  # where texts are, and upright parts of marks
                    if max(abs(a - b) for a, b in zip(bare.getpixel((x, y)), ink)) <= 40:
                        covered += max(abs(a - b) for a, b in zip(marked.getpixel((x, y)), ink)) > 60
    assert differing > 0 and covered == 0


@pytest.mark.parametrize("dark", THEMES.values(), ids=THEMES)
def test_marks_of_a_canvas_are_frames_with_a_casing(page, dark):
    page.open("#/explore?size=60,60&x=waves&pad=1,1&w=ones&kernel=3,3&at=o:130", dark=dark)
    surface, mark = colours_of(page, "--surface", "--mark-window")
    assert ratio(surface, mark) >= 3
    size, cols, data = page.run("""
        const above = document.querySelector('.pane-i canvas.above'), cols = Number(document.querySelector('.pane-i [role=grid]').getAttribute('aria-colcount'));
        const {data} = above.getContext('2d').getImageData(0, 0, above.width, above.height), size = above.width / cols;
        const at = (x, y) => [...data.slice(4 * (y * above.width + x), 4 * (y * above.width + x) + 4)];
        const [row, col] = [2, 10], middle = row * size + Math.floor(size / 2);
        return [size, cols, {outside: at(col * size - 1, middle), edge: at(col * size, middle), inside: at(col * size + Math.floor(size * 1.5), middle),
                             far: at(0, 0)}];""")
    opaque = lambda colour: [int(colour[i:i + 2], 16) for i in (1, 3, 5)] + [255]  # noqa: E731
    assert size >= 3 and cols == 62
    assert data["outside"] == opaque(surface) and data["edge"] == opaque(mark)
    assert data["inside"][3] == 0 and data["far"][3] == 0
