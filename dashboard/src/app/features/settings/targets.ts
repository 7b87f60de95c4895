import { Component, inject } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { I18n } from "../../core/i18n";
import type { Editor } from "../../ui/confirm";
import { Priority } from "../../ui/ticket-marks";
import { ConfigurationStore, draftOf } from "./configuration-store";
import { SettingsMessages } from "./messages";
import { SaveSlaTargetsDocument } from "./settings.generated";

const minutes = () =>
  new FormGroup({
    firstResponseMinutes: new FormControl(1, {
      nonNullable: true,
      validators: [Validators.min(1)],
    }),
    resolutionMinutes: new FormControl(1, { nonNullable: true, validators: [Validators.min(1)] }),
  });

@Component({
  selector: "app-targets",
  imports: [Priority, ReactiveFormsModule],
  template: `
    <form class="card p-4" [formGroup]="form" (ngSubmit)="save()">
      <h2 class="heading mb-3">{{ s().minutes }}</h2>
      <div class="space-y-2">
        @for (row of rows; track row.name) {
          <div class="grid grid-cols-[6rem_1fr_1fr] items-end gap-4" [formGroupName]="row.name">
            <app-priority class="pb-1.5" [priority]="row.priority" />
            <label>
              <span class="label">{{ s().firstResponse }}</span>
              <input type="number" min="1" class="field" formControlName="firstResponseMinutes" />
            </label>
            <label>
              <span class="label">{{ s().resolution }}</span>
              <input type="number" min="1" class="field" formControlName="resolutionMinutes" />
            </label>
          </div>
        }
      </div>
      <div class="mt-4 flex justify-end">
        <button class="btn btn-primary" [disabled]="form.invalid">{{ t().save }}</button>
      </div>
    </form>
  `,
})
export class Targets implements Editor {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly rows = [
    { name: "urgent", priority: "URGENT" },
    { name: "high", priority: "HIGH" },
    { name: "medium", priority: "MEDIUM" },
    { name: "low", priority: "LOW" },
  ] as const;
  protected readonly form = new FormGroup({
    urgent: minutes(),
    high: minutes(),
    medium: minutes(),
    low: minutes(),
  });

  private readonly draft = draftOf(() => this.store.configuration()?.slaTargets, {
    isEdited: () => this.isEdited(),
    fill: (targets) => this.form.reset(targets),
  });

  isEdited(): boolean {
    return this.form.dirty;
  }

  protected save(): void {
    void this.store.save({
      mutation: SaveSlaTargetsDocument,
      section: "slaTargets",
      input: this.form.getRawValue(),
      draft: this.draft,
    });
  }
}
