import { describe, expect, it } from "vitest";
import { formatDuration, readSla, type SlaTarget } from "./sla";

const dueAt = "2026-01-01T12:00:00.000Z";
const due = Date.parse(dueAt);
const hour = 3_600_000;
const target: SlaTarget = {
  state: "PENDING",
  dueAt,
  elapsedSeconds: 0,
  remainingSeconds: 4 * 3600,
};

describe("an SLA target", () => {
  it("is at risk once three quarters of its time are used", () => {
    expect(readSla(target, due - 1.01 * hour).state).toBe("PENDING");
    expect(readSla(target, due - hour).state).toBe("AT_RISK");
  });

  it("is breached as soon as it is overdue, and counts on", () => {
    expect(readSla(target, due + 90_000)).toEqual({ state: "BREACHED", remainingSeconds: -90 });
  });

  it("stands still while paused", () => {
    const paused: SlaTarget = { ...target, state: "PAUSED", remainingSeconds: 600 };
    expect(readSla(paused, due + hour)).toEqual({ state: "PAUSED", remainingSeconds: 600 });
  });
});

describe("a duration", () => {
  it.each([
    [249, "4:09"],
    [-61, "1:01"],
    [1_800, "30 min"],
    [7_500, "2 h 05 min"],
    [273_600, "3 d 4 h"],
  ])("of %i s reads %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
