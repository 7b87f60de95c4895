import { Component, effect, inject } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { I18n } from "../../core/i18n";
import { Priority } from "../../ui/ticket-marks";
import { ConfigurationStore } from "./configuration-store";
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
export class Targets {
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

  constructor() {
    effect(() => {
      const targets = this.store.configuration()?.slaTargets;
      if (targets) this.form.patchValue(targets);
    });
  }

  protected save(): void {
    const version = this.store.configuration()?.slaTargets?.version;
    if (version === undefined) return;
    void this.store.change(SaveSlaTargetsDocument, {
      input: { ...this.form.getRawValue(), expectedVersion: version },
    });
  }
}
