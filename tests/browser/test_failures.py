"""A server that is down, slow or refusing: the page says so where it happens, and goes on when it can."""

import json
import subprocess
import sys
import time

import pytest
from selenium.webdriver.common.keys import Keys

from proxy import Proxy


@pytest.fixture
def between(server_url, page_at):
    with Proxy(server_url) as proxy:
        page = page_at(proxy.url)
        page.expects_refusals = True
        page.open("#/explore")
        yield proxy, page
        page.check_clean()


def edit(page, bias="2"):
    page.set_field("bias", bias)


@pytest.mark.parametrize("mode, words", [("drop", "the server cannot be reached"), ("nonsense", "status 502 that is no JSON")])
def test_no_answer(between, mode, words):
    proxy, page = between
    proxy.mode = mode
    edit(page)
    page.wait_for(lambda: words in page.status(), words)
    assert all(cell == "·" for row in page.cells("Output") for cell in row), "no value of before stays"
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert page.cells("Output")[0][0] == "10"
    assert not page.all(".problem")


def test_slow(between):
    proxy, page = between
    proxy.delay_s = 2.5
    edit(page)
    page.wait_for(lambda: "asking the server" in page.status(), "that it asks")
    page.wait_for(lambda: "still waiting" in page.status(), "that it still waits")
    page.settle()
    assert page.cells("Output")[0][0] == "10"


def test_refusing(between):
    proxy, page = between
    proxy.mode = "overloaded"
    edit(page)
    page.wait_for(lambda: page.all(".problem"), "the refusal")
    assert "the queue is full" in page.text(".problem")
    assert page.find(".problem a").get_attribute("href").endswith("/problems/overloaded")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert page.cells("Output")[0][0] == "10" and not page.all(".problem")


NONSENSE = ['{"output": {"base64": 7}, "shape": [1, 5, 5], "layers": [{"output_shape": [1]}], "output_shape": [1], "total": {}}', "null", "[]", "{}", "7", '{"output": null, "shape": [1]}', '{"layers": [null], "output_shape": [], "total": {}}', '{"detail": 7}', '{"detail": "x", "pointer": 7}']


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("view", ["explore", "channels", "pool", "image", "stack"])
def test_json_that_is_none_of_convds(between, view, status):
    proxy, page = between
    for body in NONSENSE[view not in ("image", "stack") or status != 200:]:  # the first has the outer form of an answer
        proxy.mode = (status, body)
        page.open(f"#/{view}")
        assert "that is none of convd's" in page.status(), body
        assert not page.all("[aria-busy=true]")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert not page.all(".problem")


def test_a_refusal_that_names_the_same_row_whatever_is_asked(between):
    proxy, page = between
    page.open("#/stack?layers=Conv2d(1,2,3);ReLU();ReLU()&input=1,1,8,8")
    for status in (422, 503):
        proxy.mode = (status, '{"type": "/problems/x", "title": "t", "status": %d, "detail": "always no", "pointer": "/layers/1"}' % status)
        before = proxy.posts
        page.set_field("input", f"1,1,9,{status}")
        page.wait_for(lambda: "always no" in page.text(".stack"), "the refusal")
        page.settle()
        time.sleep(0.5)
        assert proxy.posts - before == 2 and "asking" not in page.status()
        proxy.mode = "pass"
        page.set_field("input", "1,1,8,8")
        page.settle()
        assert "always no" not in page.text(".stack")


def test_partial_sums_that_fail_say_so(between):
    proxy, page = between
    page.open("#/channels?at=")
    page.settle()
    proxy.mode = "drop"
    page.focus(page.grid("Output, channel below channel"))
    page.press(Keys.ARROW_DOWN)
    page.wait_for(lambda: "no partial sums: the server cannot be reached" in page.text(".pane-p"), f"that the partial sums lack: {page.text('.pane-p')}")


