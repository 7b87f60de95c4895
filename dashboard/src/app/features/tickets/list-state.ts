import type { ParamMap, Params } from "@angular/router";
import { ORDER_FIELDS, PRIORITIES, SLA_STATES, STATUSES } from "../../core/enums";
import type {
  OrderDirection,
  SlaState,
  TicketFilter,
  TicketOrderField,
  TicketPriority,
  TicketStatus,
} from "../../schema.generated";
import type { TicketListQueryVariables } from "./tickets.generated";

/** What the list shows, all of it kept in the address. */
export interface ListState {
  status: TicketStatus[];
  priority: TicketPriority[];
  category: string[];
  sla: SlaState[];
  /** An agent's id, `me`, `nobody`, or empty for anyone. */
  assignee: string;
  escalated: boolean;
  tag: string;
  /** Days as in 2026-01-31, of this machine's time zone; both are included. */
  from: string;
  until: string;
  search: string;
  sort: TicketOrderField;
  direction: OrderDirection;
  /** At most one of these: the cursor from which this page goes on, or goes back. */
  after: string;
  before: string;
}

export const PAGE_SIZE = 50;

const DEFAULT_SORT: TicketOrderField = "CREATED_AT";

export function readListState(params: ParamMap): ListState {
  const sort = ORDER_FIELDS.find((each) => each === params.get("sort")) ?? DEFAULT_SORT;
  return {
    status: chosen(params, "status", STATUSES),
    priority: chosen(params, "priority", PRIORITIES),
    category: listed(params, "category"),
    sla: chosen(params, "sla", SLA_STATES),
    assignee: params.get("assignee") ?? "",
    escalated: params.get("escalated") === "yes",
    tag: params.get("tag") ?? "",
    from: day(params.get("from")),
    until: day(params.get("until")),
    search: params.get("q") ?? "",
    sort,
    direction:
      params.get("dir") === "asc" ? "ASC" : params.get("dir") === "desc" ? "DESC" : usual(sort),
    after: params.get("after") ?? "",
    before: params.get("before") ?? "",
  };
}

/** The address for `state`; what is as usual is left out. */
export function writeListState(state: ListState): Params {
  const params: Params = {
    status: state.status.join(),
    priority: state.priority.join(),
    category: state.category.join(),
    sla: state.sla.join(),
    assignee: state.assignee,
    escalated: state.escalated ? "yes" : "",
    tag: state.tag,
    from: state.from,
    until: state.until,
    q: state.search,
    sort: state.sort === DEFAULT_SORT ? "" : state.sort,
    dir: state.direction === usual(state.sort) ? "" : state.direction.toLowerCase(),
    after: state.after,
    before: state.before,
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ""));
}

export function toFilter(state: ListState): TicketFilter {
  const filter: TicketFilter = {};
  if (state.status.length) filter.status = state.status;
  if (state.priority.length) filter.priority = state.priority;
  if (state.category.length) filter.category = state.category;
  if (state.sla.length) filter.slaState = state.sla;
  if (state.assignee === "me") filter.assignedToMe = true;
  else if (state.assignee === "nobody") filter.unassigned = true;
  else if (state.assignee) filter.assigneeId = state.assignee;
  if (state.escalated) filter.escalated = true;
  if (state.tag) filter.tag = state.tag;
  if (state.from) filter.createdAfter = startOf(state.from, 0);
  if (state.until) filter.createdBefore = startOf(state.until, 1);
  return filter;
}

export function toVariables(state: ListState): TicketListQueryVariables {
  const page = state.before
    ? { last: PAGE_SIZE, before: state.before }
    : { first: PAGE_SIZE, ...(state.after && { after: state.after }) };
  return {
    ...page,
    filter: toFilter(state),
    orderBy: { field: state.sort, direction: state.direction },
    ...(state.search && { search: state.search }),
  };
}

/** How many filters narrow the list, without the search. */
export function countFilters(state: ListState): number {
  return Object.keys(toFilter(state)).length;
}

/** Deadlines are looked at soonest first, all else newest or most pressing first. */
function usual(sort: TicketOrderField): OrderDirection {
  return sort === "RESOLUTION_DUE_AT" ? "ASC" : "DESC";
}

function listed(params: ParamMap, name: string): string[] {
  return (params.get(name) ?? "").split(",").filter(Boolean);
}

function chosen<T extends string>(params: ParamMap, name: string, among: readonly T[]): T[] {
  const names = listed(params, name);
  return among.filter((each) => names.includes(each));
}

function day(value: string | null): string {
  return value && !Number.isNaN(Date.parse(value)) ? value : "";
}

function startOf(date: string, daysLater: number): string {
  const midnight = new Date(`${date}T00:00`);
  midnight.setDate(midnight.getDate() + daysLater);
  return midnight.toISOString();
}
