"""The console in a real Chromium: look, plan, drill, verify, fail over, read the report, browse the quarantine, give it back, return. Text that looks
like HTML does nothing. Screenshots are kept beside the binaries (build/*/screenshots), for people to look at."""
import contextlib
import json
import os
import re
import shutil

import pytest
from playwright.sync_api import Page, expect, sync_playwright

import clients
from harness import BINARY, REPOSITORY, create_topic, wait_mirrored, wait_until
from test_failover import LINK, owner, wait_connected
from test_groups_sync import commit

SCREENSHOTS = BINARY.parents[1] / "screenshots"
CHROMIUM = shutil.which("chromium") or os.environ.get("ATOLL_CHROMIUM")
HTML = "<img src=x onerror=\"window.owned=1\"><script>window.owned=1</script>"
DURATION = re.compile(r"^[\d.]+ (µs|ms|s)$")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 860}


@pytest.fixture(scope="module")
def chromium():
    SCREENSHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """Opens a region's console; nothing on it may have complained or run foreign code when the test ends."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:
        def open_page(region, errors_expected: bool = False) -> Page:
            page = stack.enter_context(contextlib.closing(chromium.new_page(viewport=WIDE, color_scheme="light")))
            page.set_default_timeout(60_000)
            expect.set_options(timeout=60_000)
            page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            if not errors_expected:
                page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
            page.goto(f"http://{region.admin}/")
            expect(page.locator("#live")).to_have_text("live")
            pages.append(page)
            return page
        pages: list[Page] = []
        yield open_page
        assert [page.evaluate("window.owned ?? 0") for page in pages] == [0] * len(pages), "text became code"
        assert not complaints, complaints


def pictures(page: Page, name: str) -> None:
    """At both widths, light and dark; nothing may be wider than the screen."""
    for width, viewport in (("1280", WIDE), ("400", NARROW)):
        for scheme in ("light", "dark"):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme)
            page.evaluate("document.getElementById('dialog').open || scrollTo(0, 0)")
            for box in ("html", "dialog[open] .body"):
                over = page.evaluate("box => { const one = document.querySelector(box); return one ? one.scrollWidth - one.clientWidth : 0; }", box)
                assert over <= 0, f"{name} at {width}: {box} is {over} pixels too wide"
            page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def confirm(page: Page, link: str, button: str) -> None:
    """A destructive button stays closed until the link's name is there."""
    field, go = page.get_by_label("to go on"), page.locator("dialog").get_by_role("button", name=button, exact=True)
    field.fill(link + "x")
    expect(go).to_be_disabled()
    field.fill(link)
    expect(go).to_be_enabled()
    go.click()


def topic_line(page: Page, topic: str = "orders"):
    return page.locator("#topics-body table").first.get_by_role("row").filter(has_text=topic).first


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).not_to_be_visible()


def drill_and_verify(page: Page) -> None:
    """What changes nothing: a rehearsal, and a comparison of every byte."""
    dialog = page.locator("dialog")
    page.get_by_role("button", name="Drill…").click()
    expect(dialog.locator(".badge").first).to_have_text("ready")
    expect(dialog.locator(".cli code")).to_have_text(f"atoll failover drill --link {LINK}")
    for step in ("contact", "drain", "groups", "settle", "serve"):
        expect(dialog.get_by_role("row").filter(has_text=re.compile(f"^{step}"))).to_contain_text("yes")
    expect(dialog).to_contain_text("The plan of such a failover")
    pictures(page, "2-drill")
    close(page)
    page.get_by_role("button", name="Verify…").click()
    expect(dialog).to_contain_text("No run was asked for")
    expect(dialog.locator(".cli code")).to_have_text(f"atoll verify --link {LINK} --wait")
    dialog.get_by_label("--deep").check()
    expect(dialog.locator(".cli code")).to_have_text(f"atoll verify --link {LINK} --deep --wait")
    dialog.get_by_role("button", name="Verify", exact=True).click()
    expect(dialog.locator(".badge").first).to_have_text("equal")
    expect(dialog).to_contain_text("1 of 1 partition · 60 of 60 offsets · every byte read again on both sides")
    pictures(page, "3-verify")
    close(page)


