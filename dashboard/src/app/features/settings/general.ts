import { Component, computed, inject } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule } from "@angular/forms";
import { I18n } from "../../core/i18n";
import type { Editor } from "../../ui/confirm";
import { FormField } from "../../ui/form-field";
import { ConfigurationStore, draftOf } from "./configuration-store";
import { SettingsMessages } from "./messages";
import { SaveAssistantDocument } from "./settings.generated";

const text = () => new FormControl("", { nonNullable: true });

/** The company: who customers deal with, and in which language. */
@Component({
  selector: "app-general",
  imports: [FormField, ReactiveFormsModule],
  template: `
    <form class="card max-w-xl space-y-4 p-4" [formGroup]="company" (ngSubmit)="save()">
      <h2 class="heading">{{ s().company }}</h2>
      <app-form-field [label]="s().companyName">
        <input class="field" maxlength="100" formControlName="companyName" />
      </app-form-field>
      <app-form-field [label]="s().serviceType">
        <input class="field" maxlength="200" formControlName="serviceType" />
      </app-form-field>
      <app-form-field [label]="s().language">
        <select class="field" formControlName="language">
          <option value="es" lang="es">Español</option>
          <option value="en" lang="en">English</option>
        </select>
      </app-form-field>
      <p class="text-muted text-xs">{{ s().languageHint }}</p>
      <div class="flex justify-end">
        <button class="btn btn-primary">{{ t().save }}</button>
      </div>
    </form>
  `,
})
export class General implements Editor {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  private readonly section = computed(() => this.store.configuration()?.assistant);
  protected readonly company = new FormGroup({
    companyName: text(),
    serviceType: text(),
    language: text(),
  });
  private readonly draft = draftOf(this.section, {
    isEdited: () => this.isEdited(),
    fill: (assistant) => this.company.reset(assistant),
  });

  isEdited(): boolean {
    return this.company.dirty;
  }

  protected save(): void {
    const assistant = this.section();
    if (!assistant) return;
    const { __typename: _, version: __, ...others } = assistant;
    void this.store.save({
      mutation: SaveAssistantDocument,
      section: "assistant",
      input: { ...others, ...this.company.getRawValue() },
      draft: this.draft,
    });
  }
}
