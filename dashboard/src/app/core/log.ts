interface Item {
  id: string;
}

interface Page<T> {
  nodes: readonly T[];
  pageInfo: { hasPreviousPage: boolean; startCursor: string | null };
}

/** A list that is read from its end: what was read of it, the oldest first, nothing left out. */
export interface Log<T> {
  items: readonly T[];
  /** From where to read what came earlier; null where nothing did. */
  start: string | null;
}

export const EMPTY_LOG: Log<never> = { items: [], start: null };

/** With the list's newest items. Where they do not join up, only they are kept. */
export function withNewest<T extends Item>(log: Log<T>, newest: Page<T>): Log<T> {
  const { nodes, pageInfo } = newest;
  const ids = new Set(nodes.map(({ id }) => id));
  if (!pageInfo.hasPreviousPage || !log.items.some(({ id }) => ids.has(id))) {
    return { items: nodes, start: startOf(newest) };
  }
  // What is known and not among the newest came before them.
  return { ...log, items: [...log.items.filter(({ id }) => !ids.has(id)), ...nodes] };
}

/** With one that has just been added, if it is not there already. */
export function withAdded<T extends Item>(log: Log<T>, added: T): Log<T> {
  return log.items.some(({ id }) => id === added.id)
    ? log
    : { ...log, items: [...log.items, added] };
}

/** With the page that precedes it. */
export function withEarlier<T extends Item>(log: Log<T>, earlier: Page<T>): Log<T> {
  return { items: [...earlier.nodes, ...log.items], start: startOf(earlier) };
}

function startOf<T>({ pageInfo }: Page<T>): string | null {
  return pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
}
