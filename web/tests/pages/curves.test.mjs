import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { startMock } from "../mock_server.mjs";
import { closeBrowser, go, withPage } from "./support.mjs";

after(closeBrowser);
const chart = (page, n = 0) => page.locator(".chart").nth(n);
// All curves of the first chart are here: until then it is built anew with each that arrives.
const drawn = (page, curves = 4) => page.waitForFunction(
  (n) => document.querySelectorAll(".chart-card")[0]?.querySelectorAll(".legend-value").length === n &&
    document.querySelector(".chart-card .u-over") !== null, curves);
const xOf = (page) => page.evaluate(() => {
  const host = document.querySelector(".chart");
  return [Number(host.getAttribute("aria-valuemin")), Number(host.getAttribute("aria-valuemax"))];
});
const zoomOf = (page) => page.evaluate(() => new URLSearchParams(location.hash.split("?")[1]).get("zoom"));

test("curves: accuracy and cross-entropy first and big, other tags folded", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await drawn(page);
    await page.locator(".u-over").nth(1).waitFor();
    assert.deepEqual(await page.locator(".chart-card.big h3").allInnerTexts(), ["Accuracy", "Cross-entropy"]);
    assert.equal(await page.locator(".fold").count(), 2);
    assert.deepEqual(await xOf(page), [0, 499]);
    assert.match(await page.locator(".broken").innerText(), /0\.25_128\/train.*step 100/);
  });
});

test("curves: what the page begins with came with it; where it did not, the page asks for it", async () => {
  for (const bare of [false, true]) {
    await withPage({}, async ({ page, mock }) => {
      mock.bare = bare;
      await go(page, mock, "curves");
      await drawn(page);
      const asked = mock.requests.filter((r) => /api\/(start|status|runs|trainings|tags|jobs)/.test(r));
      assert.deepEqual(asked, bare ? ["GET /api/start"] : []);
      assert.equal(await page.locator(".live.live").count(), 1);
    });
  }
});

test("curves: dragging zooms, double-click shows everything, the wheel does neither; the address follows", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    const over = page.locator(".u-over").first();
    await drawn(page);
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 80);
    await page.mouse.wheel(0, 40);
    await page.waitForTimeout(150);
    assert.equal(await zoomOf(page), null);
    const now = await over.boundingBox();
    await page.mouse.move(now.x + now.width * 0.25, now.y + 80);
    await page.mouse.down();
    await page.mouse.move(now.x + now.width * 0.75, now.y + 90, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => location.hash.includes("zoom="));
    const [, low, high] = (await zoomOf(page)).split(":").map(Number);
    assert.ok(Math.abs(low - 499 * 0.25) < 8 && Math.abs(high - 499 * 0.75) < 8, `${low} ${high}`);
    // The link shows the same view elsewhere.
    await page.reload();  // knows nothing but the address
    await drawn(page);
    await page.locator(".u-over").first().dblclick();
    await page.waitForFunction(() => !location.hash.includes("zoom="));
  });
});

test("curves: filters, switching runs, smoothing and axis are in the address and come back from it", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await drawn(page);
    await page.locator(".run input").first().uncheck();
    await page.getByRole("button", { name: "Relative" }).click();
    await page.keyboard.press("]");
    const link = page.url();
    assert.match(link, /s=0\.65/);
    assert.match(link, /x=relative/);
    assert.match(link, /hide=[0-9a-z]+/);
    assert.ok(link.length < 200);
    await page.evaluate(() => localStorage.clear());
    await page.reload();  // knows nothing but the address
    await drawn(page, 3);
    assert.equal(await page.locator(".run input").first().isChecked(), false);
    assert.equal(await page.locator(".toolbar output").first().innerText(), "0.65");
    await page.getByRole("searchbox", { name: "Filter runs (regex)" }).fill("0\\.50.*valid");
    assert.equal(await page.locator(".run").count(), 1);
    await page.getByRole("searchbox", { name: "Filter tags (regex)" }).fill("stddev");
    await page.waitForFunction(() => document.querySelectorAll(".chart-card.big").length === 0);
  });
});

