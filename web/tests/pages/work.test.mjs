// Data, Results, Try, Train, Models, Weights, Compare, Graph: what people do there.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeBrowser, go, withPage } from "./support.mjs";

after(closeBrowser);

test("data: a thousand photos, few of them in the document; arrow keys; a class and a split alone", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "data");
    await page.locator(".photo").first().waitFor();
    assert.ok(await page.locator(".photo").count() < 120);
    await page.locator('.photo[tabindex="0"]').focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.index), "1");
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction(() => document.querySelector('.photo[data-index="999"]'), null, { timeout: 15_000 });
    assert.ok(await page.locator(".photo").count() < 120);
    await page.locator(".class-bar").nth(2).click();
    await page.getByRole("button", { name: "testing", exact: true }).click();
    await page.waitForFunction(() => /split=testing/.test(location.hash) && /class=2/.test(location.hash));
    await page.waitForFunction(() => document.querySelector(".count")?.textContent.startsWith("20 "));
    await page.locator(".photo").first().click();
    await page.locator("dialog.lightbox img").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog.lightbox").waitFor({ state: "detached" });
  });
});

test("data: problems are named and shown", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "data");
    await page.getByRole("button", { name: "Problems", exact: true }).click();
    await page.getByText("The same file twice").waitFor();
    assert.ok(await page.locator(".problem .photo").count() >= 4);
    assert.match(await page.locator("main").innerText(), /notes\.txt/);
  });
});

test("results: a cell opens its photos, surest first; suspects; per cent", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "results");
    await page.locator('[data-cell="2,4"]').click();
    await page.waitForFunction(() => document.querySelectorAll(".gallery .photo").length === 3);
    const scores = (await page.locator(".verdict b").allInnerTexts()).map(Number.parseFloat);
    assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
    await page.getByRole("button", { name: "%", exact: true }).click();
    assert.equal(await page.locator('[data-cell="2,4"]').innerText(), "14 %");
    await page.locator('[data-cell="2,4"]').focus();
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.cell), "1,4");
    await page.getByRole("button", { name: "Likely mislabelled" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".gallery .photo").length === 9);
  });
});

test("try: a chosen photo, its answer, the heat map on top; another class; too large a file", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "try");
    const photo = await page.evaluate(async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 500, height: 333 });
      canvas.getContext("2d").fillRect(0, 0, 500, 333);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg"));
      return [...new Uint8Array(await blob.arrayBuffer())];
    });
    await page.locator('input[type="file"]').setInputFiles({ name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from(photo) });
    await page.locator(".answer-label").waitFor();
    assert.equal(await page.locator(".answer-label").innerText(), "daisy");
    assert.match(await page.locator(".timing").innerText(), /9\.4 ms/);
    await page.waitForFunction(() => {
      const map = document.querySelector("canvas.heat");
      if (!map?.width) return false;
      const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
      return data.some((v) => v > 0);
    });
    await page.getByRole("slider", { name: "Strength of the overlay" }).fill("0.2");
    assert.equal(await page.locator("canvas.heat").evaluate((e) => e.style.opacity), "0.2");
    await page.locator(".score").nth(1).click();
    await page.getByText("Warm places speak for sunflowers").waitFor();
    assert.ok(mock.requests.some((r) => /POST \/api\/classify\?.*class=3/.test(r)));
    await page.evaluate(() => {
      const input = document.querySelector('input[type="file"]');
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(21 * 1048576)], "b.jpg", { type: "image/jpeg" }));
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /21 MB/);
  });
});

test("try: the camera answers frame by frame, and its refusal is named", async () => {
  await withPage({}, async ({ page, mock, context }) => {
    await context.grantPermissions(["camera"]);
    await go(page, mock, "try");
    await page.getByRole("button", { name: "Camera" }).click();
    await page.locator(".answer-label").waitFor({ timeout: 10_000 });
    const before = mock.requests.filter((r) => r.includes("classify")).length;
    await page.waitForTimeout(1500);
    assert.ok(mock.requests.filter((r) => r.includes("classify")).length > before);
    await page.getByRole("button", { name: "Stop the camera" }).click();
    await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError")); });
    await page.getByRole("button", { name: "Camera" }).click();
    await page.getByText("the browser does not allow it").waitFor();
  });
});