def test_an_operator_walks_over_and_back(ring, browse):
    # An objective that pictures on a slow machine don't outlast.
    us_east, eu_west = ring.pair(control=True, objectives={"rpo": "10m"})
    for region in us_east, eu_west:
        region.spec["console"] = {"grafana": "https://grafana.example:3000/ops/"}
        region.restart()
    create_topic(us_east, "orders", 1)
    wait_connected(us_east, eu_west)
    clients.produce(us_east.kafka, "orders", [b"known-%d" % number for number in range(60)])
    wait_mirrored(us_east, eu_west, "orders")
    commit(us_east, HTML, 50)
    # Look.
    page = browse(eu_west, errors_expected=True)
    card = page.get_by_role("article", name=f"link {LINK}")
    expect(card.locator("strong")).to_have_text("YES")
    expect(card).to_contain_text("1/1 group offsets placed here")
    expect(card).to_contain_text("in contact with the source")
    expect(page.locator("#groups-body")).to_contain_text(HTML)
    expect(page.locator("#region")).to_have_text("eu-west")
    expect(card.locator("dt", has_text="RTT").locator("+ dd")).to_have_text(DURATION)
    topic_line(page).get_by_role("button", expanded=False).click()
    expect(page.get_by_role("row").filter(has_text="partition 0")).to_contain_text("60 → 60")
    pictures(page, "1-look")
    # Plan, on a good day: the source answers, so the word is promote.
    page.get_by_role("button", name="Plan failover…").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("Blocks:")
    close(page)
    drill_and_verify(page)
    assert owner(eu_west, "orders")["owner"] == "us-east" and eu_west.get("/v1/failovers")["failovers"] == []
    # A copy that misses records, and a region that is gone.
    topic_line(page).get_by_role("button", name="Pause").click()
    expect(topic_line(page)).to_contain_text("paused")
    clients.produce(us_east.kafka, "orders", [b"unseen-%d %s" % (number, HTML.encode()) for number in range(40)])
    us_east.kill9()
    expect(card).to_contain_text("source unavailable")
    topic_line(page).get_by_role("button", name="Resume").click()
    expect(card.locator("strong")).to_have_text("WITH CARE")
    expect(card).to_contain_text("unknown")
    pictures(page, "4-source-lost")
    # Plan.
    page.get_by_role("button", name="Plan failover…").click()
    expect(dialog).to_contain_text("ready")
    expect(dialog).to_contain_text("unobserved")
    expect(dialog.locator(".cli code").last).to_have_text(f"atoll failover run --link {LINK}")
    pictures(page, "5-plan")
    # Fail over, and read the report.
    confirm(page, LINK, "Fail over")
    expect(dialog.locator(".badge").first).to_have_text("done")
    expect(dialog).to_contain_text("Resumes at")
    expect(dialog).to_contain_text(HTML)
    expect(page.locator("#said")).to_contain_text("done")
    pictures(page, "6-report")
    close(page)
    expect(page.locator("#moves-body")).to_contain_text("failover 1")
    expect(card.locator("strong")).to_have_text("ALREADY HERE")
    assert owner(eu_west, "orders")["owner"] == "eu-west"
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % number for number in range(30)])
    # The old region comes back; what it alone had is set aside, and can be looked at and given back.
    us_east.start()
    home = browse(us_east)
    expect(home.locator("#quarantine-body")).to_contain_text("orders · 0")
    home.get_by_role("button", name="Browse").click()
    expect(home.locator("dialog").get_by_role("row")).to_have_count(41)
    expect(home.locator("dialog")).to_contain_text(HTML)
    pictures(home, "7-quarantine")
    close(home)
    home.get_by_role("button", name="Reinject…").click()
    expect(home.locator("dialog")).to_contain_text("Produces 40 records to eu-west")
    confirm(home, "from-eu-west", "Reinject")
    expect(home.locator("dialog")).to_contain_text("40 records produced to eu-west")
    close(home)
    expect(home.locator("#quarantine-body")).to_contain_text("done")
    # Return: a planned move home.
    expect(topic_line(home)).to_contain_text("caught up")
    home.get_by_role("button", name="Plan promote…").click()
    expect(home.locator("dialog")).to_contain_text("ready")
    confirm(home, "from-eu-west", "Promote")
    expect(home.locator("dialog .badge").first).to_have_text("done")
    close(home)
    wait_until(lambda: owner(us_east, "orders")["owner"] == "us-east", "us-east owns it again")
    expect(home.locator("#events-body")).to_contain_text("quarantined")
    pictures(home, "8-home")


