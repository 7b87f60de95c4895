import { Component, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { FormControl, FormGroup, ReactiveFormsModule } from "@angular/forms";
import { Apollo } from "apollo-angular";
import { debounceTime, startWith, switchMap } from "rxjs";
import { I18n, type Nouns } from "../../core/i18n";
import type { Editor } from "../../ui/confirm";
import { FormField } from "../../ui/form-field";
import { ConfigurationStore, draftOf } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  PreviewDocument,
  SaveTerminologyDocument,
  SaveTicketIdFormatDocument,
} from "./settings.generated";

const TYPING_PAUSE_MS = 300;
const text = () => new FormControl("", { nonNullable: true });

@Component({
  selector: "app-words",
  imports: [FormField, ReactiveFormsModule],
  template: `
    <form class="card mb-6 p-4" [formGroup]="words" (ngSubmit)="saveWords()">
      <h2 class="heading mb-3">{{ s().terminology }}</h2>
      <div class="grid gap-4 sm:grid-cols-3">
        @for (name of names; track name) {
          <app-form-field [label]="s()[name]"
            ><input class="field" [formControlName]="name"
          /></app-form-field>
        }
      </div>
      <div class="mt-4 flex justify-end">
        <button class="btn btn-primary">{{ t().save }}</button>
      </div>
    </form>
    <form class="card p-4" [formGroup]="format" (ngSubmit)="saveFormat()">
      <h2 class="heading mb-3">{{ s().numbers }}</h2>
      <div class="grid items-end gap-4 sm:grid-cols-4">
        <app-form-field [label]="s().prefix"
          ><input class="field uppercase" formControlName="prefix"
        /></app-form-field>
        <app-form-field [label]="s().separator">
          <select class="field" formControlName="separator">
            <option value="-">-</option>
            <option value="_">_</option>
            <option value="/">/</option>
            <option value="">{{ s().nothing }}</option>
          </select>
        </app-form-field>
        <app-form-field [label]="s().padLength">
          <input type="number" min="3" max="12" class="field" formControlName="padLength" />
        </app-form-field>
        <label class="flex h-8 items-center gap-2">
          <input type="checkbox" class="accent-accent-fill size-4" formControlName="includeYear" />
          {{ s().includeYear }}
        </label>
      </div>
      <p class="bg-sunken mt-4 rounded-md px-3 py-2" role="status" data-testid="number-preview">
        {{ s().next }}: <strong class="tabular-nums">{{ next() }}</strong>
        <span class="text-danger">{{ fault() }}</span>
      </p>
      <div class="mt-4 flex justify-end">
        <button class="btn btn-primary">{{ t().save }}</button>
      </div>
    </form>
  `,
})
export class Words implements Editor {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly names: readonly (keyof Nouns)[] = [
    "ticketSingular",
    "ticketPlural",
    "createVerb",
    "customerNoun",
    "agentNoun",
    "resolveVerb",
  ];
  protected readonly words = new FormGroup({
    ticketSingular: text(),
    ticketPlural: text(),
    createVerb: text(),
    customerNoun: text(),
    agentNoun: text(),
    resolveVerb: text(),
  });
  protected readonly format = new FormGroup({
    prefix: text(),
    separator: text(),
    padLength: new FormControl(6, { nonNullable: true }),
    includeYear: new FormControl(true, { nonNullable: true }),
  });
  private readonly wordsDraft = draftOf(() => this.store.configuration()?.terminology, {
    isEdited: () => this.words.dirty,
    fill: (terminology) => this.words.reset(terminology),
  });
  private readonly formatDraft = draftOf(() => this.store.configuration()?.ticketIdFormat, {
    isEdited: () => this.format.dirty,
    fill: (format) => this.format.reset(format),
  });
  protected readonly next = signal("");
  protected readonly fault = signal("");

  constructor() {
    const apollo = inject(Apollo);
    this.format.valueChanges
      .pipe(
        startWith(null),
        debounceTime(TYPING_PAUSE_MS),
        switchMap(() =>
          apollo.query({
            query: PreviewDocument,
            variables: { draft: { ticketIdFormat: this.format.getRawValue() } },
            fetchPolicy: "network-only",
            errorPolicy: "all",
          }),
        ),
        takeUntilDestroyed(),
      )
      .subscribe(({ data }) => {
        this.next.set(data?.preview.nextTicketId ?? "");
        this.fault.set(data?.preview.problems.map((each) => each.message).join(" ") ?? "");
      });
  }

  isEdited(): boolean {
    return this.words.dirty || this.format.dirty;
  }

  protected saveWords(): void {
    void this.store.save({
      mutation: SaveTerminologyDocument,
      section: "terminology",
      input: this.words.getRawValue(),
      draft: this.wordsDraft,
    });
  }

  protected saveFormat(): void {
    void this.store.save({
      mutation: SaveTicketIdFormatDocument,
      section: "ticketIdFormat",
      input: this.format.getRawValue(),
      draft: this.formatDraft,
    });
  }
}
