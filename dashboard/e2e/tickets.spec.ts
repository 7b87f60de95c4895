import { expect, expectAccessible, row, test } from "./fixtures";

test("a change in one browser moves the row in another within a second", async ({
  openBrowser,
  api,
}) => {
  const { ticketId } = await api.createTicket({ subject: "The gate does not open" });
  const [one, other] = [await openBrowser(), await openBrowser()];
  await expect(row(other, ticketId)).toContainText("New");

  await one.goto(`/tickets/${ticketId}`);
  await one.getByLabel("Change status").selectOption({ label: "In progress" });

  await expect(row(other, ticketId)).toContainText("In progress", { timeout: 1_000 });
});

test("a row leaves a filtered list when its ticket no longer fits", async ({
  openBrowser,
  api,
}) => {
  const { ticketId } = await api.createTicket({ tags: ["leaving"] });
  const page = await openBrowser();
  await page.goto("/tickets?tag=leaving&status=NEW");
  await expect(row(page, ticketId)).toBeVisible();

  await api.ticket("changeTicketStatus", { ticketId, status: "OPEN" });

  await expect(row(page, ticketId)).toHaveCount(0, { timeout: 1_500 });
  await expect(page.getByText("match")).toBeVisible();
});

test("a ticket that a bot opens appears, with a toast", async ({ page, api }) => {
  const bot = await api.createBot();
  const { ticketId } = await bot.createTicket({
    subject: "Opened elsewhere",
    customerPhone: "+525512349999",
  });

  await expect(page.getByTestId("toast")).toContainText(ticketId);
  await expect(row(page, ticketId)).toBeVisible();
});

test("filter, search and sort survive reload and back", async ({ page, api }) => {
  const { ticketId } = await api.createTicket({
    subject: "Lámparas del parque",
    priority: "URGENT",
  });
  await api.createTicket({ subject: "Lámparas del parque", priority: "LOW" });

  await page.locator("summary", { hasText: "Priority" }).click();
  await page.getByLabel("Urgent").check();
  await page.keyboard.press("Escape");
  await page.getByLabel("Search reportes").fill("lampara");
  await expect(page).toHaveURL(/priority=URGENT.*q=lampara/);
  await page.getByLabel("Sort by").selectOption({ label: "Deadline" });

  await expect(page.getByTestId("count")).toHaveText("1 reporte");
  await expect(row(page, ticketId)).toBeVisible();
  await page.reload();
  await expect(page.getByTestId("count")).toHaveText("1 reporte");
  await expect(page.getByLabel("Search reportes")).toHaveValue("lampara");
  await expect(page.getByLabel("Sort by")).toHaveValue("RESOLUTION_DUE_AT");

  await row(page, ticketId).getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Lámparas");
  await page.goBack();
  await expect(page).toHaveURL(/priority=URGENT.*q=lampara/);
  await expect(row(page, ticketId)).toBeVisible();
});

test("many tickets are assigned at once", async ({ page, api }) => {
  for (const number of [1, 2, 3]) {
    await api.createTicket({ subject: `Bulk ${String(number)}`, tags: ["bulk"] });
  }
  await page.goto("/tickets?tag=bulk");
  await page.getByLabel("Select all").check();
  await page.getByLabel("Assign to…").selectOption({ label: "Admin" });

  await expect(page.getByTestId("toast")).toContainText("3 changed");
  await expect(page.locator("tbody tr", { hasText: "Admin" })).toHaveCount(3);
});

test("the keyboard alone finds, walks and opens", async ({ page, api }) => {
  const first = await api.createTicket({ subject: "Keyboard one", tags: ["keys"] });
  const second = await api.createTicket({ subject: "Keyboard two", tags: ["keys"] });
  await page.goto("/tickets?tag=keys");
  await expect(row(page, first.ticketId)).toBeVisible();

  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("Next row");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await expect(page.getByLabel("Search reportes")).toBeFocused();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(row(page, first.ticketId).getByRole("link")).toBeFocused();
  await page.keyboard.press("k");
  await page.keyboard.press("x");
  await expect(row(page, second.ticketId).getByRole("checkbox")).toBeChecked();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(second.ticketId));
});

for (const width of [1360, 390]) {
  test(`the pages are accessible at ${String(width)} pixels, light and dark`, async ({
    page,
    api,
  }) => {
    const customer = await api.createCustomer("Rosa", "+525512340001");
    const { ticketId } = await api.createTicket({ customerId: customer, tags: ["vip"] });
    await page.setViewportSize({ width, height: 860 });
    for (const theme of ["light", "dark"]) {
      await page.evaluate((name) => localStorage.setItem("tickets.theme", name), theme);
      for (const path of [
        "/tickets",
        `/tickets/${ticketId}`,
        "/tickets/new",
        "/customers",
        `/customers/${customer}`,
        "/overview",
      ]) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
        await expectAccessible(page);
        const overflows = await page.evaluate(
          () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
        );
        expect(overflows, `${path} scrolls sideways`).toBe(false);
      }
    }
  });
}
