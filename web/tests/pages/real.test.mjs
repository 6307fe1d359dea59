// The page out of the real program, as a newcomer meets it: in an empty folder, with nothing but the
// page; photos that the program draws itself and an untrained network, so that nothing else is needed. GRAFT names another program than build/graft.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  board?.kill();
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

/** A few frames of video: the left half red, the right half blue (YUV4MPEG2, BT.601). */
function makeCamera(file) {
  const width = 320, height = 240;
  const plane = (w, h, left, right) => {
    const row = Buffer.concat([Buffer.alloc(w / 2, left), Buffer.alloc(w / 2, right)]);
    return Buffer.concat(Array(h).fill(row));
  };
  const frame = Buffer.concat([Buffer.from("FRAME\n"), plane(width, height, 81, 41),
    plane(width / 2, height / 2, 90, 240), plane(width / 2, height / 2, 240, 110)]);
  writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), ...Array(5).fill(frame)]));
}

/** Keeps the photo that the page asks about last. */
const keepAsked = (page) => page.addInitScript(() => {
  const ask = globalThis.fetch;
  globalThis.fetch = (address, options) => {
    if (String(address).includes("api/classify")) globalThis.asked = options.body;
    return ask(address, options);
  };
});

/** The mean colour of the left and the right half of that photo. */
const halvesOfAsked = (page) => page.evaluate(async () => {
  const bitmap = await createImageBitmap(globalThis.asked);
  const canvas = Object.assign(document.createElement("canvas"), { width: 2, height: 1 });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, 2, 1);
  const { data } = pen.getImageData(0, 0, 2, 1);
  return [[...data.slice(0, 3)], [...data.slice(4, 7)]];
});

let url = null;
const camera = join(folder, "camera.y4m");

test("the real program: from an empty folder to a classified picture of the camera, by clicks alone", async (t) => {
  if (!existsSync(graft)) return t.skip(`${graft} is not built`);
  url = await startBoard();
  if (url === null) return t.skip("the page is not part of the program");
  makeCamera(camera);
  await withPage({ mock: { url, close: () => undefined }, camera }, async ({ page, context }) => {
    await context.grantPermissions(["camera"]);
    await keepAsked(page);
    await page.goto(url);
    await page.locator(".step.next").getByRole("link", { name: "Choose a folder" }).click();
    await page.getByRole("button", { name: "Have some flowers drawn" }).click();
    await page.waitForFunction(() => document.querySelector("#image-dir")?.value.endsWith("sample_photos"), null, { timeout: 120_000 });
    // The one that is proposed would be downloaded; the page says what to take without the internet.
    await page.getByText("without the internet, take one that is built in").waitFor();
    await page.getByLabel("Network").selectOption("untrained_mobilenet_0.25_128");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.locator(".finished-mark, .progress.failed").waitFor({ timeout: 240_000 });
    assert.equal(await page.locator(".progress.failed").count(), 0, await page.locator("main").innerText());
    await page.locator("div.finished").getByRole("link", { name: "Try a photo" }).click();
    await page.getByRole("button", { name: "Camera" }).click();
    await page.locator(".answer-label").waitFor({ timeout: 20_000 });
    const labels = readFileSync(join(folder, "tf_files/retrained_labels.txt"), "utf8").trim().split("\n");
    assert.equal(labels.length, 5);
    assert.ok(labels.includes(await page.locator(".answer-label").innerText()));
    // It was the camera's picture that was asked about.
    const [left, right] = await halvesOfAsked(page);
    assert.ok(left[0] - left[2] > 100 && right[2] - right[0] > 100, `${left} and ${right}`);
  });
  return undefined;
});

test("the real program: curves, results and a photo tried, of that training", async (t) => {
  if (url === null) return t.skip("no board runs");
  await withPage({ mock: { url, close: () => undefined } }, async ({ page }) => {
    const mock = { url };
    for (const name of PAGES) await go(page, mock, name);
    await go(page, mock, "curves");
    await page.waitForFunction(() => Number(document.querySelector(".chart")?.getAttribute("aria-valuemax")) === 499, null, { timeout: 20_000 });
    await go(page, mock, "results");
    await page.locator(".cell.right, .cell.wrong").first().click();
    await page.locator(".gallery .photo").first().waitFor();
    await go(page, mock, "try");
    await page.locator(".sample").first().click();
    await page.locator(".answer-label").waitFor({ timeout: 20_000 });
  });
  return undefined;
});

test("the real program: a class that is called <img src=x> is text on every page", async (t) => {
  if (url === null) return t.skip("no board runs");
  const [one, two] = readdirSync(join(folder, "tf_files/sample_photos")).sort();
  const odd = "<img src=x>";
  cpSync(join(folder, "tf_files/sample_photos", one), join(folder, "odd", odd), { recursive: true });
  cpSync(join(folder, "tf_files/sample_photos", two), join(folder, "odd", "<b>&amp;\"'"), { recursive: true });
  run("retrain", "--image_dir=odd", "--labels=verbatim", "--architecture=untrained_mobilenet_0.25_128", "--how_many_training_steps=20",
    "--summaries_dir=tf_files/training_summaries/odd", "--output_graph=odd.pb", "--output_labels=odd.txt");
  await withPage({ mock: { url, close: () => undefined } }, async ({ page }) => {
    let seen = 0;
    for (const name of PAGES) {
      await go(page, { url }, name);
      seen += Number((await page.locator("main").innerText()).includes(odd));
      assert.equal(await page.locator('img[src="x"]').count(), 0, name);
    }
    assert.ok(seen >= 3, `shown on ${seen} pages`);
  });
  return undefined;
});
