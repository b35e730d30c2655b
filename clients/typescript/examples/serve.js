// Serves this package to a browser, for the example page: `node examples/serve.js`, then open the
// address that it prints.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PORT = Number(process.env["PORT"] ?? 8080);
/** @type {Readonly<Record<string, string>>} */
const KINDS = { ".html": "text/html", ".js": "text/javascript" };

createServer(async ({ url = "/" }, response) => {
  // Normalized as an absolute path, so that none leads out of the folder.
  const path = normalize(join("/", decodeURIComponent(new URL(url, "http://x").pathname)));
  const kind = KINDS[extname(path)];
  const isShown = path.startsWith("/examples/") || path.startsWith("/dist/");
  const body = isShown && kind ? await readFile(join(ROOT, path)).catch(() => null) : null;
  response.writeHead(body === null ? 404 : 200, { "content-type": kind ?? "text/plain" });
  response.end(body ?? "not found\n");
}).listen(PORT, "localhost", () => {
  process.stdout.write(`http://localhost:${PORT}/examples/todo.html\n`);
});
