import { Component, inject, input, output, signal } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { I18n } from "../../core/i18n";
import { TicketActions } from "../../core/ticket-actions";
import type { TicketLinkKind } from "../../schema.generated";
import { Dialog } from "../../ui/dialog";

@Component({
  selector: "app-link-dialog",
  imports: [Dialog, ReactiveFormsModule],
  template: `
    <app-dialog #dialog [heading]="t().ticketPage.linkTitle" (closed)="closed.emit()">
      <form class="space-y-4" [formGroup]="form" (ngSubmit)="submit(dialog)">
        <label class="block">
          <span class="label">{{ t().ticketPage.linkKind }}</span>
          <select class="field" formControlName="kind">
            @for (kind of kinds; track kind) {
              <option [value]="kind">{{ t().ticketPage.linkKinds[kind] }}</option>
            }
          </select>
        </label>
        <label class="block">
          <span class="label">{{ t().ticketPage.linkNumber }}</span>
          <input class="field" formControlName="otherTicketId" autocomplete="off" />
        </label>
        <div class="flex justify-end gap-2">
          <button type="button" class="btn" (click)="dialog.close()">{{ t().cancel }}</button>
          <button class="btn btn-primary" [disabled]="form.invalid || busy()">
            {{ t().ticketPage.link }}
          </button>
        </div>
      </form>
    </app-dialog>
  `,
})
export class LinkDialog {
  private readonly actions = inject(TicketActions);
  protected readonly t = inject(I18n).t;
  readonly ticketId = input.required<string>();
  readonly closed = output();
  protected readonly kinds: readonly TicketLinkKind[] = ["RELATED", "DUPLICATE_OF", "FOLLOW_UP_OF"];
  protected readonly busy = signal(false);
  protected readonly form = new FormGroup({
    kind: new FormControl<TicketLinkKind>("RELATED", { nonNullable: true }),
    otherTicketId: new FormControl("", { nonNullable: true, validators: [Validators.required] }),
  });

  protected async submit(dialog: Dialog): Promise<void> {
    if (this.form.invalid || this.busy()) return;
    this.busy.set(true);
    const { kind, otherTicketId } = this.form.getRawValue();
    const linked = await this.actions.link({
      ticketId: this.ticketId(),
      otherTicketId: otherTicketId.trim(),
      kind,
    });
    this.busy.set(false);
    if (linked) dialog.close();
  }
}
