import type { Page } from "@playwright/test";
import { Api } from "./api";
import { expect, signIn, test } from "./fixtures";
import { startModel } from "./model";
import { ADMIN, PASSWORD, startServer } from "./server";

/** As long as the shortest texts may be: 40 characters. */
const HOSTILE = "<img src=x data-hostile onerror=hack()>";
const SUCCESS = "{ __typename }";

/** Everything that a person or a bot can write, written as markup. */
async function writeEverywhere(api: Api) {
  const change = (name: string, input: object) =>
    api.succeed(
      name,
      `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`,
      input as Record<string, unknown>,
      `... on ConfigurationPayload ${SUCCESS}`,
    );
  const version = { expectedVersion: 1 };
  await change("updateTerminology", {
    ticketSingular: HOSTILE,
    ticketPlural: HOSTILE,
    createVerb: HOSTILE,
    customerNoun: HOSTILE,
    agentNoun: HOSTILE,
    resolveVerb: HOSTILE,
    ...version,
  });
  await change("updateTicketCategories", {
    categories: ["hostile", "other"].map((id) => ({
      id,
      label: HOSTILE,
      labelEn: HOSTILE,
      description: HOSTILE,
      // Also the name of something that every object has.
      icon: "constructor",
      color: "#EF4444",
    })),
    ...version,
  });
  await change("updateAssistant", {
    assistantName: HOSTILE,
    companyName: HOSTILE,
    primaryServiceIssue: HOSTILE,
    serviceType: HOSTILE,
    greetingMessage: HOSTILE,
    language: "en",
    ...version,
  });
  await change("updateInstructionsTemplate", { template: HOSTILE, ...version });
  await change("savePreset", { id: "hostile", label: HOSTILE });
  await api.createAgent(HOSTILE, "hostile@example.com", "AGENT", PASSWORD);
  const bot = await api.createBot(HOSTILE);
  const agent = await Api.signIn(api.url, "hostile@example.com", PASSWORD);

  const customer = await api.createCustomer(HOSTILE, "+525512340001");
  const conversation = await api.startConversation(customer);
  await bot.speakingFor(customer).recordMessage(conversation, HOSTILE);
  await agent.recordMessage(conversation, HOSTILE);
  const details = {
    subject: HOSTILE,
    description: HOSTILE,
    category: "hostile",
    subcategory: HOSTILE,
    tags: [HOSTILE],
    location: { address: HOSTILE, reference: HOSTILE },
  };
  const { ticketId } = await agent.createTicket({ ...details, conversationId: conversation });
  const other = await agent.createTicket(details);
  for (const visibility of ["INTERNAL", "PUBLIC"]) {
    await agent.ticket("addTicketNote", { ticketId, content: HOSTILE, visibility });
  }
  await agent.ticket("linkTickets", { ticketId, otherTicketId: other.ticketId, kind: "RELATED" });
  await agent.attach(ticketId, HOSTILE);
  await agent.ticket("updateTicket", { ticketId, subcategory: `${HOSTILE}!` });
  await agent.ticket("changeTicketStatus", { ticketId, status: "OPEN", reason: HOSTILE });
  await agent.ticket("escalateTicket", { ticketId, reason: HOSTILE });
  const done = { ticketId: other.ticketId };
  await agent.ticket("resolveTicket", { ...done, summary: HOSTILE });
  await bot
    .speakingFor(customer)
    .ticket("recordFeedback", { ...done, rating: 1, comment: HOSTILE })
    .catch(() => agent.ticket("recordFeedback", { ...done, rating: 1, comment: HOSTILE }));
  return { ticketId, resolved: other.ticketId, customer, conversation, agent, details };
}

/** Shown as it was written, and nothing made of it. */
async function expectHarmless(page: Page, place: string, isShown = true) {
  const { text, made, ran } = await page.evaluate(() => ({
    text:
      document.body.innerText +
      [...document.querySelectorAll("input, textarea")]
        .map((field) => (field as HTMLInputElement).value)
        .join(" "),
    // The dashboard itself has none.
    made: document.images.length,
    ran: "hacked" in window,
  }));
  expect.soft(made, `${place} renders markup`).toBe(0);
  expect.soft(ran, `${place} runs scripts`).toBe(false);
  if (isShown) expect.soft(text.toLowerCase(), place).toContain(HOSTILE.toLowerCase());
}

test("whatever anybody writes is text on every page", async ({ browser }) => {
  const model = await startModel([HOSTILE, HOSTILE]);
  const server = await startServer([], { OPENAI_API_KEY: "none", OPENAI_BASE_URL: model.url });
  const api = await Api.signIn(server.url, ADMIN, PASSWORD);
  const { ticketId, resolved, customer, conversation, agent, details } = await writeEverywhere(api);
  // Without the policy that would stop a script: here none is to get as far as that.
  const context = await browser.newContext({ baseURL: server.url, bypassCSP: true });
  await context.addInitScript(() => {
    localStorage.setItem("tickets.language", "en");
    Object.assign(window, { hack: () => Object.assign(window, { hacked: true }) });
  });
  const page = await context.newPage();
  await signIn(page);

  for (const path of [
    "/tickets",
    `/tickets?q=${encodeURIComponent(HOSTILE)}&tag=${encodeURIComponent(HOSTILE)}`,
    `/tickets/${ticketId}`,
    `/tickets/${ticketId}?tab=activity`,
    `/tickets/${ticketId}?tab=related`,
    `/tickets/${resolved}`,
    `/tickets/${resolved}?tab=activity`,
    "/tickets/new",
    `/tickets/new?conversation=${conversation}`,
    "/customers",
    `/customers/${customer}`,
    `/conversations/${conversation}`,
    "/overview",
    "/settings/categories",
    "/settings/words",
    "/settings/targets",
    "/settings/assistant",
    "/settings/presets",
    "/settings/general",
    "/settings/people",
    "/settings/history",
  ]) {
    await page.goto(path);
    await expect(page.locator("h1").first()).toBeVisible();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await page.evaluate(() => {
      for (const each of document.querySelectorAll("details")) each.open = true;
    });
    await expectHarmless(page, path);
  }

  // What comes while somebody looks: toasts, dialogs, an answer as it is written.
  await page.goto(`/tickets/${ticketId}`);
  // Again where the page did not listen yet.
  await expect(async () => {
    await agent.createTicket(details);
    await expect(page.getByTestId("toast").first()).toContainText(HOSTILE, { timeout: 2_000 });
  }).toPass();
  await expectHarmless(page, "a toast");
  await page.getByRole("button", { name: "Edit: Subject" }).click();
  await page.getByLabel("Subject", { exact: true }).fill(`Mine ${HOSTILE}`);
  await agent.ticket("updateTicket", { ticketId, subject: `Theirs ${HOSTILE}` });
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toContainText(`Theirs ${HOSTILE}`);
  await expectHarmless(page, "a conflict");
  await page.keyboard.press("Escape");
  await page.goto("/settings/presets");
  const preset = page.locator("[data-preset=hostile]");
  for (const name of ["Preview", "Apply", "Delete"]) {
    await preset.getByRole("button", { name }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await expectHarmless(page, name);
    await page.keyboard.press("Escape");
  }
  const asked = await api.startConversation(customer);
  await page.goto(`/conversations/${asked}`);
  const answered = api.ask(asked, HOSTILE);
  await expect(page.getByTestId("being-written")).toContainText(HOSTILE);
  await expectHarmless(page, "an answer");
  model.goOn();
  await answered;

  await context.close();
  await server.stop();
  await model.stop();
});
