// What holds for every page in both languages and both schemes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { createRequire } from "node:module";
import { closeBrowser, go, PAGES, withPage } from "./support.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const keys = [...readFileSync(new URL("../../i18n/en.ts", import.meta.url), "utf8").matchAll(/^ {2}"([\w.]+\.[\w.]+)":/gm)].map((m) => m[1]);
after(closeBrowser);

// Axe comes in through the debugger, not through the page, so that the policy stays as it is.
async function seriousFaults(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`);
}

for (const language of ["en", "zh"]) {
  for (const theme of ["light", "dark"]) {
    test(`axe finds nothing serious, no key shows: ${language}, ${theme}`, async () => {
      await withPage({ language, theme }, async ({ page, mock }) => {
        for (const name of PAGES) {
          await go(page, mock, name);
          if (name === "curves") await page.locator(".u-over").first().waitFor();
          if (name === "train") await page.locator(".button.large:enabled").waitFor();
          if (name === "try") {
            await page.locator(".sample").first().click();
            await page.locator(".answer-label").waitFor();
          }
          assert.deepEqual(await seriousFaults(page), [], `${name}, ${language}, ${theme}`);
          const text = await page.locator("body").innerText();
          for (const key of keys) assert.ok(!text.includes(key), `${name} shows ${key}`);
          assert.equal(await page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-CN" : "en");
          if (language === "zh") assert.match(await page.locator("h1").innerText(), /\p{Script=Han}/u);
        }
        await page.keyboard.press("?");
        await page.locator("dialog[open]").waitFor();
        assert.deepEqual(await seriousFaults(page), [], `help, ${language}, ${theme}`);
      });
    });
  }
}

test("an empty folder: axe finds nothing serious on any page", async () => {
  await withPage({ scenario: "empty" }, async ({ page, mock }) => {
    for (const name of PAGES) {
      await go(page, mock, name);
      assert.deepEqual(await seriousFaults(page), [], name);
    }
  });
});

test("a phone, 360 pixels wide: nothing sticks out", async () => {
  await withPage({ width: 360, height: 740 }, async ({ page, mock }) => {
    for (const name of PAGES) {
      await go(page, mock, name);
      if (name === "curves") await page.locator(".u-over").first().waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 360, `${name} is ${width} wide`);
    }
  });
});

test("the keyboard reaches every page, language and colours", async () => {
  await withPage({}, async ({ page, mock }) => {
    await go(page, mock, "home");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.className), "skip");
    for (const [i, name] of PAGES.entries()) {
      await page.keyboard.press(String((i + 1) % 10));
      await page.waitForFunction((hash) => location.hash.startsWith(hash), `#/${name}`);
    }
    const before = await page.evaluate(() => document.documentElement.dataset.theme);
    await page.keyboard.press("t");
    assert.notEqual(await page.evaluate(() => document.documentElement.dataset.theme), before);
    await page.keyboard.press("l");
    await page.waitForFunction(() => document.documentElement.lang === "zh-CN");
  });
});
