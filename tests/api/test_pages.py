"""The pages for people and what they load: the bytes in both codings, what caches keep, links that lead somewhere.

contract/pages.json has the cases that need no look at the files themselves.
"""

import gzip
import html.parser
import posixpath
import re

import client as convd
import pytest
from rawsocket import Connection, ask, get, post

WEB = convd.ROOT / "server" / "web"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
         ".png": "image/png"}
ASSETS = sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*")
                if path.suffix in TYPES and "tools" not in path.parts and path.name != "screenshot.png")  # (the README's)
HTML = "Accept: text/html"
PAGES = [("/", HTML), ("/docs", HTML), ("/openapi.json", "Accept: application/json")]
PROBLEMS = re.findall(r'X\([A-Z0-9_]+, "([a-z0-9-]+)", (\d+), "([^"]+)"',
                      (convd.ROOT / "api" / "problem.h").read_text("utf-8"))


class Page(html.parser.HTMLParser):
    """Every element of a document, as (tag, attributes), and its text."""

    def __init__(self, response):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(response.body.decode("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def having(self, tag, **attributes):
        return [attrs for name, attrs in self.elements
                if name == tag and attributes.items() <= attrs.items()]


def links(page):
    """What the page names on this server, without the fragments."""
    named = [value.partition("#")[0] for _, attrs in page.elements for key, value in attrs.items()
             if key in ("href", "src") and value]
    return sorted({link for link in named if link.startswith("/")})


def modules(page):
    return [attrs["href"] for attrs in page.having("link", rel="modulepreload")]


def folder_of(page):
    """/assets/HASH, the folder that all files are in."""
    folders = {match.group() for link in links(page) if (match := re.match("/assets/[0-9a-f]{12}(?=/)", link))}
    assert len(folders) == 1, folders
    return folders.pop()


@pytest.fixture(scope="module")
def index(server_url):
    return Page(ask(server_url, get("/", HTML)))


@pytest.fixture(scope="module")
def folder(index):
    return folder_of(index)


def every_file(folder):
    return PAGES + [(f"{folder}/{name}", "Accept: */*") for name in ASSETS]


# ---- the files ----------------------------------------------------------------------------------------------------


def without_comments(name):
    """A file as it is served: scripts and styles without the comments that have lines of their own, or stand behind code."""
    data = (WEB / name).read_bytes()
    if not name.endswith((".js", ".css")):
        return data
    return re.sub(rb"(?m) // [^'\"`\n]*$", b"", re.sub(rb"(?ms)^ */\*.*?\*/ *\n", b"", data))


@pytest.mark.parametrize("name", ASSETS)
def test_asset_is_the_file(server_url, folder, name):
    response = ask(server_url, get(f"{folder}/{name}"))
    assert response.status == 200 and response.body == without_comments(name)
    assert b"\n/*" not in response.body and b"*/\n" not in response.body
    assert response.header("content-type") == TYPES[posixpath.splitext(name)[1]]
    assert response.header("cache-control") == "public, max-age=31536000, immutable"
    assert response.header("x-content-type-options") == "nosniff"
    assert response.header("vary") == "Accept-Encoding"


def test_assets_of_another_build_are_not_there(server_url, folder):
    other = folder[:-1] + ("0" if folder[-1] != "0" else "1")
    for name in ASSETS:
        assert ask(server_url, get(f"{other}/{name}")).problem == "not-found"
        assert ask(server_url, get(f"{folder}/{name}/")).problem == "not-found"
        assert ask(server_url, get(f"{folder}/{name[:-1]}")).problem == "not-found"


def test_gzip_is_the_same(server_url, folder):
    smaller = 0
    for path, accept in every_file(folder):
        plain, coded = (ask(server_url, get(path, accept, f"Accept-Encoding: {coding}")) for coding in ("identity", "gzip"))
        assert plain.header("content-encoding") is None
        if coded.header("content-encoding") is None:  # no smaller in gzip
            assert coded.body == plain.body and coded.header("etag") == plain.header("etag")
            continue
        smaller += 1
        assert coded.header("content-encoding") == "gzip" and len(coded.body) < len(plain.body), path
        assert gzip.decompress(coded.body) == plain.body, path
        assert coded.body[3:10] == bytes(5) + b"\2\3", "flags, a time or another system's mark in gzip's header"
        assert coded.header("etag") != plain.header("etag")
        for name in ("content-type", "cache-control", "vary", "content-security-policy"):
            assert coded.header(name) == plain.header(name)
    assert smaller >= len(PAGES)


def test_entity_tags_differ(server_url, folder):
    tags = [ask(server_url, get(path, accept, f"Accept-Encoding: {coding}")).header("etag")
            for path, accept in every_file(folder) for coding in ("identity", "gzip")]
    assert all(re.fullmatch('"[0-9a-f]{20}"', tag) for tag in tags), tags
    assert len(set(tags)) > len(every_file(folder))


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_known_files_are_not_sent_again(server_url, folder, coding):
    other = {"identity": "gzip", "gzip": "identity"}[coding]
    with Connection(server_url) as connection:
        for path, accept in every_file(folder):
            headers = (accept, f"Accept-Encoding: {coding}")
            full = connection.ask(get(path, *headers))
            tag = full.header("etag")
            for known in (tag, f"W/{tag}", f'"a", W/"b,c",{tag} , "d"', "*"):
                for method in ("GET", "HEAD"):
                    response = connection.ask(get(path, *headers, f"If-None-Match: {known}", method=method), head=True)
                    assert response.status == 304, response
                    for name in ("etag", "cache-control", "vary", "content-length"):
                        assert response.header(name) == full.header(name), name
                    assert response.header("content-type") is None
            response = connection.ask(get(path, accept, f"Accept-Encoding: {other}", f"If-None-Match: {tag}"))
            assert response.status == (304 if response.header("etag") == tag else 200)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_says_what_get_does(server_url, folder, coding):
    with Connection(server_url) as connection:
        for path, accept in every_file(folder):
            answers = [connection.ask(get(path, accept, f"Accept-Encoding: {coding}", method=method), head=method == "HEAD")
                       for method in ("GET", "HEAD")]
            full, head = ([(name, value) for name, value in answer.headers if name not in ("date", "x-request-id")]
                          for answer in answers)
            assert full == head
            assert int(answers[1].header("content-length")) == len(answers[0].body)


def test_lists_in_several_lines_are_passed_over(server_url):
    tag = ask(server_url, get("/docs")).header("etag")
    response = ask(server_url, get("/docs", f"If-None-Match: {tag}", 'If-None-Match: "a"'))
    assert response.status == 200
    response = ask(server_url, get("/docs", "Accept-Encoding: gzip", "Accept-Encoding: br"))
    assert response.status == 200 and response.header("content-encoding") is None


@pytest.mark.parametrize("value", ["x" * 20000, "," * 20000, '"' * 20000, "W/" * 10000, "*" * 20000, ";q=" * 6000,
                                   '"\xff\xfe"', "gzip;q=" + "9" * 10000, "%s%n%x", '"\\"', "\xa0gzip", '"' + "a" * 20000],
                         ids=lambda value: ascii(value[:8]))
def test_hostile_headers(server_url, value):
    for name in ("Accept-Encoding", "If-None-Match"):
        with Connection(server_url) as connection:
            connection.send(f"GET /docs HTTP/1.1\r\nHost: test\r\n{name}: {value}\r\n\r\n")
            assert connection.response().status == 200
            assert connection.ask(get("/livez")).status == 200


# ---- the pages ----------------------------------------------------------------------------------------------------


def test_index_loads_all_modules_at_once(index, folder):
    assert sorted(modules(index)) == [f"{folder}/{name}" for name in ASSETS if name.endswith(".js")]


@pytest.mark.parametrize("path", ["/", "/docs", "/problems/not-found"])
def test_links_lead_somewhere(server_url, path):
    page = Page(ask(server_url, get(path, HTML)))
    assert links(page), path
    for link in links(page):
        response = ask(server_url, get(link, "Accept: text/html, */*;q=0.5"))
        assert response.status == 200, link
        suffix = posixpath.splitext(link)[1]
        assert response.header("content-type") == TYPES.get(suffix, response.header("content-type"))
    fragments = [attrs["href"][1:] for attrs in page.having("a") if attrs.get("href", "").startswith("#")]
    assert set(fragments) <= {attrs["id"] for _, attrs in page.elements if "id" in attrs}


@pytest.mark.parametrize("path", ["/", "/docs", "/problems/not-found"])
def test_pages_do_nothing_that_their_policy_forbids(server_url, path):
    response = ask(server_url, get(path, HTML))
    page = Page(response)
    assert response.header("content-security-policy").startswith("default-src 'none'; ")
    for tag, attrs in page.elements:
        assert tag not in ("style", "base", "iframe", "object", "embed"), tag
        assert tag != "script" or "src" in attrs, "a script without src"
        assert "style" not in attrs and not [name for name in attrs if name.startswith("on")], (tag, attrs)
        loads = attrs.get("src") or (attrs.get("href") if tag == "link" else None)
        assert loads is None or loads.startswith(("/assets/", "data:")), (tag, attrs)
    assert not re.search("@[A-Z]+@", response.body.decode()), "a placeholder is left"
    assert page.having("html", lang="en") and page.having("meta", charset="utf-8") and page.having("title")


def test_modules_import_what_is_there(server_url, folder):
    for name in (name for name in ASSETS if name.endswith(".js")):
        text = (WEB / name).read_text("utf-8")
        for target in re.findall(r'^\s*(?:import|export)\b[^;"\'()]*\bfrom\s+["\']([^"\']+)["\']', text, re.MULTILINE):
            assert target.startswith(("./", "../")), f"{name} imports {target}"
            path = posixpath.normpath(posixpath.join(folder, posixpath.dirname(name), target))
            response = ask(server_url, get(path))
            assert response.status == 200 and response.header("content-type").startswith("text/javascript"), path


def test_index_for_tools_lists_what_is_there(server_url):
    endpoints = convd.strict_json(ask(server_url, get("/", "Accept: */*")).body.decode())["endpoints"]
    assert {"GET /", "GET /docs", "GET /openapi.json"} <= set(endpoints)
    for method, path in (endpoint.split(" ") for endpoint in endpoints):
        allowed = ask(server_url, get(path, method="OPTIONS"))
        assert allowed.status == 204 and method in allowed.header("allow").split(", "), (method, path)


# ---- error types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,status,title", PROBLEMS, ids=[name for name, *_ in PROBLEMS])
def test_problem_as_a_page(server_url, name, status, title):
    response = ask(server_url, get(f"/problems/{name}", HTML))
    assert response.status == 200 and response.header("content-type") == "text/html; charset=utf-8"
    page = Page(response)
    words = convd.strict_json(ask(server_url, get(f"/problems/{name}")).body.decode())
    for part in (title, words["meaning"], words["mend"], f"/problems/{name}", f"HTTP status {status}"):
        assert part in page.text, part
    assert {"/", "/docs", f"{folder_of(page)}/style.css"} <= set(links(page))
    assert page.having("a", **{"aria-current": "page"})[0]["href"] == f"/problems/{name}"


def test_problem_page_links_to_all_types(server_url):
    page = Page(ask(server_url, get("/problems/not-found", HTML)))
    assert [link for link in links(page) if link.startswith("/problems/")] == sorted(f"/problems/{name}" for name, *_ in PROBLEMS)


# ---- a server under stress ----------------------------------------------------------------------------------------


def test_pages_while_memory_is_short(start_server):
    """A body holds all memory for requests, and the pages still come."""
    url = start_server("--memory-budget", "4M", "--max-body", "64M").url
    json = "Content-Type: application/json"
    with Connection(url) as holder:
        holder.send(f"POST /conv2d HTTP/1.1\r\nHost: a\r\n{json}\r\nExpect: 100-continue\r\nContent-Length: 4100000\r\n\r\n")
        assert holder.socket.recv(1000).startswith(b"HTTP/1.1 100 "), "the budget does not fill"
        assert ask(url, post("/conv2d", b" " * 100_000, json)).status == 503
        folder = folder_of(Page(ask(url, get("/", HTML))))
        for path, accept in every_file(folder) + [("/problems/overloaded", HTML)]:
            assert ask(url, get(path, accept, "Accept-Encoding: gzip")).status == 200, path


def test_pages_across_origins(start_server):
    url = start_server("--cors-origin", "https://a.example").url
    response = ask(url, get("/docs", "Origin: https://a.example"))
    assert response.header("access-control-allow-origin") == "https://a.example"
    assert {"Accept-Encoding", "Origin"} <= {value for name, value in response.headers if name == "vary"}
