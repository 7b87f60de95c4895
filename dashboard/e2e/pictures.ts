import { join } from "node:path";
import { type Page, expect, test } from "@playwright/test";
import { signIn } from "./fixtures";
import { ROOT, startServer } from "./server";

interface Picture {
  name: string;
  path: string | ((page: Page) => Promise<string>);
  width?: number;
  height?: number;
  theme?: "light" | "dark";
  /** Whether the README shows it; the others are to look at. */
  isPublished?: boolean;
}

const PICTURES: Picture[] = [
  { name: "dashboard", path: "/tickets", isPublished: true },
  { name: "dashboard-overview", path: "/overview", isPublished: true },
  { name: "ticket", path: firstTicket },
  { name: "assistant", path: "/settings/assistant", height: 1400 },
  { name: "categories", path: "/settings/categories" },
  { name: "list-dark", path: "/tickets", theme: "dark" },
  { name: "overview-dark", path: "/overview", theme: "dark" },
  { name: "list-phone", path: "/tickets", width: 390 },
  { name: "ticket-phone", path: firstTicket, width: 390, theme: "dark" },
  { name: "categories-phone", path: "/settings/categories", width: 390 },
];

test("pictures", async ({ browser }) => {
  test.setTimeout(300_000);
  const server = await startServer(["--demo"]);
  try {
    for (const {
      name,
      path,
      width = 1360,
      height = 800,
      theme = "light",
      isPublished,
    } of PICTURES) {
      const context = await browser.newContext({
        baseURL: server.url,
        viewport: { width, height },
      });
      await context.addInitScript((theme) => {
        localStorage.setItem("tickets.language", "en");
        localStorage.setItem("tickets.theme", theme);
      }, theme);
      const page = await context.newPage();
      await signIn(page);
      await page.goto(typeof path === "string" ? path : await path(page));
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await expect(page.getByTestId("connection")).toHaveAttribute("data-state", "live");
      await page.screenshot({
        path: isPublished
          ? join(ROOT, `docs/images/${name}.png`)
          : test.info().outputPath(`${name}.png`),
        animations: "disabled",
      });
      await context.close();
    }
  } finally {
    await server.stop();
  }
});

/** Of the tickets that are escalated, which show the most. */
async function firstTicket(page: Page): Promise<string> {
  await page.goto("/tickets?escalated=yes");
  return (await page.locator("[data-ticket] a").first().getAttribute("href")) ?? "/tickets";
}