def test_partial_sums_come_back(between):
    """What was said because the partial sums failed goes when they come."""
    proxy, page = between
    page.open("#/channels?at=o:0")
    assert page.find(".badge").is_displayed()
    for failure, words in [("drop", "the server cannot be reached"), ("overloaded", "the queue is full")]:
        proxy.mode = failure
        page.focus(page.grid("Output, channel below channel"))
        page.press_with(Keys.CONTROL, Keys.END)
        page.wait_for(lambda: words in page.text(".pane-p") and words in page.text(".stage .problem"), words)
        proxy.mode = "pass"
        page.click_button("Ask again")
        page.settle()
        assert not page.all(".problem") and "to be added up" in page.text(".pane-p") and "answered in" in page.status()
        assert page.find(".badge").is_displayed()
        page.press_with(Keys.CONTROL, Keys.HOME)
        page.settle()


def test_asking_again_for_partial_sums_asks_for_those_shown(between):
    proxy, page = between
    page.open("#/channels?at=o:0")
    proxy.mode = lambda asked, answer: answer if not asked.get("groups") else {"output": None}
    page.focus(page.grid("Output, channel below channel"))
    page.press_with(Keys.CONTROL, Keys.END)
    page.wait_for(lambda: page.all(".stage .problem"), "the failure")
    again = next(one for one in page.all("button") if one.text == "Ask again")
    proxy.mode = "pass"
    page.focus(again)
    page.press(Keys.ENTER)
    page.settle()
    assert page.find(".badge").get_attribute("data-agrees") == "true" and not page.all(".problem")


def test_no_badge_without_an_answer(between):
    proxy, page = between
    proxy.mode = "overloaded"
    page.open("#/channels", wait=False)
    page.wait_for(lambda: page.all(".problem"), "the refusal")
    proxy.mode = "pass"
    page.point_at("Kernels", 0)
    page.focus(page.grid("Output, channel below channel"))
    page.press(Keys.ARROW_DOWN)
    page.settle()
    assert page.all(".problem") and not page.find(".badge").is_displayed()
    page.click_button("Ask again")
    page.settle()
    assert not page.all(".problem") and page.find(".badge").get_attribute("data-agrees") == "true"


def test_the_focus_stays_near_when_it_fails_again(between):
    proxy, page = between
    for view in ("explore", "image", "stack"):
        proxy.mode = "overloaded"
        page.open(f"#/{view}", wait=False)
        page.wait_for(lambda: page.all(".problem"), "the box")
        for mode in ("overloaded", "drop", "overloaded"):
            proxy.mode = mode
            page.focus(next(one for one in page.all("button") if one.text == "Ask again"))
            page.press(Keys.ENTER)
            page.settle()
            assert page.run("return document.activeElement !== document.body") and len(page.all(".problem")) == 1


def first_of(nested):
    while isinstance(nested[0], list):
        nested = nested[0]
    return nested


def wrong_sums(asked, answer):
    if asked.get("groups"):
        first_of(answer["output"])[0] += 100
    return answer


def wrong_winners(asked, answer):
    first_of(answer["indices"])[0] = 35
    return answer


def no_winners(asked, answer):
    return {"output": answer["output"], "shape": answer["shape"]}


def wrong_last(asked, answer):
    answer["output"][0][0][-1][-1] += 1
    return answer


@pytest.mark.parametrize("view, change", [("channels", wrong_sums), ("pool", wrong_winners), ("pool", no_winners), ("pool?mode=lp&norm=3&size=2,2&kernel=1,1&x=1e12,1;2,3", wrong_last),
                                          ("pool?mode=avg&size=2,2&kernel=1,1&x=1e8,1;2,3", wrong_last)])
def test_wrong_numbers_are_seen(between, view, change):
    """In partial sums and winners too."""
    proxy, page = between
    proxy.mode = change
    page.open(f"#/{view}{'&' if '?' in view else '?'}at=o:0")
    page.settle()
    page.wait_for(lambda: page.find(".badge").get_attribute("data-agrees") == "false", "the red badge")


