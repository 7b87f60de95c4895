import { describe, expect, it } from "vitest";
import { EMPTY_LOG, type Log, withAdded, withEarlier, withNewest } from "./log";

interface Item {
  id: string;
}

/** Items `from` to `to` of a list that begins with 1. */
const page = (from: number, to: number) => ({
  nodes: Array.from({ length: to - from + 1 }, (_, place) => ({ id: String(from + place) })),
  pageInfo: { hasPreviousPage: from > 1, startCursor: `before ${from}` },
});

const numbers = (log: Log<Item>) => log.items.map(({ id }) => Number(id));

describe("a list that is read from its end", () => {
  it("keeps what was read when the newest move on", () => {
    const log = withNewest(withNewest<Item>(EMPTY_LOG, page(3, 5)), page(5, 7));
    expect(numbers(log)).toEqual([3, 4, 5, 6, 7]);
    expect(log.start).toBe("before 3");
  });

  it("begins anew where some in between were missed", () => {
    const log = withNewest(withNewest<Item>(EMPTY_LOG, page(3, 5)), page(7, 9));
    expect(numbers(log)).toEqual([7, 8, 9]);
    expect(log.start).toBe("before 7");
  });

  it("takes in one that was made before another and stored after it", () => {
    const whole = page(1, 3);
    const log = withNewest<Item>(EMPTY_LOG, { ...whole, nodes: [{ id: "1" }, { id: "3" }] });
    expect(numbers(withNewest(log, whole))).toEqual([1, 2, 3]);
  });

  it("shows what was added once, whichever way it comes first", () => {
    const added = { id: "3" };
    const log = withAdded(withAdded(withNewest<Item>(EMPTY_LOG, page(1, 2)), added), added);
    expect(numbers(withNewest(log, page(1, 3)))).toEqual([1, 2, 3]);
  });

  it("is read back to the first", () => {
    const log = withEarlier(withNewest<Item>(EMPTY_LOG, page(3, 5)), page(1, 2));
    expect(numbers(log)).toEqual([1, 2, 3, 4, 5]);
    expect(log.start).toBeNull();
  });
});
