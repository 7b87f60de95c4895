import { Component, computed, inject } from "@angular/core";
import { I18n } from "../../core/i18n";
import { TicketActions } from "../../core/ticket-actions";
import { Dialog } from "../../ui/dialog";

/** Shows itself when somebody else changed the same field, with both versions to choose from. */
@Component({
  selector: "app-conflict-dialog",
  imports: [Dialog],
  template: `
    @if (conflict(); as conflict) {
      <app-dialog
        #dialog
        [heading]="t().ticketPage.conflictTitle"
        [wide]="true"
        (closed)="settle()"
      >
        <p class="text-muted mb-4">{{ t().ticketPage.conflictHint }}</p>
        <p class="heading mb-2">{{ fieldName() }}</p>
        <div class="grid gap-4 sm:grid-cols-2">
          <section>
            <h3 class="label">{{ t().ticketPage.theirs }}</h3>
            <p class="card bg-sunken mb-3 min-h-16 p-3 break-words whitespace-pre-wrap">
              {{ conflict.theirs }}
            </p>
            <button type="button" class="btn w-full" (click)="dialog.close()">
              {{ t().ticketPage.keepTheirs }}
            </button>
          </section>
          <section>
            <h3 class="label">{{ t().ticketPage.mine }}</h3>
            <p class="card border-accent mb-3 min-h-16 p-3 break-words whitespace-pre-wrap">
              {{ conflict.mine }}
            </p>
            <button
              type="button"
              class="btn btn-primary w-full"
              (click)="conflict.applyMine(); dialog.close()"
            >
              {{ t().ticketPage.applyMine }}
            </button>
          </section>
        </div>
      </app-dialog>
    }
  `,
})
export class ConflictDialog {
  private readonly actions = inject(TicketActions);
  protected readonly t = inject(I18n).t;
  protected readonly conflict = this.actions.conflict;
  protected readonly fieldName = computed(() => {
    const names: Partial<Record<string, string>> = this.t().fields;
    const field = this.conflict()?.field ?? "";
    return names[field] ?? field;
  });

  protected settle(): void {
    this.actions.conflict.set(null);
  }
}
