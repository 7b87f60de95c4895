import { expect, signIn, test } from "./fixtures";

test(
  "asks who comes, and returns to the page that was asked for",
  { tag: "@smoke" },
  async ({ browser, server, api }) => {
    const { ticketId } = await api.createTicket();
    const page = await browser.newPage({ baseURL: server.url });
    await page.goto(`/tickets?q=${ticketId}`);
    await expect(page).toHaveURL(/sign-in/);

    await signIn(page);

    await expect(page).toHaveURL(new RegExp(`tickets\\?q=${ticketId}`));
    await page.close();
  },
);

test("refuses a wrong password and keeps what was typed", async ({ browser, server }) => {
  const page = await browser.newPage({ baseURL: server.url });
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill("admin@example.com");
  await page.getByLabel("Password").fill("not the password");
  await page.keyboard.press("Enter");

  await expect(page.getByRole("alert").filter({ hasText: "wrong" })).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue("admin@example.com");
  await page.close();
});

test("a session survives a reload and ends in every tab at once", async ({ page }) => {
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Reportes");
  const other = await page.context().newPage();
  await other.goto("/tickets");
  await expect(other.getByRole("heading", { level: 1 })).toHaveText("Reportes");

  await page.locator("summary", { hasText: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();

  await expect(page).toHaveURL(/sign-in/);
  await expect(other).toHaveURL(/sign-in/);
});

test("a session is renewed before its token runs out", async ({ page }) => {
  const token = () =>
    page.evaluate(
      () =>
        (JSON.parse(localStorage.getItem("tickets.session") ?? "{}") as { accessToken: string })
          .accessToken,
    );
  const first = await token();
  await page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("tickets.session") ?? "{}") as object;
    localStorage.setItem("tickets.session", JSON.stringify({ ...session, expiresAt: Date.now() }));
  });

  await page.reload();

  await expect(page.getByTestId("count")).toContainText(/\d/);
  expect(await token()).not.toBe(first);
});