def test_a_refusal_of_another_kind(between):
    proxy, page = between
    proxy.mode = (422, json.dumps({"detail": "x", "type": 5}))
    edit(page)
    page.wait_for(lambda: "that is none of convd's" in page.status(), "that it is none of convd's")


@pytest.mark.parametrize("mode", ["drop", "overloaded"])
@pytest.mark.parametrize("view", ["explore", "channels", "image", "stack"])
def test_the_focus_stays_near(between, view, mode):
    proxy, page = between
    proxy.mode = mode
    page.open(f"#/{view}", wait=False)
    page.wait_for(lambda: page.all(".problem"), "the box")
    proxy.mode = "pass"
    button = next(one for one in page.all("button") if one.text == "Ask again")
    page.focus(button)
    page.press(Keys.ENTER)
    page.settle()
    assert not page.all(".problem") and page.run("return document.activeElement !== document.body")


def test_stack_says_that_rows_wait(between):
    proxy, page = between
    page.open("#/stack")
    proxy.delay_s = 0.5
    page.run("const row = document.querySelectorAll('.stack input')[3]; row.value = 'Conv2d(7, 16, 5)'; row.dispatchEvent(new Event('input'))")
    page.wait_for(lambda: page.all(".problem"), "the refusal")
    assert len(page.all(".stack > li[aria-busy=true]")) == 3
    page.settle()
    assert "156" in page.text(".stack li") and not page.all("[aria-busy=true]")


def test_stack_shows_nothing_of_the_chain_before(between):
    proxy, page = between
    page.open("#/stack")
    assert "156" in page.text(".stack li")
    proxy.mode = "drop"
    page.run("const row = document.querySelector('.stack input'); row.value = 'Conv2d(1, 99, 3)'; row.dispatchEvent(new Event('input'))")
    page.wait_for(lambda: "the server cannot be reached" in page.status(), "that nothing answers")
    assert not page.all(".stack .facts div")
    proxy.mode = "pass"
    page.open("#/stack?input=1,1,abc,32")
    assert page.all(".problem") and not page.all(".stack .facts div")
    page.click_button("start over")
    page.settle()
    assert "156" in page.text(".stack li") and not page.all(".problem")


@pytest.mark.parametrize("fragment", ["#/stack?input=", "#/stack?input=a,b", "#/stack?input=1,1,4,4", "#/stack?layers=Conv2d(1,6,5);Linear(400,120);Foo(1);ReLU()",
                                      "#/stack?input=1,1,x&layers=ReLU();Foo(1)"])
def test_stack_is_at_rest_when_refused(between, fragment):
    _, page = between
    page.open(fragment)
    assert page.all(".problem") and not page.all("[aria-busy=true]")


def test_stack_forgets_an_older_refusal(between):
    """The whole chain is refused as busy after one of its rows was: nothing is said of that row any more."""
    proxy, page = between
    page.open("#/stack?layers=Conv2d(1,6,5);Conv2d(7,16,5);ReLU()")
    assert "a layer above is refused" in page.text(".stack")
    proxy.mode = "overloaded"
    page.click_button("let the input say in_channels")
    page.wait_for(lambda: "the queue is full" in page.text(".problem"), "the refusal")
    assert "a layer above" not in page.text(".stack") and "7 channels" not in page.text(".stack")


@pytest.mark.parametrize("view", ["channels", "pool", "image", "stack"])
def test_other_views_say_it_too(between, view):
    proxy, page = between
    proxy.mode = "drop"
    page.open(f"#/{view}", wait=False)
    page.wait_for(lambda: "the server cannot be reached" in page.status(), "that nothing answers")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert not page.all(".problem")


def code(page):
    """The command that is shown, without touching its tabs."""
    return page.run("return document.querySelector('.copy-panel code').textContent")


def look(page, selector):
    return page.run("const style = getComputedStyle(document.querySelector(arguments[0])); return [Number(style.opacity), style.visibility]", selector)


