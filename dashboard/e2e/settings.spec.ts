import { readFile, writeFile } from "node:fs/promises";
import { expect, expectAccessible, test } from "./fixtures";

test("a preset is applied, and every label follows in the other browser", async ({
  openBrowser,
}) => {
  const [admin, other] = [await openBrowser(), await openBrowser()];
  await admin.goto("/settings/presets");

  await admin.locator("[data-preset=restaurant]").getByRole("button", { name: "Apply" }).click();

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
  await expect(preset).toHaveCount(0);

  await page.locator("input[type=file]").setInputFiles(file);

  await expect(preset).toBeVisible();
});

test("the history shows what changed, and everything goes back to the defaults", async ({
  page,
  api,
}) => {
  await page.goto("/settings/history");
  const change = page.locator("li", { hasText: "TERMINOLOGY" }).last();
  await change.getByText("Before / After").click();
  await expect(change.locator("pre").first()).toBeVisible();

  await page.getByRole("button", { name: "Reset everything" }).click();

  await expect(page.getByTestId("toast")).toContainText("Saved");
  const { configuration } = await api.query("{ configuration { terminology { ticketPlural } } }");
  expect(configuration).toEqual({ terminology: { ticketPlural: "reportes" } });
});

test("the settings are accessible", async ({ page }) => {
  for (const name of [
    "categories",
    "words",
    "targets",
    "assistant",
    "presets",
    "people",
    "history",
  ]) {
    await page.goto(`/settings/${name}`);
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await expectAccessible(page);
  }
});
