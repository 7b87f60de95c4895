export interface Difference {
  /** From the outside in: names of fields, ids of list items or their numbers from 1. */
  path: string[];
  from: unknown;
  to: unknown;
}

type Fields = Record<string, unknown>;

/** What is not the same in two values of JSON, as deep as they can be compared. */
export function differences(from: unknown, to: unknown, path: string[] = []): Difference[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  const before = toFields(from);
  const after = toFields(to);
  if (!before || !after) return [{ path, from, to }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const found = [...names].flatMap((name) =>
    differences(before[name], after[name], [...path, name]),
  );
  // All the same, but in another order.
  return found.length ? found : [{ path, from: Object.keys(before), to: Object.keys(after) }];
}

/** Items of a list go by their ids, where they have any. */
function toFields(value: unknown): Fields | null {
  if (typeof value !== "object" || value === null) return null;
  if (!Array.isArray(value)) return value as Fields;
  return Object.fromEntries(
    value.map((item: unknown, place) => {
      const id = typeof item === "object" && item !== null && (item as Fields)["id"];
      return [typeof id === "string" ? id : String(place + 1), item];
    }),
  );
}