test("train: folder, command, start, progress, finished, try", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "train?architecture=mobilenet_0.25_128");
    await page.getByRole("button", { name: "Browse" }).click();
    await page.getByRole("button", { name: "Use this: flower_photos" }).click();
    await page.waitForFunction(() => document.querySelector(".command code")?.textContent.match(/--image_dir=\/home\/me\/.*flower_photos --architecture=mobilenet_0.25_128/));
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByRole("progressbar").waitFor();
    await page.getByText(/about .* left/).waitFor();
    await page.locator(".finished-mark").waitFor({ timeout: 20_000 });
    assert.match(await page.locator("div.finished").innerText(), /91\.3 %/);
    assert.match(await page.locator(".log").textContent(), /Train accuracy/);
  });
});

// Their lines are some 20 pixels high; one that does not fit is broken all the same.
test("train: options of the command are kept whole where they fit", async () => {
  await withPage({ width: 390, height: 844 }, async ({ page, mock }) => {
    await go(page, mock, "train?architecture=mobilenet_0.25_128");
    await page.locator(".command code span", { hasText: "--architecture=" }).waitFor();
    const words = await page.locator(".command code span").evaluateAll((all) =>
      all.map((e) => ({ text: e.textContent, height: e.offsetHeight, beyond: e.scrollWidth > e.parentElement.clientWidth })));
    assert.ok(words.length > 2);
    for (const word of words) {
      assert.ok(!word.beyond, word.text);
      if (word.text.length < 30) assert.ok(word.height < 30, `${word.text}: ${word.height}`);
    }
    assert.match(await page.locator(".command code").textContent(), /^graft retrain --/);
  });
});

test("train: stop", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "train");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("heading", { name: "Stopped" }).waitFor();
    assert.ok(mock.requests.some((r) => r.startsWith("DELETE /api/jobs/")));
  });
});

test("models: one circle a configuration, installed ones marked, a way to train each", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "models");
    await page.locator(".bubble").first().waitFor();
    assert.equal(await page.locator(".bubble").count(), 17);
    assert.equal(await page.locator(".bubble.installed").count(), 12);
    await page.locator(".bubble.installed").first().focus();
    await page.locator(".bubble-tip").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash.startsWith("#/train?architecture="));
  });
});

test("weights: three views and the step slider", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "weights");
    await page.locator(".ridge").first().waitFor();
    const before = await page.locator(".hist-card svg").first().getAttribute("aria-label");
    await page.locator(".step-slider input").first().fill("3");
    assert.notEqual(await page.locator(".hist-card svg").first().getAttribute("aria-label"), before);
    await page.getByRole("button", { name: "Percentiles" }).click();
    await page.locator(".marker").first().waitFor({ state: "attached" });
  });
});

test("compare: what differs, the verdict, the photos", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "compare");
    const text = await page.locator("main").innerText();
    assert.match(text, /B is ahead by 1\.0 points, but the intervals overlap/);
    assert.match(text, /how_many_training_steps/);
    assert.equal(await page.locator('[data-cell="2,2"]').innerText(), "+2");
    await page.locator(".photo").first().scrollIntoViewIfNeeded();
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction(() => document.querySelectorAll(".photo").length === 3);
  });
});

test("graph: scopes open, the trail leads back, the search finds what is deep inside", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "graph");
    await page.locator('[data-node="MobilenetV1"]').click();
    await page.locator('[data-node="MobilenetV1/Conv2d_0_pointwise"]').waitFor();
    await page.getByRole("button", { name: "whole network" }).click();
    await page.getByRole("searchbox").fill("pointwise/relu6");
    await page.locator(".found button").first().click();
    await page.locator(".node.lit").waitFor();
  });
});
