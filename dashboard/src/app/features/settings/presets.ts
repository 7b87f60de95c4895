import { Component, computed, inject, signal } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo } from "apollo-angular";
import { firstValueFrom } from "rxjs";
import { saveAs } from "../../core/files";
import { I18n } from "../../core/i18n";
import { problemOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { type Configuration, ConfigurationStore } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  ApplyPresetDocument,
  DeletePresetDocument,
  ImportPresetDocument,
  PreviewDocument,
  type PreviewQuery,
  SavePresetDocument,
} from "./settings.generated";

type Preset = NonNullable<Configuration["presetsSection"]>["presets"][number];

@Component({
  selector: "app-presets",
  imports: [Dialog, LucideDynamicIcon],
  template: `
    <ul class="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
      @for (preset of presets(); track preset.id) {
        <li class="card flex flex-col p-4" [attr.data-preset]="preset.id">
          <h2 class="font-semibold break-words">{{ i18n.categoryLabel(preset) }}</h2>
          <p class="text-muted mb-3 text-xs">{{ preset.isBuiltIn ? s().builtIn : s().custom }}</p>
          <div class="mt-auto flex flex-wrap gap-2">
            <button type="button" class="btn btn-primary" (click)="apply(preset)">
              {{ s().apply }}
            </button>
            <button type="button" class="btn" (click)="look(preset)">
              <svg lucideIcon="eye" aria-hidden="true"></svg>{{ s().preview }}
            </button>
            <button type="button" class="btn" (click)="export(preset.id, preset.document)">
              <svg lucideIcon="download" aria-hidden="true"></svg>{{ s().export }}
            </button>
            @if (!preset.isBuiltIn) {
              <button
                type="button"
                class="btn btn-danger btn-icon"
                [attr.aria-label]="s().remove + ': ' + i18n.categoryLabel(preset)"
                (click)="remove(preset)"
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
    @if (looked(); as shown) {
      <app-dialog
        #dialog
        [heading]="i18n.categoryLabel(shown.preset)"
        [wide]="true"
        (closed)="looked.set(null)"
      >
        <div
          class="max-h-[60vh] space-y-4 overflow-y-auto"
          tabindex="0"
          data-testid="preset-preview"
        >
          @for (problem of shown.preview.problems; track $index) {
            <p class="text-danger" role="alert">{{ problem.path }}: {{ problem.message }}</p>
          }
          <p>
            <span class="label">{{ s().next }}</span>
            <span class="font-semibold tabular-nums">{{ shown.preview.nextTicketId }}</span>
          </p>
          <p class="bg-violet-soft rounded-2xl rounded-bl-sm px-4 py-2.5">
            {{ shown.preview.greeting }}
          </p>
          <p class="text-xs leading-relaxed whitespace-pre-wrap">
            {{ shown.preview.instructions }}
          </p>
        </div>
        <div class="mt-4 flex justify-end">
          <button
            type="button"
            class="btn btn-primary"
            (click)="change(shown.preset.id); dialog.close()"
          >
            {{ s().apply }}
          </button>
        </div>
      </app-dialog>
    }
  `,
})
export class Presets {
  private readonly apollo = inject(Apollo);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  protected readonly presets = computed(
    () => this.store.configuration()?.presetsSection?.presets ?? [],
  );

  /** What the configuration would be with it. */
  protected readonly looked = signal<{ preset: Preset; preview: PreviewQuery["preview"] } | null>(
    null,
  );

  protected async look(preset: Preset): Promise<void> {
    try {
      const { data } = await firstValueFrom(
        this.apollo.query({
          query: PreviewDocument,
          variables: { presetId: preset.id },
          fetchPolicy: "network-only",
        }),
      );
      if (data) this.looked.set({ preset, preview: data.preview });
    } catch (error) {
      const detail = this.i18n.explain(problemOf(error));
      this.toasts.show({ kind: "error", title: this.t().loadFailed, detail });
    }
  }

  protected change(id: string): void {
    void this.store.change(ApplyPresetDocument, { id });
  }

  protected async apply(preset: Preset): Promise<void> {
    const s = this.s();
    const replaced = preset.sections.map((section) => s.sections[section]).join(", ");
    const question = {
      heading: `${s.apply}: ${this.i18n.categoryLabel(preset)}`,
      text: s.applyHint(replaced),
      action: s.apply,
    };
    if (await this.confirm.ask(question)) this.change(preset.id);
  }

  protected async remove(preset: Preset): Promise<void> {
    const s = this.s();
    const heading = `${s.remove}: ${this.i18n.categoryLabel(preset)}`;
    if (await this.confirm.ask({ heading, text: s.removeHint, action: s.remove })) {
      await this.store.change(DeletePresetDocument, { id: preset.id });
    }
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
    const content = new Blob([JSON.stringify(document, null, 2)], { type: "application/json" });
    saveAs(content, `${id}.json`);
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
