import { Component, Injectable, inject, signal } from "@angular/core";
import type { CanDeactivateFn } from "@angular/router";
import { I18n } from "../core/i18n";
import { Dialog } from "./dialog";

interface Question {
  heading: string;
  text: string;
  /** What the button says that goes ahead. */
  action: string;
}

/** Asks before something that cannot be taken back. */
@Injectable({ providedIn: "root" })
export class Confirm {
  readonly asked = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

  ask(question: Question): Promise<boolean> {
    this.asked()?.answer(false);
    return new Promise((resolve) => {
      this.asked.set({
        ...question,
        answer: (yes) => {
          this.asked.set(null);
          resolve(yes);
        },
      });
    });
  }
}

/** A page on which something may have been typed that is not saved. */
export interface Editor {
  isEdited(): boolean;
}

export const keepEdits: CanDeactivateFn<Editor> = (editor) => {
  if (!editor.isEdited()) return true;
  const t = inject(I18n).t();
  return inject(Confirm).ask({ heading: t.unsaved, text: t.unsavedHint, action: t.discard });
};

@Component({
  selector: "app-confirm-dialog",
  imports: [Dialog],
  template: `
    @if (confirm.asked(); as asked) {
      <app-dialog [heading]="asked.heading" (closed)="asked.answer(false)">
        <p class="mb-5 break-words">{{ asked.text }}</p>
        <div class="flex justify-end gap-2">
          <button type="button" class="btn" (click)="asked.answer(false)">{{ t().cancel }}</button>
          <button type="button" class="btn btn-danger" (click)="asked.answer(true)">
            {{ asked.action }}
          </button>
        </div>
      </app-dialog>
    }
  `,
})
export class ConfirmDialog {
  protected readonly confirm = inject(Confirm);
  protected readonly t = inject(I18n).t;
}
