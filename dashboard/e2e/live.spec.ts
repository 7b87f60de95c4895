import type { Page } from "@playwright/test";
import { expect, row, test } from "./fixtures";
import { FULL_SIZE } from "./full-size";
import { Wire } from "./wire";

const AWAY_MS = FULL_SIZE ? 20_000 : 3_000;
const FEED_MS = FULL_SIZE ? 60_000 : 10_000;
const BETWEEN_EVENTS_MS = 1000 / 20;

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

test("a ticket that the assistant's tool call opens appears, with a toast", async ({
  page,
  api,
}) => {
  const customerId = await api.createCustomer("Ana", "+525512349999");
  const bot = await api.createBot();

  // From the moment at which the page was read, it hears of everything.
  await expect(page.getByTestId("count")).toContainText(/\d/);
  const ticketId = await bot.callTool(customerId, "create_ticket_report", {
    subject: "Opened by the assistant",
    description: "Dark since yesterday.",
    category: "other",
  });

  await expect(page.getByTestId("toast")).toContainText(ticketId);
  await expect(row(page, ticketId)).toContainText("Opened by the assistant");
});

test("the network drops while thirty things change, and the list is right by resume", async ({
  openBrowser,
  api,
  server,
}) => {
  const wire = await Wire.to(server.port);
  const tickets = [];
  for (let number = 0; number < 15; number++) {
    tickets.push(await api.createTicket({ subject: "Before", tags: ["drop"] }));
  }
  const page = await openBrowser({ url: wire.url });
  const feed = watchFeed(page);
  await page.goto("/tickets?tag=drop");
  await expect(page.locator("[data-ticket]")).toHaveCount(15);
  await page.evaluate(() => Object.assign(window, { isTheSamePage: true }));
  const [first] = tickets;
  if (!first) throw new Error("no ticket");
  await api.ticket("updateTicket", { ticketId: first.ticketId, subject: "Seen live" });
  await expect(row(page, first.ticketId)).toContainText("Seen live");

  const away = Date.now();
  wire.cut();
  await expect(page.getByTestId("connection")).toHaveAttribute("data-state", "offline");
  const changes = new Set<string>();
  for (const { ticketId } of tickets) {
    const { version } = await api.ticket("changeTicketStatus", { ticketId, status: "OPEN" });
    changes.add(`${ticketId} ${String(version)}`);
    const renamed = await api.ticket("updateTicket", { ticketId, subject: "While away" });
    changes.add(`${ticketId} ${String(renamed.version)}`);
  }
  expect(changes.size).toBe(30);
  await page.waitForTimeout(Math.max(0, AWAY_MS - (Date.now() - away)));
  wire.mend();

  await expect(page.locator("[data-ticket]", { hasText: "While away" })).toHaveCount(15, {
    timeout: 15_000,
  });
  await expect(page.locator("[data-ticket]", { hasText: "Open" })).toHaveCount(15);
  await expect(page.getByTestId("connection")).toHaveAttribute("data-state", "live");
  expect(await page.evaluate(() => "isTheSamePage" in window)).toBe(true);
  await expect
    .poll(() => feed.events.filter((event) => changes.has(event)).sort(), "each was told once")
    .toEqual([...changes].sort());
  expect(feed.resumed, "subscribed again from the cursor").toBe(true);
  expect(feed.resyncs).toBe(0);
  await wire.remove();
});

