import { Injectable, inject, signal } from "@angular/core";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { Apollo } from "apollo-angular";
import type {
  AddTicketNoteInput,
  CreateTicketInput,
  EscalateTicketInput,
  LinkTicketsInput,
  TicketStatus,
  UpdateTicketInput,
} from "../schema.generated";
import { I18n } from "./i18n";
import { type Problem, outcomeOf } from "./problems";
import {
  AddNoteDocument,
  AssignDocument,
  ChangeStatusDocument,
  CreateTicketDocument,
  EscalateDocument,
  LiftEscalationDocument,
  LinkTicketsDocument,
  ResolveDocument,
  type TicketDetailsFragment,
  type TicketOutcomeFragment,
  UpdateTicketDocument,
} from "./ticket-actions.generated";
import { Toasts } from "./toasts";

export type Ticket = TicketDetailsFragment;
type Success = Extract<TicketOutcomeFragment, { __typename: "TicketPayload" }>;
type Refusal = Exclude<TicketOutcomeFragment, Success>;
type Edited = Partial<
  Pick<Ticket, "subject" | "description" | "priority" | "tags" | "subcategory">
>;

interface TicketKey {
  ticketId: string;
  version: number;
}

/** Two people changed the same field: what this one wanted, and what it is now. */
export interface Conflict {
  field: string;
  mine: string;
  theirs: string;
  applyMine: () => void;
}

interface Attempt<Input> {
  mutation: TypedDocumentNode<{ outcome: TicketOutcomeFragment }, { input: Input }>;
  input: Input;
  /** The ticket as it will be, shown until the server has answered. */
  optimistic?: Ticket;
  /** Which field it writes, and how to show its value: asked when somebody else changed it too. */
  writes?: { field: string; mine: string; show: (ticket: Ticket) => string };
}

/**
 * What people do to tickets. A change shows at once, and where it is refused goes back, with the
 * reason in a toast. A conflict over the same field is put into `conflict` for the user to settle;
 * one over another field is none, and is sent again.
 */
@Injectable({ providedIn: "root" })
export class TicketActions {
  private readonly apollo = inject(Apollo);
  private readonly toasts = inject(Toasts);
  private readonly i18n = inject(I18n);

  readonly conflict = signal<Conflict | null>(null);

  changeStatus(ticket: Ticket, status: TicketStatus, reason?: string): Promise<boolean> {
    return this.attempt({
      mutation: ChangeStatusDocument,
      input: { ...key(ticket), status, ...(reason && { reason }) },
      optimistic: { ...ticket, status },
      writes: {
        field: "status",
        mine: this.i18n.t().status[status],
        show: (current) => this.i18n.t().status[current.status],
      },
    });
  }

  assign(ticket: Ticket, assignee: Ticket["assignee"]): Promise<boolean> {
    const nobody = this.i18n.t().list.nobody;
    return this.attempt({
      mutation: AssignDocument,
      input: { ...key(ticket), assigneeId: assignee?.id ?? null },
      optimistic: { ...ticket, assignee },
      writes: {
        field: "assigneeId",
        mine: assignee?.name ?? nobody,
        show: (current) => current.assignee?.name ?? nobody,
      },
    });
  }

  /** One field at a time; `seen` is the version at which the user began to edit. */
  edit<Field extends keyof Edited>(
    ticket: Ticket,
    field: Field,
    value: Ticket[Field],
    seen = ticket.version,
  ): Promise<boolean> {
    const input: UpdateTicketInput = { ...key({ ...ticket, version: seen }), [field]: value };
    return this.attempt({
      mutation: UpdateTicketDocument,
      input,
      optimistic: { ...ticket, [field]: value },
      writes: {
        field,
        mine: this.show(field, value),
        show: (current) => this.show(field, current[field]),
      },
    });
  }

  recategorise(ticket: Ticket, category: Ticket["category"]): Promise<boolean> {
    return this.attempt({
      mutation: UpdateTicketDocument,
      input: { ...key(ticket), category: category.id },
      optimistic: { ...ticket, category },
      writes: {
        field: "category",
        mine: this.i18n.categoryLabel(category),
        show: (current) => this.i18n.categoryLabel(current.category),
      },
    });
  }