test("curves: new points appear by themselves", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await drawn(page);
    const run = mock._runs.find((r) => r.name === "mobilenet_0.50_224/train");
    for (let i = 0; i < 5; i++) mock.grow(run, 0.5);
    await page.waitForFunction(() => Number(document.querySelector(".chart").getAttribute("aria-valuemax")) === 504, null, { timeout: 3000 });
    assert.match(await page.locator(".runs").innerText(), /step 504/);
    mock.grow(run, NaN);
    await page.getByText(/0\.50_224\/train: 1 value is not a number, the first at step 505/).first().waitFor();
  });
});

test("curves: the server goes: the charts stay, the page says so; it comes back: the gap is filled", async () => {
  const mock = await startMock();
  const port = mock.port;
  await withPage({ mock }, async ({ page }) => {
    await go(page, mock, "curves");
    await drawn(page);
    await mock.close();
    await page.locator(".banner").waitFor({ timeout: 5000 });
    assert.equal(await page.locator(".u-over").count(), 2);
    const again = await startMock({ port });
    try {
      const run = again._runs.find((r) => r.name === "mobilenet_0.50_224/train");
      for (let i = 0; i < 3; i++) again.grow(run, 0.5); // while the page is away
      await page.locator(".banner").waitFor({ state: "detached", timeout: 12_000 });
      await page.waitForFunction(() => Number(document.querySelector(".chart").getAttribute("aria-valuemax")) === 502, null, { timeout: 5000 });
    } finally {
      await again.close();
    }
  });
});

test("curves: a hidden page closes the push channel and opens it again when shown", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await page.locator(".live.live").waitFor();
    assert.equal(mock.clients.size, 1);
    const hide = (on) => page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, on);
    await hide(true);
    await page.locator(".live.asleep").waitFor({ timeout: 9000 });
    assert.equal(mock.clients.size, 0);
    const run = mock._runs.find((r) => r.name === "mobilenet_0.50_224/train");
    mock.grow(run, 0.5);
    await hide(false);
    await page.waitForFunction(() => Number(document.querySelector(".chart").getAttribute("aria-valuemax")) === 500, null, { timeout: 5000 });
    assert.equal(mock.clients.size, 1);
  });
});

test("curves: downloads have all numbers, the picture its legend", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await drawn(page);
    const download = async (name) => {
      await page.getByRole("button", { name: "Download" }).first().click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name }).click()]);
      return readFile(await file.path());
    };
    const csv = (await download("Numbers (CSV)")).toString().trim().split("\n");
    assert.equal(csv[0], "Run,Wall time,Step,Value");
    assert.equal(csv.length, 1 + 213 + 22 + 500 + 50);
    const json = JSON.parse(await download("Numbers (JSON)"));
    assert.equal(json["mobilenet_0.50_224/train"].length, 500);
    const svg = (await download("Picture (SVG)")).toString();
    assert.match(svg, /mobilenet_0\.50_224\/validation/);
    assert.match(svg, /stroke-dasharray/);
    const png = await download("Picture (PNG)");
    assert.equal(png.subarray(1, 4).toString(), "PNG");
    assert.equal(png.readUInt32BE(16), 1800);
  });
});

test("curves: arrow keys tell values, the curve can be heard", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "curves");
    await drawn(page);
    await chart(page).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    assert.match(await chart(page).getAttribute("aria-valuetext"), /^step 1: .*0\.25_128\/train 0\.\d+/);
    await page.keyboard.press("+");
    await page.waitForFunction(() => location.hash.includes("zoom="));
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !location.hash.includes("zoom="));
    await page.getByRole("button", { name: "Listen to the curves" }).first().click();
    await page.getByRole("button", { name: "Stop the sound" }).click();
    await page.getByRole("button", { name: "Listen to the curves" }).first().waitFor();
  });
});

test("curves: nothing there yet: where it looked, and curves as soon as a run appears", async () => {
  await withPage({ scenario: "empty" }, async ({ page, mock }) => {
    await go(page, mock, "curves");
    assert.match(await page.locator(".empty").innerText(), /tf_files\/training_summaries/);
    const full = await startMock();
    const run = full._runs.find((r) => r.name === "mobilenet_0.50_224/train");
    await full.close();
    mock._runs.push(run);
    mock.push("run", run);
    await page.locator(".u-over").first().waitFor({ timeout: 5000 });
  });
});
