import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";
import { Api } from "./api";
import { ADMIN, PASSWORD, type Server, startServer } from "./server";

export { expect };

interface WorkerFixtures {
  server: Server;
  /** The API as the admin. */
  api: Api;
}

interface BrowserOptions {
  email?: string;
  /** Where the server is reached, if not directly. */
  url?: string;
  language?: "en" | "es";
  theme?: "light" | "dark";
  width?: number;
}

interface Fixtures {
  /** Another browser, signed in as the admin unless told otherwise. */
  openBrowser: (options?: BrowserOptions) => Promise<Page>;
  /** Signed in as the admin, on the list. */
  page: Page;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  api: [
    async ({ server }, use) => use(await Api.signIn(server.url, ADMIN, PASSWORD)),
    { scope: "worker" },
  ],
  openBrowser: async ({ browser, server }, use) => {
    const faults: string[] = [];
    await use(async ({ email, url = server.url, language = "en", theme, width = 1360 } = {}) => {
      const context = await browser.newContext({
        baseURL: url,
        viewport: { width, height: 860 },
      });
      const preferences = {
        "tickets.language": language,
        ...(theme && { "tickets.theme": theme }),
      };
      await context.addInitScript((chosen) => {
        for (const [key, value] of Object.entries(chosen)) localStorage.setItem(key, value);
      }, preferences);
      const page = await context.newPage();
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (message) => {
        if (/Content Security Policy|ERROR/.test(message.text())) faults.push(message.text());
      });
      await signIn(page, email);
      return page;
    });
    expect(faults).toEqual([]);
    await Promise.all(browser.contexts().map((context) => context.close()));
  },
  page: async ({ openBrowser }, use) => use(await openBrowser()),
});

export async function signIn(page: Page, email = ADMIN): Promise<void> {
  if (!page.url().includes("/sign-in")) await page.goto("/sign-in");
  await page.getByLabel(/E-mail|Correo/).fill(email);
  await page.getByLabel(/Password|Contraseña/).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

/** No violation of WCAG 2.2 A or AA that axe can find; `place` says where. */
export async function expectAccessible(page: Page, place: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`,
  );
  expect.soft(found, place).toEqual([]);
}

export const row = (page: Page, ticketId: string) => page.locator(`[data-ticket="${ticketId}"]`);
