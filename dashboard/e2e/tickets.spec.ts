import { expect, row, test } from "./fixtures";

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
  // On a phone it is among the filters.
  const sort = page.getByLabel("Sort by").filter({ visible: true });
  await sort.selectOption({ label: "Deadline" });

  await expect(page.getByTestId("count")).toHaveText("1 reporte");
  await expect(row(page, ticketId)).toBeVisible();
  await page.reload();
  await expect(page.getByTestId("count")).toHaveText("1 reporte");
  await expect(page.getByLabel("Search reportes")).toHaveValue("lampara");
  await expect(sort).toHaveValue("RESOLUTION_DUE_AT");

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

test("the keyboard alone finds, walks and opens", { tag: "@smoke" }, async ({ page, api }) => {
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
