import { expect, expectAccessible, test } from "./fixtures";
import { FULL_SIZE } from "./full-size";

const SETTINGS = [
  "categories",
  "words",
  "targets",
  "assistant",
  "presets",
  "general",
  "people",
  "history",
];

// Every one of them at full size.
const LOOKS = (
  [
    { language: "en", theme: "light", width: 390 },
    { language: "es", theme: "dark", width: 390 },
    { language: "en", theme: "dark", width: 1360 },
    { language: "es", theme: "light", width: 1360 },
    { language: "en", theme: "dark", width: 390 },
    { language: "es", theme: "light", width: 390 },
    { language: "en", theme: "light", width: 1360 },
    { language: "es", theme: "dark", width: 1360 },
  ] as const
).slice(0, FULL_SIZE ? undefined : 2);

for (const look of LOOKS) {
  test(`every page is accessible: ${Object.values(look).join(", ")}`, async ({
    openBrowser,
    api,
    server,
  }) => {
    const customer = await api.createCustomer("Rosa", "+525512340001");
    const conversation = await api.startConversation(customer);
    await api.recordMessage(conversation, "It has been dark since yesterday.");
    const { ticketId } = await api.createTicket({ customerId: customer, tags: ["vip"] });
    const page = await openBrowser(look);
    for (const path of [
      "/tickets",
      "/tickets?status=CLOSED&q=nothing",
      `/tickets/${ticketId}`,
      `/tickets/${ticketId}?tab=activity`,
      `/tickets/${ticketId}?tab=related`,
      "/tickets/none",
      "/tickets/new",
      "/customers",
      `/customers/${customer}`,
      `/conversations/${conversation}`,
      "/overview",
      ...SETTINGS.map((name) => `/settings/${name}`),
      "/sign-in",
    ]) {
      await page.goto(server.url + path);
      await expect(page.locator("h1, app-empty").first()).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await expectAccessible(page, path);
      const overflows = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      expect.soft(overflows, `${path} scrolls sideways`).toBe(false);
    }
  });
}
