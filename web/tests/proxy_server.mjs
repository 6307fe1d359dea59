// The page as it was just built, with a running `graft board` behind it: for working on the page.
//
//   node tests/proxy_server.mjs --api http://127.0.0.1:6006/ [--port 6008]

import { createServer, get, request } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const upstream = new URL(option("api", "http://127.0.0.1:6006/"));

const token = () => new Promise((resolve, reject) => {
  get(upstream, (answer) => {
    let text = "";
    answer.on("data", (chunk) => (text += chunk));
    answer.on("end", () => resolve(/graft-token" content="([^"]*)"/.exec(text)?.[1] ?? ""));
  }).on("error", reject);
});

async function answerPage(path, response) {
  const file = normalize(path === "/" ? "/index.html" : path);
  let body = await readFile(join(DIST, file));
  if (file === "/index.html") body = body.toString().replace("__GRAFT_TOKEN__", await token());
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
  response.end(body);
}

const server = createServer((asked, response) => {
  if (!asked.url.startsWith("/api/")) {
    answerPage(new URL(asked.url, upstream).pathname, response).catch(() => {
      response.writeHead(404);
      response.end();
    });
    return;
  }
  const { origin: _origin, ...headers } = asked.headers;
  const passed = request(new URL(asked.url, upstream), { method: asked.method, headers: { ...headers, host: upstream.host } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  asked.pipe(passed);
});
server.listen(Number(option("port", 6008)), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
