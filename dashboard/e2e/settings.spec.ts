import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "./fixtures";

test("a preset is applied, and every label follows in the other browser", async ({
  openBrowser,
}) => {
  const [admin, other] = [await openBrowser(), await openBrowser()];
  await admin.goto("/settings/presets");

  await admin.locator("[data-preset=restaurant]").getByRole("button", { name: "Apply" }).click();
  await expect(admin.getByRole("dialog")).toContainText("It takes the place of: Categories");
  await admin.getByRole("dialog").getByRole("button", { name: "Apply" }).click();

  await expect(other.getByRole("heading", { level: 1 })).toHaveText("Casos", { timeout: 5_000 });
  await expect(other.getByRole("link", { name: "New caso" }).first()).toBeVisible();
});

test("categories are renamed, reordered and retired", async ({ page }) => {
  await page.goto("/settings/categories");
  const first = page.locator("[data-category]").first();
  const id = (await first.getAttribute("data-category")) ?? "";
  await first.getByLabel("Label", { exact: true }).fill("Renombrada");
  await first.getByLabel("Label in English").fill("Renamed");
  await first.getByRole("button", { name: /Move down/ }).click();
  await page.locator("[data-category]").first().getByLabel("Retired").check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByTestId("toast")).toContainText("Saved");

  await page.reload();
  await expect(page.locator("[data-category]").nth(1)).toHaveAttribute("data-category", id);
  await page.goto("/tickets/new");
  await expect(page.getByText("Renamed")).toBeVisible();
});

test("the number format is previewed before it is saved", async ({ page }) => {
  await page.goto("/settings/words");
  await page.getByLabel("Prefix").fill("MESA");
  await expect(page.getByTestId("number-preview")).toContainText("MESA-");
});

test("instructions are previewed as they are written", async ({ page }) => {
  await page.goto("/settings/assistant");
  await page.getByLabel("Instructions").fill("Be brief. You are {assistantName}.");
  await expect(page.getByTestId("assistant-preview")).toContainText("Be brief. You are ");
  await expect(page.getByTestId("assistant-preview")).not.toContainText("{assistantName}");
});

test("a preset is saved, exported, deleted and imported", async ({ page }, info) => {
  await page.goto("/settings/presets");
  await page.getByLabel(/Save the present/).fill("My place");
  await page.getByRole("button", { name: "Save" }).click();
  const preset = page.locator("[data-preset=my_place]");
  const download = page.waitForEvent("download");
  await preset.getByRole("button", { name: "Export" }).click();
  const file = info.outputPath("preset.json");
  await writeFile(file, await readFile(await (await download).path()));
  await preset.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(preset).toHaveCount(0);

  await page.locator("input[type=file]").setInputFiles(file);

  await expect(preset).toBeVisible();
});