def test_the_picture_of_before_is_faded_or_gone(between):
    proxy, page = between
    page.open("#/image")
    result = "canvas[aria-label=Result]"
    assert look(page, result) == [1, "visible"]
    proxy.delay_s = 1
    page.set_field("w", "sobel_y")
    page.wait_for(lambda: "asking" in page.status(), "that it asks")
    assert look(page, result)[0] < 0.5
    page.settle()
    assert look(page, result) == [1, "visible"]
    proxy.delay_s = 0
    for mode, words in [("drop", "cannot be reached"), ("overloaded", "refused (503)")]:
        proxy.mode = mode
        page.set_field("w", "emboss" if mode == "drop" else "box")
        page.wait_for(lambda: words in page.status(), words)  # noqa: B023
        assert look(page, result)[1] == "hidden"
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert look(page, result) == [1, "visible"]
    page.open("#/image?kernel=99,1")
    assert look(page, result)[1] == "hidden" and page.all(".problem")


@pytest.mark.parametrize("view", ["explore", "channels", "pool", "image", "stack"])
def test_overload_is_no_refusal_of_the_layer(between, view):
    """The copied command stays that of the layer, and what is said of the wait goes with it."""
    proxy, page = between
    proxy.mode = "overloaded"
    page.open(f"#/{view}", wait=False)
    page.wait_for(lambda: page.all(".problem"), "the refusal")
    assert "It asks for 1 s of patience." in page.text(".problem")
    assert "raise" not in page.snippet("pytorch")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert "import torch" in code(page) and "raise" not in code(page) and not page.all(".problem")


@pytest.mark.parametrize("status", [400, 401, 404, 405, 413, 415, 422, 429, 500, 504])
def test_what_may_be_otherwise_in_a_moment_is_asked_again(between, status):
    proxy, page = between
    proxy.mode = (status, json.dumps({"title": "Not now", "detail": "later", "status": status}))
    edit(page)
    page.wait_for(lambda: page.all(".problem"), "the refusal")
    assert [one.text for one in page.all(".problem button")] == ["Ask again"]


@pytest.mark.parametrize("fragment", ["explore?padding=same&stride=2,2", "channels?padding=same&stride=2,2", "pool?mode=avg&divisor=0"])
def test_a_refusal_takes_the_place_of_the_overload(between, fragment):
    proxy, page = between
    proxy.mode = "overloaded"
    page.open(f"#/{fragment}", wait=False)
    page.wait_for(lambda: page.all(".problem"), "the overload")
    assert "promises" not in page.text(".problem")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    page.wait_for(lambda: "queue is full" not in page.text("main"), "that the overload goes")
    assert len(page.all(".problem")) == 1


def test_a_chain_does_not_carry_the_refusal_of_another(between):
    proxy, page = between
    page.open("#/stack?layers=Conv2d(3, 6, 5)")
    assert "raise ValueError" in page.snippet("pytorch")
    proxy.delay_s = 2
    page.focus(page.find(".stack input"))
    page.press_with(Keys.CONTROL, "a")
    page.press("Conv2d(1, 6, 5)")
    page.wait_for(lambda: "asking" in page.status(), "that it asks")
    assert "raise" not in code(page) and "nn.Conv2d(1, 6" in code(page)
    proxy.mode = "drop"
    page.settle()
    assert "raise" not in code(page)


def test_a_picture_that_is_gone_stays_so(between):
    proxy, page = between
    page.open("#/image")
    proxy.mode = "drop"
    page.set_field("w", "emboss")
    page.wait_for(lambda: "cannot be reached" in page.status(), "that it fails")
    page.set_field("shown", "absolute")
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.settle()
    assert look(page, "canvas[aria-label=Result]")[1] == "hidden"


def test_saving_says_that_it_waits(between):
    proxy, page = between
    page.open("#/image")
    proxy.delay_s = 1.5
    page.click_button("Save picture.png for the commands")
    page.wait_for(lambda: "Asking the server" in page.text(".actions"), "that it asks")
    page.wait_for(lambda: "Saved." in page.text(".actions"), "that it is saved")
    proxy.mode = "overloaded"
    page.click_button("Save picture.png for the commands")
    page.wait_for(lambda: "Not saved: the queue is full." in page.text(".actions"), "why it is not saved")


