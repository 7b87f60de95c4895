import { Component, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { FormControl, FormGroup, ReactiveFormsModule } from "@angular/forms";
import { Apollo } from "apollo-angular";
import { debounceTime, merge, startWith, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import type { Editor } from "../../ui/confirm";
import { FormField } from "../../ui/form-field";
import { AssistantSync } from "./assistant-sync";
import { ConfigurationStore, draftOf } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  PreviewDocument,
  type PreviewQuery,
  SaveAssistantDocument,
  SaveInstructionsDocument,
} from "./settings.generated";

const TYPING_PAUSE_MS = 400;
const text = () => new FormControl("", { nonNullable: true });

@Component({
  selector: "app-assistant",
  imports: [AssistantSync, FormField, ReactiveFormsModule],
  template: `
    <div class="grid gap-6 lg:grid-cols-2">
      <div class="space-y-6">
        <form class="card space-y-4 p-4" [formGroup]="identity" (ngSubmit)="saveIdentity()">
          <h2 class="heading">{{ s().identity }}</h2>
          @for (name of lines; track name) {
            <app-form-field [label]="s()[name]"
              ><input class="field" [formControlName]="name"
            /></app-form-field>
          }
          <app-form-field [label]="s().greetingMessage">
            <textarea class="field" rows="3" formControlName="greetingMessage"></textarea>
          </app-form-field>
          <div class="flex justify-end">
            <button class="btn btn-primary">{{ t().save }}</button>
          </div>
        </form>
        <form class="card space-y-4 p-4" (submit)="saveTemplate(); $event.preventDefault()">
          <h2 class="heading">{{ s().instructions }}</h2>
          <textarea
            #field
            class="field font-mono text-xs"
            rows="14"
            [formControl]="template"
            [attr.aria-label]="s().instructions"
          ></textarea>
          <p class="label mb-0">{{ s().variables }}</p>
          <p class="flex flex-wrap gap-1">
            @for (name of store.configuration()?.instructionsTemplate?.variables; track name) {
              <button
                type="button"
                class="badge bg-sunken hover:bg-accent-soft font-mono"
                (click)="insert(field, name)"
              >
                {{ "{" + name + "}" }}
              </button>
            }
          </p>
          <div class="flex justify-end">
            <button class="btn btn-primary">{{ t().save }}</button>
          </div>
        </form>
      </div>
      <section class="card self-start p-4 lg:sticky lg:top-6" data-testid="assistant-preview">
        <h2 class="heading mb-3">{{ s().preview }}</h2>
        @if (preview(); as preview) {
          @for (problem of preview.problems; track $index) {
            <p class="text-danger mb-2" role="alert">{{ problem.path }}: {{ problem.message }}</p>
          }
          <p class="bg-violet-soft mb-4 rounded-2xl rounded-bl-sm px-4 py-2.5">
            {{ preview.greeting }}
          </p>
          <p
            class="max-h-[60vh] overflow-y-auto text-xs leading-relaxed whitespace-pre-wrap"
            tabindex="0"
          >
            {{ preview.instructions }}
          </p>
        }
      </section>
    </div>
    <app-assistant-sync class="mt-6" />
  `,
})
export class Assistant implements Editor {
  protected readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly lines = ["assistantName", "primaryServiceIssue"] as const;
  protected readonly identity = new FormGroup({
    assistantName: text(),
    primaryServiceIssue: text(),
    greetingMessage: text(),
  });
  protected readonly template = text();
  private readonly identityDraft = draftOf(() => this.store.configuration()?.assistant, {
    isEdited: () => this.identity.dirty,
    fill: (assistant) => this.identity.reset(assistant),
  });
  private readonly templateDraft = draftOf(() => this.store.configuration()?.instructionsTemplate, {
    isEdited: () => this.template.dirty,
    fill: ({ template }) => this.template.reset(template),
  });
  protected readonly preview = signal<PreviewQuery["preview"] | null>(null);

  constructor() {
    const apollo = inject(Apollo);
    merge(this.identity.valueChanges, this.template.valueChanges)
      .pipe(
        startWith(null),
        debounceTime(TYPING_PAUSE_MS),
        switchMap(() =>
          apollo.query({
            query: PreviewDocument,
            variables: {
              draft: {
                assistant: this.wholeIdentity(),
                instructionsTemplate: { template: this.template.value },
              },
            },
            fetchPolicy: "network-only",
          }),
        ),
        takeUntilDestroyed(),
      )
      .subscribe(({ data }) => this.preview.set(data?.preview ?? null));
  }

  isEdited(): boolean {
    return this.identity.dirty || this.template.dirty;
  }

  /** Where the cursor is, or was. */
  protected insert(field: HTMLTextAreaElement, name: string): void {
    field.setRangeText(`{${name}}`, field.selectionStart, field.selectionEnd, "end");
    this.template.setValue(field.value);
    this.template.markAsDirty();
    field.focus();
  }

  protected saveIdentity(): void {
    const input = this.wholeIdentity();
    if (!input) return;
    void this.store.save({
      mutation: SaveAssistantDocument,
      section: "assistant",
      input,
      draft: this.identityDraft,
    });
  }

  protected saveTemplate(): void {
    void this.store.save({
      mutation: SaveInstructionsDocument,
      section: "instructionsTemplate",
      input: { template: this.template.value },
      draft: this.templateDraft,
    });
  }

  /** With what of its section is edited elsewhere. */
  private wholeIdentity() {
    const assistant = this.store.configuration()?.assistant;
    if (!assistant) return undefined;
    const { __typename: _, version: __, ...stored } = assistant;
    return { ...stored, ...this.identity.getRawValue() };
  }
}
