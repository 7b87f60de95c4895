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

test("the last of more than a hundred messages is there", async ({ page, api }) => {
  const conversation = await api.startConversation(
    await api.createCustomer("Eva", "+525512340003"),
  );
  for (let number = 1; number <= 101; number++) {
    await api.recordMessage(conversation, `Message ${String(number)}`);
  }

  await page.goto(`/conversations/${conversation}`);

  await expect(page.getByText("Message 101", { exact: true })).toBeVisible();
});