def save(page):
    page.click_button("Save picture.png for the commands")


def saved(page):
    return page.text(".actions [role=status]")


def test_what_is_said_of_saving_goes_with_the_picture(between):
    proxy, page = between
    page.open("#/image")
    save(page)
    page.wait_for(lambda: saved(page) == "Saved.", "that it is saved")
    page.set_field("w", "emboss")
    assert saved(page) == "Saved.", "the picture is the same"
    page.run("document.querySelector('[name=colour]').click()")
    assert saved(page) == ""
    proxy.delay_s = 1
    save(page)
    page.wait_for(lambda: "Asking" in saved(page), "that it asks")
    page.set_field("picture", "rings")
    page.wait_for(lambda: saved(page) == "Not saved: another picture was chosen.", "that it is not saved")


def test_an_older_saving_says_nothing_more(between):
    proxy, page = between
    page.open("#/image")
    proxy.mode, proxy.delay_s = "overloaded", 1.2
    save(page)
    page.wait_for(lambda: "Asking" in saved(page), "that it asks")
    time.sleep(0.1)
    proxy.mode, proxy.delay_s = "pass", 0
    save(page)
    page.wait_for(lambda: saved(page) == "Saved.", "that it is saved")
    time.sleep(1.5)
    assert saved(page) == "Saved."


@pytest.mark.parametrize("mode, words", [("nonsense", "an answer of status 502 that is no picture."), ("overloaded", "the queue is full. It asks for 1 s of patience."),
                                         ("drop", "the server cannot be reached."), ("part", "a part of a picture came, or another."),
                                         ((422, '{"detail": [{"msg": "x"}]}'), "an answer of status 422 that is no picture.")])
def test_why_it_is_not_saved(between, mode, words):
    proxy, page = between
    page.open("#/image")
    proxy.mode = mode
    save(page)
    page.wait_for(lambda: saved(page) == f"Not saved: {words}", words)


@pytest.mark.parametrize("fields", ["", "operation=max&kernel=2,2"])
@pytest.mark.parametrize("change", [lambda answer: {**answer, "shape": [1, 9, 9]}, lambda answer: {**answer, "output": {**answer["output"], "base64": ""}},
                                    lambda answer: {**answer, "shape": [2, *answer["shape"][1:]]}])
def test_a_result_of_another_size_is_none(between, fields, change):
    proxy, page = between
    proxy.mode = lambda asked, answer: change(answer)
    page.open(f"#/image?{fields}")
    assert "that is none of convd's" in page.status()
    assert look(page, "canvas[aria-label=Result]")[1] == "hidden"


def wrong_layer(answer, **fields):
    answer["layers"][1].update(fields)
    return answer


@pytest.mark.parametrize("change", [lambda answer: wrong_layer(answer, output_shape=[5]), lambda answer: wrong_layer(answer, input_shape=[1, 1, 9, 9]),
                                    lambda answer: {**answer, "output_shape": [1, 11]}])
def test_shapes_that_do_not_follow_each_other(between, change):
    proxy, page = between
    proxy.mode = lambda asked, answer: change(answer)
    page.open("#/stack")
    assert "that is none of convd's" in page.status() and not page.all(".facts dd")
    assert "There are no shapes" in page.text(".field-card")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert page.all(".facts dd") and "sees rows" in page.text(".field-card")


def test_copied_is_said_of_what_was_copied(between):
    _, page = between
    page.open("#/explore")
    page.click_button("Copy")
    page.wait_for(lambda: page.text("button.copy") in ("Copied", "Selected: press Ctrl+C"), "that it is copied")
    page.set_field("bias", "9")
    assert page.text("button.copy") == "Copy"
    page.settle()  # what is asked now belongs to this page