test("a busy feed leaves the list responsive, and its memory flat", async ({ page, api }) => {
  test.setTimeout(FEED_MS + 60_000);
  const tickets: string[] = [];
  for (let number = 0; number < 30; number++) {
    const { ticketId } = await api.createTicket({ subject: `Busy ${String(number)}` });
    tickets.push(ticketId);
  }
  await expect(row(page, tickets.at(-1) ?? "")).toBeVisible();
  const cdp = await page.context().newCDPSession(page);
  const heap = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { usedSize } = await cdp.send("Runtime.getHeapUsage");
    return usedSize / 1e6;
  };
  let told = 0;
  const tell = async (milliseconds: number) => {
    const began = Date.now();
    const sent: Promise<unknown>[] = [];
    for (let turn = 0; turn * BETWEEN_EVENTS_MS < milliseconds; turn++) {
      const early = Math.max(0, began + turn * BETWEEN_EVENTS_MS - Date.now());
      await new Promise((resolve) => setTimeout(resolve, early));
      const ticketId = tickets[told % tickets.length];
      sent.push(api.ticket("updateTicket", { ticketId, subject: `Busy, ${String(told++)} times` }));
    }
    await Promise.all(sent);
    return sent.length / ((Date.now() - began) / 1000);
  };
  await tell(FEED_MS / 5);
  const before = await heap();
  await watchInteractions(page);

  const rate = tell((FEED_MS * 4) / 5);
  const isOver = rate.then(() => true);
  while (!(await Promise.race([isOver, page.waitForTimeout(100)]))) {
    for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
  }
  const delays = await interactionDelays(page);
  await expect(page.locator("tbody")).toContainText(`Busy, ${String(told - 1)} times`);
  // Were anything of each event kept, it would be some 13 kB.
  const mayGrow = FULL_SIZE ? 3 : 1.5;
  let grown = Infinity;
  // What is on its way when it ends, such as a highlight, goes within seconds; a leak stays.
  await expect
    .poll(async () => (grown = (await heap()) - before), { timeout: 20_000 })
    .toBeLessThan(mayGrow);

  const late = delays.at(Math.floor(delays.length * 0.98)) ?? 0;
  console.log(
    `  ${(await rate).toFixed(0)} events a second: 98 in 100 of ${String(delays.length)} keys shown ` +
      `within ${late.toFixed(0)} ms, the slowest ${(delays.at(-1) ?? 0).toFixed(0)} ms; ` +
      `memory ${grown.toFixed(1)} MB more than ${before.toFixed(1)}`,
  );
  expect(delays.length).toBeGreaterThan(20);
  // 200 ms are good by the measure of Web Vitals, 500 poor; the machine may have other work.
  expect(late).toBeLessThan(500);
});

/** What the page's WebSockets carry of the feed. */
function watchFeed(page: Page): { events: string[]; resyncs: number; resumed: boolean } {
  const seen = { events: [] as string[], resyncs: 0, resumed: false };
  const items = new Set<string>();
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => {
      const {
        type,
        id,
        payload: operation,
      } = JSON.parse(String(payload)) as {
        type: string;
        id: string;
        payload?: { operationName: string; variables: { filter: object; after?: string } };
      };
      if (type !== "subscribe" || operation?.operationName !== "TicketFeed") return;
      // The shell listens to everything, for its toasts; the list to what it shows.
      if (!Object.keys(operation.variables.filter).length) return;
      items.add(id);
      seen.resumed ||= Boolean(operation.variables.after);
    });
    socket.on("framereceived", ({ payload }) => {
      const {
        type,
        id,
        payload: result,
      } = JSON.parse(String(payload)) as {
        type: string;
        id: string;
        payload?: { data: { item: { __typename: string; ticketId: string; version: number } } };
      };
      if (type !== "next" || !items.has(id) || !result) return;
      const { __typename, ticketId, version } = result.data.item;
      if (__typename === "FeedResyncRequired") seen.resyncs++;
      else seen.events.push(`${ticketId} ${String(version)}`);
    });
  });
  return seen;
}

/** Takes down how long after each key the page shows what it did. */
function watchInteractions(page: Page): Promise<void> {
  return page.evaluate(() => {
    const delays: number[] = [];
    Object.assign(window, { delays });
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries()) {
        if (name === "keydown") delays.push(duration);
      }
    }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
  });
}

/** In milliseconds, the shortest first. */
function interactionDelays(page: Page): Promise<number[]> {
  return page.evaluate(() =>
    (window as unknown as { delays: number[] }).delays.sort((a, b) => a - b),
  );
}
