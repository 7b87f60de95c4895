import { Api } from "./api";
import { expect, test } from "./fixtures";
import { startModel } from "./model";
import { ADMIN, PASSWORD, startServer } from "./server";

test("the assistant's answer is shown while it is written, and the customer is taken over", async ({
  openBrowser,
}) => {
  const model = await startModel(["A technician comes", " tomorrow at nine."]);
  const server = await startServer([], { OPENAI_API_KEY: "none", OPENAI_BASE_URL: model.url });
  const api = await Api.signIn(server.url, ADMIN, PASSWORD);
  const conversation = await api.startConversation(
    await api.createCustomer("Ana", "+525512340002"),
  );
  const page = await openBrowser({ url: server.url });
  await page.goto(`/conversations/${conversation}`);
  await expect(page.getByText("Nothing was said yet.")).toBeVisible();

  const answered = api.ask(conversation, "When does somebody come?");
  const draft = page.getByTestId("being-written");
  await expect(draft).toContainText("A technician comes");
  await expect(draft).not.toContainText("tomorrow");
  await expect(page.getByText("When does somebody come?")).toBeVisible();
  model.goOn();
  await answered;

  await expect(page.getByText("A technician comes tomorrow at nine.")).toHaveCount(1);
  await expect(draft).toHaveCount(0);

  await page.getByRole("button", { name: "Take over" }).click();
  await page.getByLabel("Reply").fill("I am on my way.");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.locator("li", { hasText: "I am on my way." })).toBeVisible();
  await server.stop();
  await model.stop();
});

test("a conversation begins at its end, moves by itself, and is read back to its start", async ({
  page,
  api,
}) => {
  const conversation = await api.startConversation(
    await api.createCustomer("Eva", "+525512340003"),
  );
  for (let number = 1; number <= 60; number++) {
    await api.recordMessage(conversation, `Message ${String(number)}`);
  }
  const message = (number: number) => page.getByText(`Message ${String(number)}`, { exact: true });

  await page.goto(`/conversations/${conversation}`);
  await expect(message(60)).toBeInViewport();
  await expect(message(10)).toHaveCount(0);
  // What is sent by others is there at once: nothing asks for it every few seconds.
  await api.recordMessage(conversation, "Message 61");
  await expect(message(61)).toBeInViewport({ timeout: 2_000 });

  await page.getByRole("button", { name: "Earlier messages" }).click();
  await expect(message(1)).toHaveCount(1);
  await expect(page.locator("app-conversation-page ol li")).toHaveCount(61);
});
