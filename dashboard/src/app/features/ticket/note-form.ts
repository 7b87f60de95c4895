import { Component, inject, input, output, signal } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../../core/i18n";
import { TicketActions } from "../../core/ticket-actions";
import type { NoteVisibility } from "../../schema.generated";

@Component({
  selector: "app-note-form",
  imports: [LucideDynamicIcon, ReactiveFormsModule],
  template: `
    @let isPublic = form.controls.visibility.value === "PUBLIC";
    <form
      class="rounded-lg border-2 p-3"
      [class]="
        isPublic ? 'border-accent bg-accent-soft' : 'border-warn/60 bg-warn-soft border-dashed'
      "
      [formGroup]="form"
      (ngSubmit)="submit()"
    >
      <fieldset class="mb-2 flex items-center gap-1">
        <legend class="sr-only">{{ t().ticketPage.note }}</legend>
        @for (each of visibilities; track each) {
          <label
            class="has-focus-visible:outline-accent flex h-7 cursor-pointer items-center gap-1.5 rounded-md px-2.5 font-medium has-checked:bg-surface has-focus-visible:outline-2"
          >
            <input type="radio" class="sr-only" formControlName="visibility" [value]="each" />
            <svg
              [lucideIcon]="each === 'PUBLIC' ? 'send' : 'lock'"
              size="14"
              aria-hidden="true"
            ></svg>
            {{ each === "PUBLIC" ? t().ticketPage.public : t().ticketPage.internal }}
          </label>
        }
        <span class="ml-auto text-xs" [class]="isPublic ? 'text-accent' : 'text-warn'">
          {{ isPublic ? t().ticketPage.publicHint : t().ticketPage.internalHint }}
        </span>
      </fieldset>
      <textarea
        class="field"
        rows="3"
        maxlength="10000"
        formControlName="content"
        [attr.aria-label]="t().ticketPage.note"
        [placeholder]="t().ticketPage.notePlaceholder"
        (keydown.control.enter)="submit()"
      ></textarea>
      <div class="mt-2 flex justify-end">
        <button class="btn btn-primary" [disabled]="form.invalid || busy()">
          {{ isPublic ? t().ticketPage.addPublic : t().ticketPage.addInternal }}
        </button>
      </div>
    </form>
  `,
  host: { class: "block" },
})
export class NoteForm {
  private readonly actions = inject(TicketActions);
  protected readonly t = inject(I18n).t;
  readonly ticketId = input.required<string>();
  readonly added = output();
  protected readonly visibilities: readonly NoteVisibility[] = ["INTERNAL", "PUBLIC"];
  protected readonly busy = signal(false);
  protected readonly form = new FormGroup({
    visibility: new FormControl<NoteVisibility>("INTERNAL", { nonNullable: true }),
    content: new FormControl("", {
      nonNullable: true,
      validators: [Validators.required, Validators.pattern(/\S/)],
    }),
  });
  /** The same for every attempt to add the same note, which a lost answer may have added. */
  private idempotencyKey = crypto.randomUUID();

  protected async submit(): Promise<void> {
    if (this.form.invalid || this.busy()) return;
    this.busy.set(true);
    const added = await this.actions.addNote({
      ticketId: this.ticketId(),
      ...this.form.getRawValue(),
      idempotencyKey: this.idempotencyKey,
    });
    this.busy.set(false);
    if (!added) return;
    this.idempotencyKey = crypto.randomUUID();
    this.form.controls.content.reset();
    this.added.emit();
  }
}