@pytest.mark.parametrize("layers, then", [("Conv2d(1, 6, 5);ReLU();MaxPool2d(2", ""), ("Conv2d(1, 6, 5);ReLU();Conv2d(7, 6, 5)", "refused (422)")])
def test_rows_before_a_refused_one_say_that_they_wait(between, layers, then):
    proxy, page = between
    proxy.delay_s = 1
    page.open(f"#/stack?layers={layers}", wait=False)
    page.wait_for(lambda: "asking the server" in page.status(), "that it asks")
    page.wait_for(lambda: page.text(".facts").startswith("OUT\n1 × 6 × 28 × 28") or "28 × 28" in page.text(".facts"), "the facts")
    page.settle()
    assert page.status().startswith(then) and page.status() in (then, f"{then}\n")


def test_the_command_of_a_chain_without_shapes_runs(between):
    proxy, page = between
    proxy.mode = "drop"
    page.open("#/stack?input=1,3,16,16&layers=Conv2d(out_channels=4,+kernel_size=3);+BatchNorm2d();+Flatten();+Linear(out_features=2)")
    assert not page.all(".facts dd")
    printed = subprocess.run([sys.executable, "-c", page.snippet("pytorch")], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "Linear (1, 2)"


@pytest.mark.parametrize("row", [0, 1])
def test_what_a_gateway_said_of_a_row_goes_with_the_next_answer(between, row):
    proxy, page = between
    proxy.mode = (422, json.dumps({"type": "about:blank", "title": "Blocked", "detail": "gateway says no", "pointer": f"/layers/{row}"}))
    page.open("#/stack?input=1,1,8,8&layers=Conv2d(1,+6,+5);+ReLU();+MaxPool2d(2)", wait=False)
    page.wait_for(lambda: "gateway says no" in page.text("main"), "the refusal")
    page.settle()
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert "gateway" not in page.text("main") and not page.all("[aria-invalid], [data-unreached]")
    assert len(page.all(".facts .formula")) == 2 * 2, "of the convolution and of the pooling"


def test_the_overload_of_rows_before_goes_with_the_next_answer(between):
    """Overloaded, then dropped, then answered: nothing is left of the first two."""
    proxy, page = between
    page.open("#/stack")
    proxy.mode = "overloaded"
    page.run("const input = document.querySelectorAll('.row-head input')[3]; input.value = 'Conv2d('; input.dispatchEvent(new Event('input'))")
    page.wait_for(lambda: "queue is full" in page.text("main"), "the overload")
    proxy.mode = "drop"
    page.click_button("Ask again")
    page.wait_for(lambda: "cannot be reached" in page.text("main"), "that it fails")
    assert "queue is full" not in page.text("main")
    proxy.mode = "pass"
    page.click_button("Ask again")
    page.settle()
    assert "Ask again" not in page.text("main") and "28 × 28" in page.text(".facts")


@pytest.mark.parametrize("change", [lambda layers: [*layers, {**layers[-1], "input_shape": layers[-1]["output_shape"]}], lambda layers: layers[:-1]])
def test_rows_before_are_as_many_as_were_asked_for(between, change):
    proxy, page = between
    proxy.mode = lambda asked, answer: {**answer, "layers": change(answer["layers"]), "output_shape": change(answer["layers"])[-1]["output_shape"]}
    page.open("#/stack?layers=Conv2d(1,+6,+5);+ReLU();+MaxPool2d(2")
    assert "that is none of convd's" in page.status()
    assert "is missing" in page.text("main")


def test_parts_of_the_page_that_do_not_come(between):
    _, page = between
    page.command("Network.enable")
    page.command("Network.setBlockedURLs", urls=["*stack*.js"])
    try:
        page.driver.get(page.url + "/?parts")
        page.wait_for(lambda: "load it again" in page.text("main"), "that it says so")
    finally:
        page.command("Network.setBlockedURLs", urls=[])
        page.errors.clear()
        page.drain_logs()
        page.errors.clear()


def there_and_back(page, first, second, label, *keys):
    """Opens a state, goes to another, presses keys in a grid there, and goes back."""
    page.open(first)
    page.run("location.hash = arguments[0]", second)
    page.settle()
    page.focus(page.grid(label))
    page.press(*keys)
    page.run("history.back()")
    page.settle()


def test_a_grid_that_goes_with_the_focus_in_it(between):
    """Partial sums go while the next state is drawn: nothing may be asked by what is left of the one before."""
    proxy, page = between
    label = "Partial sums, input channel beside input channel"
    there_and_back(page, "#/channels?outs=2&at=o:50", "#/channels?outs=8", label, Keys.ARROW_RIGHT)
    assert "refused" not in page.status() and page.text(".pane-p figcaption") == ""
    there_and_back(page, "#/channels?seed=3", "#/channels?seed=4", label, Keys.ARROW_RIGHT)
    assert page.text(".pane-p figcaption").startswith("output channel 0: 4 input channels")
    assert page.run("return document.activeElement.getAttribute('aria-label')") == label


def is_focused(page, label):
    return page.run("return document.activeElement.getAttribute('aria-label')") == label


@pytest.mark.parametrize("view, kept, gone, label", [("explore", "", "size=0,0", "Input with its padding"),
                                                     ("explore", "pad=1,1&mode=reflect", "size=0,0", "Input with its padding"),
                                                     ("pool", "", "size=0,0", "Input with its padding"),
                                                     ("channels", "", "ins=99", "Input, channel beside channel"),
                                                     ("channels", "", "ins=99", "Kernels"),
                                                     ("stack", "layers=Conv2d(1,6,5);ReLU()&at=0:0", "", "Plane behind the chosen layer")])
def test_a_grid_takes_the_focus_back_behind_the_drawing(between, view, kept, gone, label):
    """Grids beside it may not be drawn yet; and the keyboard is where it was."""
    proxy, page = between
    page.open(f"#/{view}?{kept}")
    page.focus(page.grid(label))
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    spoken = page.spoken(label)
    page.run("location.hash = arguments[0]", f"#/{view}?{gone}")
    page.settle()
    page.run("history.back()")
    page.settle()
    page.wait_for(lambda: is_focused(page, label), "the focus in the grid again")
    assert page.spoken(label) == spoken


def test_the_mouse_ends_the_wait_for_the_focus(between):
    proxy, page = between
    label = "Partial sums, input channel beside input channel"
    page.take_pointer_away()
    there_and_back(page, "#/channels?seed=3&at=", "#/channels?seed=4&at=o:20", label)
    assert page.text(".pane-p figcaption") == ""
    page.point_at("Output, channel below channel", 0)
    assert page.text(".pane-p figcaption") != "" and not is_focused(page, label)


def test_what_is_typed_into_a_kernel_that_goes_is_dropped(between):
    proxy, page = between
    there_and_back(page, "#/image?operation=max&kernel=2,2", "#/image?w=sobel_x", "Kernel", "9")
    assert page.run("return location.hash") == "#/image?operation=max&kernel=2,2"


@pytest.mark.parametrize("fragment, word, pane", [("#/explore?x=1,abc,3;4,5,6&size=2,3&kernel=1,1", "abc", "x"), ("#/explore?w=foo", "foo", "w"), ("#/explore?w=", "", "w"), ("#/explore?x=1,;3,4&size=2,2&kernel=1,1", "", "x"),
                                                  ("#/pool?x=1;2,zz&size=2,2", "zz", "x"), ("#/image?w=1,q;2,3&kernel=2,2", "q", "w"), ("#/channels?seed=abc", "abc", "seed"),
                                                  ("#/explore?x=abc&stride=0,0", "abc", "x"), ("#/channels?seed=q&groups=3", "q", "seed")])
def test_a_link_with_what_is_no_number(page, fragment, word, pane):
    page.open(fragment)
    assert f"'{word}' is no number" in page.text(f"[data-key={pane}] .problem")
    assert "server = reference" not in page.status() and not page.all("[aria-busy=true]")
    page.click_button("start over")
    page.settle()
    assert not page.all(".problem")
