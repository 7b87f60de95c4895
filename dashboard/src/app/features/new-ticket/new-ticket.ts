import { Component, inject, input, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Router } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo } from "apollo-angular";
import { EMPTY, switchMap } from "rxjs";
import { Business } from "../../core/business";
import { PRIORITIES } from "../../core/enums";
import { showFaults } from "../../core/faults";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { isProblem } from "../../core/problems";
import { TicketActions } from "../../core/ticket-actions";
import { Toasts } from "../../core/toasts";
import type { CreateTicketInput, MessageAuthor, TicketPriority } from "../../schema.generated";
import type { Editor } from "../../ui/confirm";
import { FormField } from "../../ui/form-field";
import { CategoryIcon } from "../../ui/icons";
import type { CustomerSummaryFragment } from "../customers/customers.generated";
import { CustomerPicker } from "./customer-picker";
import { NewTicketForDocument } from "./new-ticket.generated";

const LONGEST_DESCRIPTION = 10_000;

@Component({
  selector: "app-new-ticket",
  imports: [CategoryIcon, CustomerPicker, FormField, LucideDynamicIcon, ReactiveFormsModule],
  templateUrl: "./new-ticket.html",
})
export class NewTicket implements Editor {
  private readonly apollo = inject(Apollo);
  private readonly router = inject(Router);
  private readonly actions = inject(TicketActions);
  private readonly toasts = inject(Toasts);
  protected readonly business = inject(Business);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;

  /** Ids from the address: for whom it is, or out of which conversation it comes. */
  readonly customer = input<string>();
  readonly conversation = input<string>();

  protected readonly chosen = signal<CustomerSummaryFragment | null>(null);
  protected readonly busy = signal(false);
  protected readonly problem = signal("");
  protected readonly priorities = PRIORITIES;
  protected readonly form = new FormGroup({
    category: new FormControl("", { nonNullable: true, validators: [Validators.required] }),
    subject: new FormControl("", {
      nonNullable: true,
      validators: [Validators.required, Validators.maxLength(200)],
    }),
    description: new FormControl("", {
      nonNullable: true,
      validators: [Validators.required, Validators.maxLength(LONGEST_DESCRIPTION)],
    }),
    priority: new FormControl<TicketPriority>("MEDIUM", { nonNullable: true }),
    tags: new FormControl("", { nonNullable: true }),
    address: new FormControl("", { nonNullable: true }),
    reference: new FormControl("", { nonNullable: true }),
  });
  /** The same for every attempt: a lost answer may have created it. */
  private readonly idempotencyKey = crypto.randomUUID();

  constructor() {
    titlePage(() => this.t().newTicket.title);
    toObservable(this.customer)
      .pipe(
        switchMap(() => {
          const id = this.conversation() ?? this.customer();
          return id ? this.apollo.query({ query: NewTicketForDocument, variables: { id } }) : EMPTY;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data }) => {
        const node = data?.node;
        if (node?.__typename === "Customer") this.chosen.set(node);
        else if (node?.__typename === "Conversation") {
          this.chosen.set(node.customer);
          this.quote(node.messages.nodes);
        }
      });
  }

  /** What the customer wrote, for the agent to shorten. */
  private quote(messages: readonly { author: MessageAuthor; text: string }[]): void {
    const { description } = this.form.controls;
    if (description.dirty) return;
    const said = messages.filter(({ author }) => author === "CUSTOMER").map(({ text }) => text);
    description.setValue(said.join("\n\n").slice(-LONGEST_DESCRIPTION));
  }

  isEdited(): boolean {
    return this.form.dirty;
  }

  protected async submit(): Promise<void> {
    this.form.markAllAsTouched();
    if (this.form.invalid || this.busy()) return;
    this.busy.set(true);
    this.problem.set("");
    const outcome = await this.actions.create(this.toInput());
    this.busy.set(false);
    if (isProblem(outcome)) {
      const { address: location, ...controls } = this.form.controls;
      const rest = showFaults(outcome, { ...controls, location });
      if (rest) this.problem.set(this.i18n.explain(rest));
      return;
    }
    this.form.markAsPristine();
    this.toasts.show({ kind: "success", title: this.t().newTicket.created(outcome.ticketId) });
    void this.router.navigate(["/tickets", outcome.ticketId]);
  }

  private toInput(): CreateTicketInput {
    const { tags, address, reference, ...details } = this.form.getRawValue();
    const listed = tags
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
    const conversationId = this.conversation();
    const customerId = this.chosen()?.id;
    return {
      ...details,
      tags: listed,
      ...((address || reference) && {
        location: { ...(address && { address }), ...(reference && { reference }) },
      }),
      ...(conversationId ? { conversationId } : customerId && { customerId }),
      idempotencyKey: this.idempotencyKey,
    };
  }
}
