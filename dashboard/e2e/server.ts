import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const READY_WITHIN_MS = 120_000;

export const PASSWORD = "correct horse battery";
export const ADMIN = "admin@example.com";

export interface Server {
  url: string;
  port: number;
  stop: () => Promise<void>;
}

/** `tickets serve` on a free port, with an embedded database in a directory that it leaves empty. */
export async function startServer(
  options: string[] = [],
  settings: Record<string, string> = {},
): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "tickets-e2e-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(join(ROOT, ".venv/bin/tickets"), ["serve", ...options], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      TICKETS_DATA_DIR: join(directory, "data"),
      TICKETS_PORT: String(port),
      TICKETS_ADMIN_EMAIL: ADMIN,
      TICKETS_ADMIN_PASSWORD: PASSWORD,
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(join(directory, "server.log"));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  await untilReady(url, child);
  return {
    url,
    port,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("no free port");
  return address.port;
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error("the server ended");
    const answer = await fetch(`${url}/health/ready`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error("the server is not ready");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
