"""/docs is made of api/openapi.json when convd is built: the page is whole, and a broken document is a clear error."""

import copy
import gzip
import html.parser
import json
import os
import random
import re
import subprocess

import pytest

import client as convd
import openapi

TOOL = convd.default_binary().parent / "web" / "docs"

if os.environ.get("CONVD_URL"):
    pytest.skip("the page is made where convd is built", allow_module_level=True)


def run(path):
    return subprocess.run([TOOL, path], capture_output=True, timeout=convd.TIMEOUT_S)


# ---- the page, read strictly ----

VOID = {"meta", "link", "br", "hr", "img", "input"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Page(html.parser.HTMLParser):
    """Elements by tag and id; every end tag must close the element that was opened last."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.ids, self.headings, self.texts, self.boxes = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), self.get_starttag_text()
        attributes = dict(attributes)
        self.elements.append((tag, attributes, tuple(self.open)))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.headings += [int(tag[1])] if tag in HEADINGS else []
        self.boxes += [""] if tag == "pre" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        self.texts.append(data)
        if "pre" in self.open:
            self.boxes[-1] += data

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


@pytest.fixture(scope="module")
def markup():
    made = run(openapi.PATH)
    assert made.returncode == 0 and made.stderr == b"", made
    return made.stdout.decode("utf-8")


@pytest.fixture(scope="module")
def page(markup):
    return Page(markup)


def test_page_is_well_formed(page, markup):
    assert markup.startswith("<!doctype html>\n") and page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:]))
    for tag in ("main", "header", "title"):
        assert len(page.all(tag)) == 1, tag
    assert all(label for label in (nav.get("aria-label") for nav in page.all("nav")))


def test_page_has_no_scripts_and_no_styles_of_its_own(page):
    assert not page.all("script") and not page.all("style")
    for tag, attributes, _ in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
    sheets = [link["href"] for link in page.all("link") if link["rel"] == "stylesheet"]
    assert sheets == ["@ASSETS@/style.css", "@ASSETS@/docs.css"]


def test_every_class_has_a_style(page):
    css = (convd.ROOT / "server" / "web" / "docs.css").read_text("utf-8")
    classes = {name for _, attributes, _ in page.elements for name in attributes.get("class", "").split()}
    assert classes - {"docs", "site", "brand"} <= set(re.findall(r"\.([a-z]+)", css))  # style.css has the site's header


def test_ids_are_unique_and_links_have_targets(page):
    assert len(page.ids) == len(set(page.ids)), {one for one in page.ids if page.ids.count(one) > 1}
    for link in page.all("a"):
        path, _, fragment = link["href"].partition("#")
        if path in ("", "/docs") and fragment:
            assert fragment in page.ids, link
        else:
            assert path in openapi.DOCUMENT["paths"] or path.removeprefix("/problems/") in problem_names(), link


def problem_names():
    return {one["const"].removeprefix("/problems/") for one in openapi.SCHEMAS["ProblemType"]["oneOf"]}


def test_tables_have_captions_and_scopes(page):
    assert len(page.all("table")) == len(page.all("caption")) > 60
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))


def test_what_scrolls_takes_the_focus_and_has_a_name(page):
    boxes = page.all("pre") + [box for box in page.all("div") if box["class"] == "table"]
    assert len(boxes) > 100
    for box in boxes:
        assert box["tabindex"] == "0" and box["role"] == "group"
        assert box.get("aria-label") or box["aria-labelledby"] in page.ids, box


def test_everything_is_there(page):
    ids, text = set(page.ids), "".join(page.texts)
    for _, _, operation in openapi.operations():
        assert operation["operationId"] in ids and operation["summary"] in text
        for status in operation["responses"]:
            assert f"{operation['operationId']}.status.{status}" in ids
    for path, method, operation in openapi.operations():
        for parameter in openapi.parameters(path, method):
            assert f"{operation['operationId']}.parameters.{parameter['name']}" in ids
    for layer in openapi.LAYERS:
        assert {f"layer-{layer}.{field}" for field in openapi.SCHEMAS[layer]["properties"]} <= ids
    assert {f"conv2d.{field}" for field in openapi.conv2d().fields} <= ids
    for mode in map(openapi.pool2d, openapi.MODES):
        assert {f"{mode.name[1:].replace(' ', '.mode-')}.{field}" for field in mode.fields} <= ids
    assert {f"limits.{name}" for name in openapi.SCHEMAS["Limits"]["properties"]} <= ids
    assert {f"headers.{name}" for name in openapi.DOCUMENT["components"]["headers"]} <= ids
    assert {f"problem-{name}" for name in problem_names()} <= ids


def test_every_description_is_there(page):
    """Words of all descriptions, without the marks of Markdown."""
    text = re.sub(r"\s+", " ", "".join(page.texts))
    for place, node in openapi.nodes():
        description = node.get("description")
        if isinstance(description, str) and re.search(r"^#/(info|tags|paths/[^/]+/\w+$|components/headers)", place):
            for block in re.split(r"\n+(?:- )?", re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", description)):
                assert block.replace("`", "").replace("**", "") in text, place


def test_examples_are_true_to_the_document(page):
    """The answers on the page read back to those of the document."""
    shown = dense("".join(page.texts))
    for _, _, operation in openapi.operations():
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                for example in media.get("examples", {}).values():
                    if "value" in example:
                        assert dense(json.dumps(example["value"], ensure_ascii=False)) in shown


def test_commands_answer_as_shown(page, server_url, tmp_path):
    """Each command of the page, run by a shell, prints what stands below it."""
    commands, answers = page.boxes[::2], page.boxes[1::2]
    assert len(commands) == len(answers) > 40
    for command, shown in zip(commands, answers):
        command = command.replace("http://127.0.0.1:8080", server_url)
        ran = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        if not shown.startswith("{"):  # headers, and bytes in base64
            assert ran.stdout.strip() == shown.strip().rpartition("\n")[2], command
        elif not command.endswith("/version"):
            assert without_instance(ran.stdout) == without_instance(shown), command


def without_instance(text):
    document = json.loads(text)
    document.pop("instance", None)
    return document


def dense(text):
    return re.sub(r"\s", "", text).replace("e+", "e")


def test_page_is_light(markup):
    assert len(gzip.compress(markup.encode(), 9)) < 40_000


# ---- colours: WCAG 2.2, 1.4.3 ----


def luminance(colour):
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_contrast():
    css = (convd.ROOT / "server" / "web" / "docs.css").read_text("utf-8")
    blocks = re.findall(r"body\.docs {(.*?)}", css, re.S)
    themes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]
    assert len(themes) == 2 and set(themes[0]) == set(themes[1])
    for theme in themes:
        for ink in ("text", "muted", "blue", "orange"):
            for paper in ("surface", "raised", "target"):
                assert contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper, theme)


# ---- broken documents ----


def without(*places):
    def change(document):
        for place in places:
            *parents, last = place.split(" ")
            node = document
            for step in parents:
                node = node[step]
            del node[last]

    return change


def with_(place, value):
    def change(document):
        *parents, last = place.split(" ")
        node = document
        for step in parents:
            node = node[step]
        node[last] = value

    return change


def refers_to_itself(document):
    document["components"]["schemas"]["Groups"] = {"$ref": "#/components/schemas/Groups"}


def holds_itself(document):
    document["components"]["schemas"]["Groups"] = {"oneOf": [{"$ref": "#/components/schemas/Groups"}]}


BROKEN = [
    ("no summary", without("paths /conv2d post summary"), "/conv2d: summary is missing"),
    ("an empty summary", with_("paths /conv2d post summary", ""), "/conv2d: summary is empty"),
    ("no operationId", without("paths /conv2d post operationId"), "/conv2d: operationId is missing"),
    ("no paths", without("paths"), "paths is missing"),
    ("paths are a list", with_("paths", []), "paths must be an object"),
    ("an operation is a text", with_("paths /conv2d post", "x"), "/conv2d: operationId is missing"),
    ("no responses", without("paths /livez get responses"), "livez: responses is missing"),
    ("no description of a parameter", without("components parameters QueryStride description"),
     "stride: description is missing"),
    ("a reference to nothing", with_("components schemas Groups", {"$ref": "#/components/schemas/Nothing"}),
     "schemas: Nothing is missing"),
    ("a reference elsewhere", with_("components schemas Groups", {"$ref": "other.json"}),
     "other.json: is no reference to a component"),
    ("a reference that is a number", with_("components schemas Groups", {"$ref": 1}), "$ref: must be a string"),
    ("a reference to itself", refers_to_itself, "references lead to each other"),
    ("a schema in itself", holds_itself, "holds itself"),
    ("no version", without("info version"), "info: version is missing"),
]


@pytest.mark.parametrize("change, words", [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_document(tmp_path, change, words):
    document = copy.deepcopy(openapi.DOCUMENT)
    change(document)
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    made = run(tmp_path / "openapi.json")
    assert made.returncode == 1 and words in made.stderr.decode(), made.stderr


@pytest.mark.parametrize("text, words", [
    ("", "line 1, column 0"), ("{", "line 1"), ("[]", "is no JSON object"), ('{"a": 1, "a": 2}', "duplicate"),
    ("\xff", "unable to decode byte 0xff"),
])
def test_no_document(tmp_path, text, words):
    (tmp_path / "openapi.json").write_bytes(text.encode("latin-1"))
    made = run(tmp_path / "openapi.json")
    assert made.returncode == 1 and words in made.stderr.decode(), made.stderr


def test_no_file(tmp_path):
    made = run(tmp_path / "openapi.json")
    assert made.returncode == 1 and b"No such file" in made.stderr
    assert subprocess.run([TOOL], capture_output=True).returncode == 2


def test_markup_in_the_document_is_text(tmp_path):
    document = copy.deepcopy(openapi.DOCUMENT)
    evil = "<script>alert('1')</script> & \"quoted\""
    document["paths"]["/conv2d"]["post"]["description"] = evil
    document["paths"]["/conv2d"]["post"]["summary"] = evil
    document["components"]["schemas"]["Conv2dRequest"]["properties"][evil] = {"type": "integer", "default": evil}
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    page = Page(run(tmp_path / "openapi.json").stdout.decode("utf-8"))
    assert not page.all("script") and evil in "".join(page.texts)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_document(tmp_path, seed):
    """Members gone or of another type: the page or a message, never a crash."""
    draw = random.Random(seed)
    document = copy.deepcopy(openapi.DOCUMENT)
    for _ in range(draw.choice([1, 1, 3])):
        place = draw.choice([node for _, node in openapi.nodes(document) if node])
        key = draw.choice(list(place))
        name = draw.choice(list(openapi.SCHEMAS))
        value = draw.choice([None, 1, "x", "", [], {}, [None], -1.5, {"$ref": "#"}, {"$ref": name}, openapi.named(name)])
        if draw.random() < 0.3:
            del place[key]
        else:
            place[key] = value
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    made = run(tmp_path / "openapi.json")
    assert made.returncode in (0, 1), made
    assert (made.returncode == 0) == (made.stderr == b""), made.stderr
    assert made.returncode == 0 or re.fullmatch(rb"docs: [^\n]+: [^\n]+\n", made.stderr), made.stderr
    if made.returncode == 0:
        Page(made.stdout.decode("utf-8"))
