import { describe, expect, it } from "vitest";
import { differences } from "./differences";

describe("differences", () => {
  it("are told by field", () => {
    expect(differences({ one: 1, two: [1] }, { one: 1, two: [1, 2], three: null })).toEqual([
      { path: ["two", "2"], from: undefined, to: 2 },
      { path: ["three"], from: undefined, to: null },
    ]);
  });

  it("follow an item to its new place by its id", () => {
    const a = { id: "a", label: "A" };
    const b = { id: "b", label: "B" };
    expect(differences([a, b], [{ ...b, label: "Bee" }, a])).toEqual([
      { path: ["b", "label"], from: "B", to: "Bee" },
    ]);
  });

  it("are the order where nothing else is", () => {
    expect(
      differences({ all: [{ id: "a" }, { id: "b" }] }, { all: [{ id: "b" }, { id: "a" }] }),
    ).toEqual([{ path: ["all"], from: ["a", "b"], to: ["b", "a"] }]);
  });

  it("are none between equals", () => {
    expect(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([]);
  });
});
