// Pictures of every page, to look at:
//
//   node tests/pages/look.mjs OUT_DIR [--url http://127.0.0.1:6006/] [--only curves,try] [--lang en,zh]
//                             [--theme light,dark] [--width 1360] [--height 900] [--scenario full] [--full] [--jpeg]

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startMock } from "../mock_server.mjs";
import { launch, openPage } from "./browser.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const out = process.argv[2];
const pages = option("only", "home,data,models,train,curves,weights,results,try,compare,graph").split(",");
const mock = process.argv.includes("--url") ? null : await startMock({ scenario: option("scenario", "full") });
const url = mock?.url ?? option("url");
const jpeg = process.argv.includes("--jpeg");
await mkdir(out, { recursive: true });
const browser = await launch();
for (const language of option("lang", "en").split(",")) {
  for (const theme of option("theme", "light").split(",")) {
    const { context, page } = await openPage(browser, { language, theme, width: Number(option("width", 1360)), height: Number(option("height", 900)) });
    page.on("console", (m) => { if (m.type() === "error") console.log(`${m.text()}`); });
    page.on("pageerror", (e) => console.log(`page error: ${e.stack}`));
    for (const name of pages) {
      await page.goto(`${url}#/${name}`);
      await page.waitForTimeout(900);
      if (name.startsWith("try")) {
        await page.locator(".sample").first().click({ timeout: 1000 }).catch(() => undefined);
        await page.waitForTimeout(700);
      }
      const file = join(out, `${name.replace(/[^\w]+/g, "_")}-${language}-${theme}-${option("width", 1360)}.${jpeg ? "jpeg" : "png"}`);
      await page.screenshot({ path: file, fullPage: process.argv.includes("--full"), ...(jpeg ? { type: "jpeg", quality: 85 } : {}) });
    }
    await context.close();
  }
}
await browser.close();
await mock?.close();
