import { Component, inject } from "@angular/core";
import { I18n } from "../../core/i18n";
import { Dialog } from "../../ui/dialog";
import { ConfigurationStore } from "./configuration-store";
import { DifferenceList } from "./difference-list";
import { SettingsMessages } from "./messages";

/** Shows itself when somebody else saved the same section, with what saving would undo. */
@Component({
  selector: "app-settings-conflict",
  imports: [Dialog, DifferenceList],
  template: `
    @if (store.conflict(); as conflict) {
      <app-dialog
        #dialog
        [heading]="t().ticketPage.conflictTitle"
        [wide]="true"
        (closed)="store.conflict.set(null)"
      >
        <p class="text-muted mb-4">{{ s().conflictHint }}</p>
        <app-difference-list
          class="card max-h-[50vh] overflow-y-auto p-3"
          [differences]="conflict.differences"
        />
        <div class="mt-4 flex flex-wrap justify-end gap-2">
          <button type="button" class="btn" (click)="dialog.close()">{{ s().goOn }}</button>
          <button type="button" class="btn" (click)="conflict.keepTheirs(); dialog.close()">
            {{ t().ticketPage.keepTheirs }}
          </button>
          <button
            type="button"
            class="btn btn-primary"
            (click)="conflict.applyMine(); dialog.close()"
          >
            {{ t().ticketPage.applyMine }}
          </button>
        </div>
      </app-dialog>
    }
  `,
})
export class SettingsConflictDialog {
  protected readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
}
