import { Component, computed, inject, input, output, signal } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Business } from "../../core/business";
import { I18n } from "../../core/i18n";
import { type Ticket, TicketActions } from "../../core/ticket-actions";
import { Dialog } from "../../ui/dialog";

/** The steps that need words. */
export type Action = "resolve" | "escalate" | "close" | "reopen";

// The reasons for which the API closes what nobody resolved.
const CLOSING_REASONS = ["duplicate", "spam", "withdrawn"] as const;
type ClosingReason = (typeof CLOSING_REASONS)[number];

@Component({
  selector: "app-action-dialog",
  imports: [Dialog, ReactiveFormsModule],
  template: `
    <app-dialog #dialog [heading]="heading()" (closed)="closed.emit()">
      <form class="space-y-4" [formGroup]="form" (ngSubmit)="submit(dialog)">
        @if (action() === "close") {
          <label class="block">
            <span class="label">{{ t().ticketPage.reason }}</span>
            <select class="field" formControlName="closingReason">
              @for (reason of closingReasons; track reason) {
                <option [value]="reason">{{ t().ticketPage.closeWhy[reason] }}</option>
              }
            </select>
          </label>
        } @else {
          <label class="block">
            <span class="label">{{
              action() === "resolve" ? t().ticketPage.summary : t().ticketPage.reason
            }}</span>
            <textarea class="field" rows="4" formControlName="words"></textarea>
          </label>
        }
        @if (action() === "escalate") {
          <label class="block">
            <span class="label">{{ t().ticketPage.escalateTo }}</span>
            <select class="field" formControlName="escalateToId">
              <option value="">{{ t().ticketPage.nobodyInParticular }}</option>
              @for (agent of business.agents(); track agent.id) {
                <option [value]="agent.id">{{ agent.name }}</option>
              }
            </select>
          </label>
        }
        <div class="flex justify-end gap-2">
          <button type="button" class="btn" (click)="dialog.close()">{{ t().cancel }}</button>
          <button class="btn btn-primary" [disabled]="isIncomplete() || busy()">
            {{ label() }}
          </button>
        </div>
      </form>
    </app-dialog>
  `,
})
export class ActionDialog {
  private readonly actions = inject(TicketActions);
  protected readonly business = inject(Business);
  protected readonly t = inject(I18n).t;

  readonly action = input.required<Action>();
  readonly ticket = input.required<Ticket>();
  readonly closed = output();

  protected readonly closingReasons = CLOSING_REASONS;
  protected readonly busy = signal(false);
  protected readonly form = new FormGroup({
    words: new FormControl("", { nonNullable: true, validators: [Validators.pattern(/\S/)] }),
    closingReason: new FormControl<ClosingReason>("withdrawn", { nonNullable: true }),
    escalateToId: new FormControl("", { nonNullable: true }),
  });

  protected readonly heading = computed(() => {
    const t = this.t().ticketPage;
    const headings = {
      resolve: t.resolveTitle,
      escalate: t.escalateTitle,
      close: t.closeTitle,
      reopen: t.reopenTitle,
    };
    return headings[this.action()](this.ticket().ticketId);
  });
  protected readonly label = computed(() => {
    const t = this.t();
    const { resolve, escalate, reopen } = t.ticketPage;
    return { resolve, escalate, reopen, close: t.close }[this.action()];
  });

  protected isIncomplete(): boolean {
    return this.action() !== "close" && !this.form.controls.words.value.trim();
  }

  protected async submit(dialog: Dialog): Promise<void> {
    if (this.isIncomplete() || this.busy()) return;
    this.busy.set(true);
    const done = await this.carryOut();
    this.busy.set(false);
    if (done) dialog.close();
  }

  private carryOut(): Promise<boolean> {
    const ticket = this.ticket();
    const { words, closingReason, escalateToId } = this.form.getRawValue();
    switch (this.action()) {
      case "resolve":
        return this.actions.resolve(ticket, words);
      case "escalate":
        return this.actions.escalate(ticket, {
          reason: words,
          ...(escalateToId && { escalateToId }),
        });
      case "close":
        return this.actions.changeStatus(ticket, "CLOSED", closingReason);
      case "reopen":
        return this.actions.changeStatus(ticket, "IN_PROGRESS", words);
    }
  }
}