def test_a_page_that_lost_its_region_says_since_when_and_recovers(ring, browse):
    region = ring.region("us-east").start()
    page = browse(region, errors_expected=True)
    expect(page.locator("#links-body")).to_contain_text("pulls from nobody")
    region.kill9()
    expect(page.locator("#stale")).to_contain_text("Stale since")
    expect(page.locator("#live")).to_have_text("stale")
    pictures(page, "9-stale")
    region.start()
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("#stale")).to_be_hidden()
    with region.wire() as connection:
        connection.create_topic("fresh", 3)
    expect(page.locator("#topics-body")).to_contain_text("fresh", timeout=2_000)


def test_it_links_to_the_dashboards_of_a_grafana_that_the_yaml_names(ring, browse):
    us_east, eu_west = ring.pair()
    eu_west.spec["console"] = {"grafana": "https://grafana.example:3000/ops/"}
    eu_west.restart()
    page = browse(eu_west)
    expect(page.get_by_role("link", name="Grafana")).to_have_attribute("href", f"https://grafana.example:3000/ops/d/atoll-link?var-link={LINK}")
    expect(page.get_by_role("link", name="overview")).to_have_attribute("href", "https://grafana.example:3000/ops/d/atoll-overview")
    expect(page.get_by_role("link", name="broker dashboard")).to_have_attribute("href", "https://grafana.example:3000/ops/d/atoll-broker")
    pages = {json.loads(path.read_text())["uid"] for path in (REPOSITORY / "dashboards" / "grafana").glob("*.json")}
    linked = page.evaluate("[...document.querySelectorAll('a[href*=\"/d/\"]')].map(one => new URL(one.href).pathname.split('/').pop())")
    assert set(linked) == pages
    assert browse(us_east).locator("a[href*='/d/']").count() == 0, "no address, no link"


def test_everything_is_reached_and_told_without_a_mouse(ring, browse):
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders", 2)
    wait_connected(us_east, eu_west)
    wait_mirrored(us_east, eu_west, "orders")
    page = browse(eu_west)
    expect(topic_line(page)).to_contain_text("caught up")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
    for name in ("Skip to the links", "Drill…", "Plan failover…", "Plan promote…", "Verify…", "Pause link", "topic-filter", "orders"):
        assert any(text.startswith(name) for text in reached), f"{name} is not among {reached}"
    # Each control says what it is, and the line it equals.
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, a')]
        .filter(one => !(one.textContent.trim() || one.labels?.length)).map(one => one.outerHTML)""")
    assert not unnamed
    lines = page.evaluate("[...document.querySelectorAll('button[data-do]')].map(one => one.dataset.cli)")
    assert lines and all(line.startswith("atoll ") for line in lines), lines
    # The focus stays where it is while the page is told of changes.
    topic_line(page).get_by_role("button", expanded=False).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="partition 1")).to_be_visible()
    clients.produce(us_east.kafka, "orders", [b"%d" % number for number in range(20)])
    wait_mirrored(us_east, eu_west, "orders")
    expect(topic_line(page)).to_contain_text("20 → 20")
    assert page.evaluate("document.activeElement.getAttribute('data-do')") == "expand"
    # A dialog takes the focus and gives it back.
    page.get_by_role("button", name="Plan failover…").focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_contain_text("Blocks:")  # The source answers: promote is the right word.
    assert page.evaluate("document.getElementById('dialog').contains(document.activeElement)")
    close(page)
    assert "Plan failover…" in page.evaluate("document.activeElement.textContent")
