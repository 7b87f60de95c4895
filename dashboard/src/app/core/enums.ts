import type { SlaState, TicketOrderField, TicketPriority, TicketStatus } from "../schema.generated";

// In the order in which people expect them.
export const STATUSES: readonly TicketStatus[] = [
  "NEW",
  "OPEN",
  "IN_PROGRESS",
  "PENDING_CUSTOMER",
  "WAITING_INTERNAL",
  "RESOLVED",
  "CLOSED",
];
export const PRIORITIES: readonly TicketPriority[] = ["URGENT", "HIGH", "MEDIUM", "LOW"];
export const SLA_STATES: readonly SlaState[] = [
  "BREACHED",
  "AT_RISK",
  "PENDING",
  "PAUSED",
  "MET",
  "MISSED",
];
export const ORDER_FIELDS: readonly TicketOrderField[] = [
  "CREATED_AT",
  "UPDATED_AT",
  "PRIORITY",
  "RESOLUTION_DUE_AT",
];
