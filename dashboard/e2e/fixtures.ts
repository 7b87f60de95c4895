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

interface Fixtures {
  /** Another browser, signed in as somebody. */
  openBrowser: (email?: string) => Promise<Page>;
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
    await use(async (email = ADMIN) => {
      const context = await browser.newContext({ baseURL: server.url });
      await context.addInitScript(() => localStorage.setItem("tickets.language", "en"));
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

/** No violation of WCAG 2.2 A or AA that axe can find. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`,
  );
  expect(found).toEqual([]);
}

export const row = (page: Page, ticketId: string) => page.locator(`[data-ticket="${ticketId}"]`);