test("the history shows what changed, and everything goes back to the defaults", async ({
  page,
  api,
}) => {
  await page.goto("/settings/history");
  const change = page.locator("[data-section=TERMINOLOGY]", { hasText: "restaurant" }).first();
  await expect(change).toContainText("Words · preset applied: restaurant");
  await change.locator("summary").click();
  await expect(change).toContainText("One ticket");
  await expect(change.locator("ins", { hasText: /^caso$/ })).toBeVisible();

  await page.getByRole("button", { name: "Reset everything" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset everything" }).click();

  await expect(page.getByTestId("toast")).toContainText("Saved");
  const { configuration } = await api.query("{ configuration { terminology { ticketPlural } } }");
  expect(configuration).toEqual({ terminology: { ticketPlural: "reportes" } });
});

test("a version of the history is restored", async ({ page, api }) => {
  const plural = async () => {
    const { configuration } = await api.query(
      "{ configuration { terminology { version ticketPlural } } }",
    );
    return (configuration as { terminology: { ticketPlural: string } }).terminology.ticketPlural;
  };
  const before = await plural();
  await page.goto("/settings/words");
  await page.getByLabel("Several").fill("expedientes");
  await page.getByRole("button", { name: "Save" }).first().click();
  await expect(page.getByLabel("Expedientes")).toBeVisible();

  await page.goto("/settings/history");
  const changes = page.locator("[data-section=TERMINOLOGY]");
  await expect(changes.first()).toContainText("edited");
  await changes.nth(1).getByRole("button", { name: "Restore" }).click();

  await expect(changes.first()).toContainText("restored to version");
  expect(await plural()).toBe(before);
});

test("a preset is looked at before it is applied", async ({ page, api }) => {
  await page.goto("/settings/presets");
  await page.locator("[data-preset=restaurant]").getByRole("button", { name: "Preview" }).click();

  const dialog = page.getByRole("dialog");
  const { preview } = await api.query(
    '{ preview: configurationPreview(presetId: "restaurant") { nextTicketId greeting } }',
  );
  const { nextTicketId, greeting } = preview as { nextTicketId: string; greeting: string };
  await expect(dialog).toContainText(nextTicketId);
  await expect(dialog).toContainText(greeting);
});

test("an icon is picked by keyboard", async ({ page }) => {
  await page.goto("/settings/categories");
  const category = page.locator("[data-category]").first();
  await category.locator("summary").focus();
  await page.keyboard.press("Enter");
  await category.getByRole("button", { name: "truck" }).press("Enter");

  await expect(category.locator("summary")).toContainText("truck");
  await expect(category.locator("summary")).toBeFocused();
});

test("what the assistant is told follows its instructions", async ({ page }) => {
  await page.goto("/settings/assistant");
  await expect(page.getByTestId("sync-state")).toHaveText("In step");
  const told = page.locator("app-assistant-sync li");
  const before = await told.count();
  await page.getByLabel("Instructions").fill("Answer in one line. You are {assistantName}.");
  await page.getByRole("button", { name: "Save" }).last().click();

  await expect(told).toHaveCount(before + 1);
  await told.first().locator("summary").click();
  await expect(told.first()).toContainText("Answer in one line.");
});

test("two admins edit the same section: both versions are shown, and one is chosen", async ({
  page,
  api,
}) => {
  await page.goto("/settings/targets");
  const urgent = page.locator("app-targets input").first();
  await urgent.fill("11");
  const { configuration } = await api.query(
    "{ configuration { slaTargets { version urgent { ...M } high { ...M } medium { ...M } low { ...M } } } } fragment M on SlaMinutes { firstResponseMinutes resolutionMinutes }",
  );
  const { version, ...stored } = (configuration as { slaTargets: { version: number } }).slaTargets;
  const theirs = { ...stored, urgent: { firstResponseMinutes: 12, resolutionMinutes: 240 } };
  await api.succeed(
    "updateSlaTargets",
    "UpdateSlaTargetsInput",
    { ...theirs, expectedVersion: version },
    "... on ConfigurationPayload { __typename }",
  );

  // What others save does not take away what is being typed.
  await expect(urgent).toHaveValue("11");
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.locator("del")).toHaveText("12");
  await expect(dialog.locator("ins")).toHaveText("11");
  await dialog.getByRole("button", { name: "Apply mine" }).click();

  await expect(page.getByTestId("toast")).toContainText("Saved");
  await page.reload();
  await expect(urgent).toHaveValue("11");
});

test("what is not saved is not lost by going elsewhere", async ({ page }) => {
  await page.goto("/settings/general");
  await page.getByLabel("Company").fill("Luz y Sombra");
  const elsewhere = page.getByRole("link", { name: "Overview" });

  await elsewhere.click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByLabel("Company")).toHaveValue("Luz y Sombra");

  await elsewhere.click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave without saving" }).click();
  await expect(page).toHaveURL(/overview/);
});

test("an agent is added, and told what is wrong with what was typed", async ({ page }) => {
  await page.goto("/settings/people");
  const form = page.locator("form", { has: page.getByLabel("Password") });
  await form.getByLabel("Name").fill("Olga Luna");
  await form.getByLabel("E-mail").fill("olga@example.com");
  await form.getByLabel("Password").fill("short");
  await form.getByRole("button", { name: "Add" }).click();
  await expect(form.getByRole("alert")).toContainText("characters");
  await expect(form.getByLabel("Name")).toHaveValue("Olga Luna");

  await form.getByLabel("Password").fill("correct horse battery");
  await form.getByRole("button", { name: "Add" }).click();
  const deactivate = page.getByRole("button", { name: "Deactivate: Olga Luna" });
  await deactivate.click();
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await expect(page.getByRole("button", { name: "Activate: Olga Luna" })).toBeVisible();
});
