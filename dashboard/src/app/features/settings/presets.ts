import { Component, computed, inject } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../../core/i18n";
import { ConfigurationStore } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  ApplyPresetDocument,
  DeletePresetDocument,
  ImportPresetDocument,
  SavePresetDocument,
} from "./settings.generated";

@Component({
  selector: "app-presets",
  imports: [LucideDynamicIcon],
  template: `
    <ul class="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
      @for (preset of presets(); track preset.id) {
        <li class="card flex flex-col p-4" [attr.data-preset]="preset.id">
          <h2 class="font-semibold">{{ i18n.categoryLabel(preset) }}</h2>
          <p class="text-muted mb-3 text-xs">{{ preset.isBuiltIn ? s().builtIn : s().custom }}</p>
          <div class="mt-auto flex flex-wrap gap-2">
            <button type="button" class="btn btn-primary" (click)="apply(preset.id)">
              {{ s().apply }}
            </button>
            <button type="button" class="btn" (click)="export(preset.id, preset.document)">
              <svg lucideIcon="download" aria-hidden="true"></svg>{{ s().export }}
            </button>
            @if (!preset.isBuiltIn) {
              <button
                type="button"
                class="btn btn-danger btn-icon"
                [attr.aria-label]="s().remove"
                (click)="remove(preset.id)"
              >
                <svg lucideIcon="trash" aria-hidden="true"></svg>
              </button>
            }
          </div>
        </li>
      }
    </ul>
    <form
      class="card mt-6 flex flex-wrap items-end gap-3 p-4"
      (submit)="save(label.value); $event.preventDefault()"
    >
      <label class="min-w-52 flex-1">
        <span class="label">{{ s().saveAs }}</span>
        <input #label class="field" required maxlength="80" [placeholder]="s().name" />
      </label>
      <button class="btn btn-primary">{{ t().save }}</button>
      <label class="btn cursor-pointer">
        <svg lucideIcon="upload" aria-hidden="true"></svg>{{ s().import }}
        <input
          #file
          type="file"
          accept="application/json"
          class="sr-only"
          (change)="import(file.files?.[0]); file.value = ''"
        />
      </label>
    </form>
  `,
})
export class Presets {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  protected readonly presets = computed(
    () => this.store.configuration()?.presetsSection?.presets ?? [],
  );

  protected apply(id: string): void {
    void this.store.change(ApplyPresetDocument, { id });
  }

  protected remove(id: string): void {
    void this.store.change(DeletePresetDocument, { id });
  }

  protected save(label: string): void {
    const id = label
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_");
    void this.store.change(SavePresetDocument, { input: { id, label } });
  }

  protected export(id: string, document: unknown): void {
    const url = URL.createObjectURL(
      new Blob([JSON.stringify(document, null, 2)], { type: "application/json" }),
    );
    const link = Object.assign(globalThis.document.createElement("a"), {
      href: url,
      download: `${id}.json`,
    });
    link.click();
    URL.revokeObjectURL(url);
  }

  protected async import(file: File | undefined): Promise<void> {
    if (!file) return;
    let document: unknown;
    try {
      document = JSON.parse(await file.text());
    } catch {
      document = null;
    }
    await this.store.change(ImportPresetDocument, { input: { document } });
  }
}
