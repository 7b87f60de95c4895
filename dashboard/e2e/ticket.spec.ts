import { readFile } from "node:fs/promises";
import { expect, test } from "./fixtures";

test(
  "both edit one ticket: the conflict is shown, and the user's choice stays",
  { tag: "@smoke" },
  async ({ openBrowser, api }) => {
    const { ticketId } = await api.createTicket({ subject: "Before" });
    const page = await openBrowser();
    await page.goto(`/tickets/${ticketId}`);
    await page.getByRole("button", { name: "Edit: Subject" }).click();
    await page.getByLabel("Subject", { exact: true }).fill("Mine");

    await api.ticket("updateTicket", { ticketId, subject: "Theirs" });
    await page.keyboard.press("Enter");

    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("Mine");
    await expect(dialog).toContainText("Theirs");
    await dialog.getByRole("button", { name: "Apply mine" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Mine");
    const { ticket } = await api.query(`{ ticket(ticketId: "${ticketId}") { subject } }`);
    expect(ticket).toEqual({ subject: "Mine" });
  },
);

test("edits of different fields both win without a question", async ({ page, api }) => {
  const { ticketId } = await api.createTicket({ subject: "Calm" });
  await page.goto(`/tickets/${ticketId}`);
  await page.getByRole("button", { name: "Edit: Subject" }).click();
  await page.getByLabel("Subject", { exact: true }).fill("Calmer");
  await api.ticket("updateTicket", { ticketId, priority: "HIGH" });
  await page.keyboard.press("Enter");

  // The page shows it before the server has it.
  await expect
    .poll(() => api.query(`{ ticket(ticketId: "${ticketId}") { subject priority } }`))
    .toEqual({ ticket: { subject: "Calmer", priority: "HIGH" } });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Calmer");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("a refused change goes back, with the reason", async ({ page, api }) => {
  const { ticketId } = await api.createTicket();
  await page.goto(`/tickets/${ticketId}`);
  await expect(page.getByTestId("status")).toHaveText("New");
  await page.route("**/graphql", (route) =>
    route.fulfill({
      json: {
        data: {
          outcome: { __typename: "SimpleProblem", code: "FORBIDDEN", message: "Not today." },
        },
      },
    }),
  );

  await page.getByLabel("Change status").selectOption({ label: "Open" });

  await expect(page.getByTestId("toast")).toContainText("Not today.");
  await expect(page.getByTestId("status")).toHaveText("New");
});

test("a ticket is worked on from note to resolution", async ({ page, api }) => {
  const { ticketId } = await api.createTicket();
  await page.goto(`/tickets/${ticketId}`);

  await page.getByRole("button", { name: "Assign to me" }).click();
  await expect(page.getByTestId("status")).toHaveText("Open");
  await page.getByRole("tab", { name: "Notes and activity" }).click();
  await page.getByLabel("Add a note").fill("Only for us.");
  await page.getByRole("button", { name: "Add internal note" }).click();
  await expect(page.locator("[data-visibility=INTERNAL]")).toContainText("Only for us.");
  await page.getByText("Public", { exact: true }).click();
  await page.getByLabel("Add a note").fill("We are on our way.");
  await page.getByRole("button", { name: "Send to usuario" }).click();
  await expect(page.locator("[data-visibility=PUBLIC]")).toContainText("on our way");
  await page.getByRole("button", { name: "Escalate" }).click();
  await page.getByLabel("Reason").fill("They call every hour.");
  await page.getByRole("dialog").getByRole("button", { name: "Escalate" }).click();
  await expect(page.getByRole("button", { name: "Lift escalation" })).toBeVisible();
  await page.getByRole("button", { name: "Resolver" }).click();
  await page.getByLabel("What was done").fill("A new lamp.");
  await page.getByRole("dialog").getByRole("button", { name: "Resolver" }).click();

  await expect(page.getByTestId("status")).toHaveText("Resolved");
  await expect(page.getByText("resolved it")).toBeVisible();
});

test("a new ticket for a new customer", { tag: "@smoke" }, async ({ page }) => {
  await page.keyboard.press("c");
  await page.getByLabel("Find a usuario by name or phone").fill("55 9876 5432");
  await page.getByRole("button", { name: /Record as new/ }).click();
  await page.getByLabel("Name").fill("Elena Paz");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("+525598765432")).toBeVisible();
  await page.getByRole("button", { name: "Create reporte" }).click();
  await expect(page.getByText("Required").first()).toBeVisible();

  await page.getByText("Other", { exact: true }).click();
  await page.getByLabel("Subject").fill("The lamp hums");
  await page.getByLabel("Description").fill("All night.");
  await page.getByRole("button", { name: "Create reporte" }).click();

  await expect(page.getByRole("heading", { level: 1 })).toContainText("The lamp hums");
  await expect(page.getByRole("link", { name: "Elena Paz" })).toBeVisible();
});

test("an agent sees no settings and cannot reach them by address", async ({ openBrowser, api }) => {
  await api.createAgent("Ana", "ana@example.com", "AGENT", "correct horse battery");
  const page = await openBrowser({ email: "ana@example.com" });

  await expect(page.getByRole("navigation", { name: "Main" })).not.toContainText("Settings");
  for (const address of ["/settings", "/settings/people", "/settings/history"]) {
    await page.goto(address);
    await expect(page).toHaveURL(/\/tickets/);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  }
});

test("the newest of more than a hundred changes comes first", async ({ page, api }) => {
  const { ticketId } = await api.createTicket();
  for (let number = 0; number < 105; number++) {
    await api.ticket("updateTicket", { ticketId, subject: `Number ${String(number)}` });
  }
  await api.ticket("addTicketNote", {
    ticketId,
    content: "Much happened.",
    visibility: "INTERNAL",
  });
  await api.ticket("escalateTicket", { ticketId, reason: "Too much" });

  await page.goto(`/tickets/${ticketId}?tab=activity`);

  const entries = page.locator("app-timeline li");
  await expect(entries.first()).toContainText("Too much");
  await expect(entries.last()).not.toContainText("opened it");
  await page.getByRole("button", { name: "Show more" }).click();
  await expect(entries).toHaveCount(1 + 105 + 2);
  await expect(entries.last()).toContainText("opened it");
});

test("a file is added, listed and downloaded", async ({ page, api }) => {
  const { ticketId } = await api.createTicket();
  await page.goto(`/tickets/${ticketId}`);

  const content = { name: "lamp.txt", mimeType: "text/plain", buffer: Buffer.from("It is dark.") };
  await page.locator("app-attachments input[type=file]").setInputFiles(content);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "lamp.txt" }).click();
  expect(await readFile(await (await download).path(), "utf-8")).toBe("It is dark.");

  const program = {
    name: "virus.exe",
    mimeType: "image/png",
    buffer: Buffer.from([0x4d, 0x5a, 0]),
  };
  await page.locator("app-attachments input[type=file]").setInputFiles(program);
  await expect(page.getByTestId("toast")).toContainText("The file was not added");
});
