// The page out of the real program, with a training of its own: photos that it draws itself and an
// untrained network, so that nothing else is needed. GRAFT names another program than build/graft.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { closeBrowser, go, PAGES, withPage } from "./support.mjs";

const graft = process.env.GRAFT ?? fileURLToPath(new URL("../../../build/graft", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "graft-page-"));
let board;

after(async () => {
  await closeBrowser();
  board?.kill("SIGINT");
  rmSync(folder, { recursive: true, force: true });
});

function run(...options) {
  const { status, stderr } = spawnSync(graft, options, { cwd: folder, encoding: "utf8", timeout: 300_000 });
  assert.equal(status, 0, stderr);
}

/** Starts the board and answers its address, or null when the page is not part of the program. */
async function startBoard() {
  board = spawn(graft, ["board", "--port=0"], { cwd: folder });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    const take = (chunk) => {
      said += chunk;
      const match = /http:\/\/[\d.:]+\//.exec(said);
      if (match) resolve(match[0]);
    };
    board.stdout.on("data", take);
    board.stderr.on("data", take);
    board.on("exit", () => reject(new Error(said)));
  });
  const page = await (await fetch(url)).text();
  return page.includes("assets/app.js") ? url : null;
}

test("the real program: an empty folder, a training from the page, its curves, results and a photo tried", async (t) => {
  if (!existsSync(graft)) return t.skip(`${graft} is not built`);
  run("sample", "--output=photos");
  const url = await startBoard();
  if (url === null) return t.skip("the page is not part of the program");
  await withPage({ mock: { url, close: () => undefined } }, async ({ page }) => {
    const mock = { url };
    await go(page, mock, "home");
    await go(page, mock, "train?architecture=untrained_mobilenet_0.25_128");
    await page.getByLabel("Photos", { exact: true }).fill(join(folder, "photos"));
    await page.getByRole("spinbutton", { name: /^Steps/ }).fill("60");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.locator(".finished-mark, .progress.failed").waitFor({ timeout: 240_000 });
    assert.equal(await page.locator(".progress.failed").count(), 0, await page.locator("main").innerText());
    for (const name of PAGES) await go(page, mock, name);
    await go(page, mock, "curves");
    await page.waitForFunction(() => Number(document.querySelector(".chart")?.getAttribute("aria-valuemax")) === 59, null, { timeout: 20_000 });
    await go(page, mock, "results");
    await page.locator(".cell.right, .cell.wrong").first().click();
    await page.locator(".gallery .photo").first().waitFor();
    await go(page, mock, "try");
    await page.locator(".sample").first().click();
    await page.locator(".answer-label").waitFor({ timeout: 20_000 });
  });
  return undefined;
});