  resolve(ticket: Ticket, summary: string): Promise<boolean> {
    return this.attempt({
      mutation: ResolveDocument,
      input: { ...key(ticket), summary },
      optimistic: { ...ticket, status: "RESOLVED" },
    });
  }

  escalate(ticket: TicketKey, details: Pick<EscalateTicketInput, "reason" | "escalateToId">) {
    return this.attempt({ mutation: EscalateDocument, input: { ...key(ticket), ...details } });
  }

  liftEscalation(ticket: Ticket): Promise<boolean> {
    return this.attempt({
      mutation: LiftEscalationDocument,
      input: key(ticket),
      optimistic: { ...ticket, escalation: null },
    });
  }

  addNote(input: AddTicketNoteInput): Promise<boolean> {
    return this.attempt({ mutation: AddNoteDocument, input });
  }

  link(input: LinkTicketsInput): Promise<boolean> {
    return this.attempt({ mutation: LinkTicketsDocument, input });
  }

  /** The new ticket, or why there is none. */
  async create(input: CreateTicketInput): Promise<Ticket | Problem> {
    const outcome = await this.send({ mutation: CreateTicketDocument, input });
    return outcome.__typename === "TicketPayload" ? outcome.ticket : outcome;
  }

  /** Many at once, each as it is now. How many were refused. */
  async assignAll(ticketIds: string[], assigneeId: string | null): Promise<number> {
    return this.each(ticketIds, (ticketId) => ({
      mutation: AssignDocument,
      input: { ticketId, assigneeId },
    }));
  }

  async changeStatusOfAll(ticketIds: string[], status: TicketStatus): Promise<number> {
    return this.each(ticketIds, (ticketId) => ({
      mutation: ChangeStatusDocument,
      input: { ticketId, status },
    }));
  }

  private async each<Input>(
    ticketIds: string[],
    attempt: (ticketId: string) => Attempt<Input>,
  ): Promise<number> {
    let refused = 0;
    for (const ticketId of ticketIds) {
      const outcome = await this.send(attempt(ticketId));
      if (outcome.__typename === "TicketPayload") continue;
      refused++;
      this.toasts.show({ kind: "error", title: ticketId, detail: this.i18n.explain(outcome) });
    }
    return refused;
  }

  /** Whether it was carried out. */
  private async attempt<Input>(attempt: Attempt<Input>): Promise<boolean> {
    const outcome = await this.send(attempt);
    if (outcome.__typename === "TicketPayload") return true;
    if (outcome.__typename === "ConflictProblem") return this.settle(attempt, outcome);
    this.refuse(outcome);
    return false;
  }

  private async settle<Input>(
    attempt: Attempt<Input>,
    { changedFields, currentVersion, current }: Extract<Refusal, { __typename: "ConflictProblem" }>,
  ): Promise<boolean> {
    const { writes, optimistic: _, ...rest } = attempt;
    const again = () =>
      this.attempt({
        ...rest,
        input: { ...attempt.input, expectedVersion: currentVersion },
        writes,
      });
    if (!current || !writes || !changedFields.includes(writes.field)) return again();
    const theirs = writes.show(current);
    if (theirs === writes.mine) return true;
    this.conflict.set({
      field: writes.field,
      mine: writes.mine,
      theirs,
      applyMine: () => void again(),
    });
    return false;
  }

  private send<Input>({ mutation, input, optimistic }: Attempt<Input>) {
    return outcomeOf<TicketOutcomeFragment>(
      this.apollo.mutate({
        mutation,
        variables: { input },
        ...(optimistic && {
          optimisticResponse: {
            outcome: { __typename: "TicketPayload" as const, ticket: optimistic },
          },
        }),
      }),
    );
  }

  private refuse(problem: Problem): void {
    this.toasts.show({
      kind: "error",
      title: this.i18n.t().ticketPage.refused,
      detail: this.i18n.explain(problem),
    });
  }

  private show(field: keyof Edited, value: Ticket[keyof Edited]): string {
    if (field === "priority") return this.i18n.t().priority[value as Ticket["priority"]];
    return Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
}

function key({ ticketId, version }: TicketKey) {
  return { ticketId, expectedVersion: version };
}
