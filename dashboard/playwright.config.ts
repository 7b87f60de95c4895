import { defineConfig } from "@playwright/test";

/** Against `tickets serve` with a database of its own, see `e2e/server.ts`. */
export default defineConfig({
  testDir: "e2e",
  fullyParallel: false,
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  globalTimeout: 15 * 60_000,
  use: {
    actionTimeout: 15_000,
    launchOptions: {
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      // Chromium's own sandbox does not work for root, as which containers run.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
    locale: "en",
    viewport: { width: 1360, height: 860 },
    screenshot: "only-on-failure",
  },
});
