import { describe, expect, it } from "vitest";
import { convertToParamMap } from "@angular/router";
import { readListState, toFilter, toVariables, writeListState } from "./list-state";

const read = (params: Record<string, string>) => readListState(convertToParamMap(params));

describe("the state of the list", () => {
  it("comes back from the address as it was written", () => {
    const params = {
      status: "NEW,OPEN",
      priority: "URGENT",
      category: "billing,other",
      assignee: "me",
      escalated: "yes",
      tag: "vip",
      from: "2026-01-01",
      q: "lámpara rota",
      sort: "UPDATED_AT",
      dir: "asc",
      after: "cursor",
    };
    expect(writeListState(read(params))).toEqual(params);
  });

  it("leaves what is usual out of the address", () => {
    expect(writeListState(read({}))).toEqual({});
    expect(writeListState(read({ sort: "RESOLUTION_DUE_AT", dir: "asc" }))).toEqual({
      sort: "RESOLUTION_DUE_AT",
    });
  });

  it("ignores what somebody mistyped", () => {
    const state = read({ status: "NEW,NONSENSE", sort: "NAME", from: "yesterday" });
    expect(state).toMatchObject({ status: ["NEW"], sort: "CREATED_AT", from: "" });
  });

  it("asks for whole days", () => {
    const { createdAfter, createdBefore } = toFilter(
      read({ from: "2026-01-31", until: "2026-01-31" }),
    );
    expect(Date.parse(createdBefore ?? "") - Date.parse(createdAfter ?? "")).toBe(24 * 3_600_000);
  });

  it("goes back by asking for the last before a cursor", () => {
    const variables = toVariables(read({ before: "cursor" }));
    expect(variables).toMatchObject({ last: 50, before: "cursor" });
    expect(variables).not.toHaveProperty("first");
  });
});
