"""Companions: made, changed, restored, deleted; and the settings of an account."""

import json
import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.client import PASSWORD


async def test_more_companions_than_one_page_holds(visitor: Visitor) -> None:
    """Guards `useAgents`, which reads on."""
    for number in range(101):
        await visitor.user.send("POST", "/api/agents/", {"name": f"Companion {number}"}, 201)
    await visitor.page.goto("/agents")
    await expect(visitor.page.get_by_text("Companion 100", exact=True)).to_be_visible()
    await expect(visitor.page.get_by_text(re.compile("^Companion [0-9]+$"))).to_have_count(101)


async def test_an_agent_is_made_with_everything_that_can_be_set(visitor: Visitor) -> None:
    page = visitor.page
    await page.goto("/agents")
    await page.get_by_role("button", name="New companion").click()
    await page.get_by_label("Name").fill("Lin")
    await page.get_by_role("textbox", name="Personality").fill("You are Lin.")
    await page.get_by_label("Temperature").fill("0.4")
    await page.get_by_role("combobox", name="Writing first").select_option(label="Rarely")
    await page.get_by_label("At most a day").fill("2")
    await page.get_by_label("Quiet time before").fill("45")
    await page.get_by_label("From").fill("22:00")
    await page.get_by_label("Until").fill("07:30")
    await page.get_by_role("switch", name="Adapts by itself").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Lin", exact=True)).to_be_visible()
    agent = (await visitor.user.get("/api/agents/"))["results"][0]
    assert agent["name"] == "Lin"
    assert (
        agent["parameters"]
        | {
            "personality_prompt": "You are Lin.",
            "temperature": 0.4,
            "proactive_behavior": "conservative",
            "auto_apply_confidence": None,
        }
        == agent["parameters"]
    )
    assert agent["timings"] == {
        "inactivity_check_minutes": 45,
        "quiet_hours": {"start": "22:00", "end": "07:30"},
        "daily_cap": 2,
    }


async def test_a_personality_is_changed_compared_and_restored(visitor: Visitor) -> None:
    page = visitor.page
    session = await visitor.session("Lin", personality_prompt="You are a calm friend.")
    agent = session["agent_configuration"]
    await page.goto(f"/agents/{agent}")
    await page.get_by_role("textbox", name="Personality").fill("You are a bold friend.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    await page.get_by_role("tab", name="History").click()
    newest = page.get_by_role("article").first
    await expect(newest.locator("del")).to_have_text("calm")
    await expect(newest.locator("ins")).to_have_text("bold")
    await page.get_by_role("article").last.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("article")).to_have_count(3)
    await expect(page.get_by_role("article").first).to_contain_text("Restored version 1")
    now = await visitor.user.get(f"/api/agents/{agent}/")
    assert now["parameters"]["personality_prompt"] == "You are a calm friend."


async def test_what_is_written_stays_when_the_agent_changes_meanwhile(visitor: Visitor) -> None:
    """Guards the edits of `AgentForm`: an agent may adapt by itself."""
    page = visitor.page
    agent = (await visitor.session("Lin"))["agent_configuration"]
    await page.goto(f"/agents/{agent}")
    await page.get_by_label("Name").fill("Lin the bold")
    changed = {"personality_prompt": "You are calm."}
    await visitor.user.send("PATCH", f"/api/agents/{agent}/personality/", changed)
    await expect(page.get_by_role("textbox", name="Personality")).to_have_value("You are calm.")
    await expect(page.get_by_label("Name")).to_have_value("Lin the bold")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Lin the bold", exact=True)).to_be_visible()
    now = await visitor.user.get(f"/api/agents/{agent}/")
    assert (now["name"], now["parameters"]["personality_prompt"]) == (
        "Lin the bold",
        "You are calm.",
    )


async def test_an_agent_is_deleted_after_a_question(visitor: Visitor) -> None:
    page = visitor.page
    session = await visitor.session("Lin")
    await page.goto(f"/agents/{session['agent_configuration']}")
    await page.get_by_role("button", name="Delete Lin").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("heading", name="Companions")).to_be_visible()
    await expect(page.get_by_role("link", name="Lin")).to_have_count(0)
    await visitor.user.gone(session["id"])


async def test_time_zone_password_and_export(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    await visitor.session("Lin")
    await page.goto("/settings")
    await page.get_by_label("Time zone").select_option("Asia/Shanghai")
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert (await visitor.user.get("/api/me/"))["timezone"] == "Asia/Shanghai"
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download everything").click()
    await (await downloading.value).save_as(tmp_path / "export.json")
    exported = json.loads((tmp_path / "export.json").read_text())
    assert exported["account"]["username"] == visitor.user.username
    assert [agent["name"] for agent in exported["agents"]] == ["Lin"]
    await page.get_by_label("Current password").fill(PASSWORD)
    await page.get_by_label("New password").fill("another battery staple")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Password changed")).to_be_visible()


async def test_an_account_is_deleted_with_its_password(visitor: Visitor) -> None:
    page = visitor.page
    await page.goto("/settings")
    await page.get_by_role("button", name="Delete account").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("button", name="Log in")).to_be_visible()
    tokens = {"username": visitor.user.username, "password": PASSWORD}
    answer = await visitor.user.http.post("/api/auth/login/", json=tokens)
    assert answer.status_code == 401


async def test_language_and_colours_are_chosen_and_kept(visitor: Visitor) -> None:
    page = visitor.page
    await page.goto("/settings")
    await page.get_by_label("Language").select_option("zh")
    await expect(page.get_by_role("heading", name="设置")).to_be_visible()
    await page.get_by_text("深色").click()
    await page.reload()
    await expect(page.get_by_role("heading", name="设置")).to_be_visible()
    assert await page.locator("html").get_attribute("data-mantine-color-scheme") == "dark"
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
