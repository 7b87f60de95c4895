import { Component, inject, signal } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../../core/i18n";
import { type Configuration, ConfigurationStore, draftOf } from "./configuration-store";
import type { Editor } from "../../ui/confirm";
import { IconPicker } from "./icon-picker";
import { SettingsMessages } from "./messages";
import { SaveCategoriesDocument } from "./settings.generated";

type Category = Configuration["ticketCategories"]["categories"][number];

@Component({
  selector: "app-categories",
  imports: [IconPicker, LucideDynamicIcon],
  template: `
    <ol class="space-y-2">
      @for (category of draft(); track category.id; let index = $index) {
        <li
          class="card flex flex-wrap items-center gap-2 p-2"
          [class.opacity-60]="category.isRetired"
          [class.border-accent]="over() === index"
          [attr.data-category]="category.id"
          draggable="true"
          (dragstart)="dragged = index"
          (dragover)="over.set(index); $event.preventDefault()"
          (dragend)="over.set(null)"
          (drop)="move(dragged, index); over.set(null); $event.preventDefault()"
        >
          <svg
            lucideIcon="grip-vertical"
            class="text-muted cursor-grab max-sm:hidden"
            aria-hidden="true"
          ></svg>
          <input
            #label
            class="field w-44"
            [attr.aria-label]="s().label"
            [value]="category.label"
            (change)="set(index, { label: label.value })"
          />
          <input
            #labelEn
            class="field w-44"
            [attr.aria-label]="s().labelEn"
            [value]="category.labelEn ?? ''"
            (change)="set(index, { labelEn: labelEn.value || null })"
          />
          <app-icon-picker
            [chosen]="category.icon"
            [color]="category.color"
            (changed)="set(index, { icon: $event })"
          />
          <input
            #color
            type="color"
            class="border-edge h-8 w-10 rounded-md border bg-transparent p-0.5"
            [attr.aria-label]="s().color"
            [value]="category.color"
            (change)="set(index, { color: color.value.toUpperCase() })"
          />
          <code class="text-muted text-xs">{{ category.id }}</code>
          <span class="ml-auto flex items-center gap-1">
            @if (category.id !== "other") {
              <label class="flex items-center gap-1.5 text-xs">
                <input
                  type="checkbox"
                  class="accent-accent-fill size-4"
                  [checked]="category.isRetired"
                  (change)="set(index, { isRetired: !category.isRetired })"
                />
                {{ s().retired }}
              </label>
            }
            <button
              type="button"
              class="btn btn-ghost btn-icon"
              [attr.aria-label]="s().up + ': ' + category.label"
              [disabled]="index === 0"
              (click)="move(index, index - 1)"
            >
              <svg lucideIcon="arrow-up" aria-hidden="true"></svg>
            </button>
            <button
              type="button"
              class="btn btn-ghost btn-icon"
              [attr.aria-label]="s().down + ': ' + category.label"
              [disabled]="index === draft().length - 1"
              (click)="move(index, index + 1)"
            >
              <svg lucideIcon="arrow-down" aria-hidden="true"></svg>
            </button>
          </span>
        </li>
      }
    </ol>
    <form
      class="mt-4 flex flex-wrap gap-2"
      (submit)="add(name.value); name.value = ''; $event.preventDefault()"
    >
      <input #name class="field w-56" [attr.aria-label]="s().name" [placeholder]="s().name" />
      <button class="btn"><svg lucideIcon="plus" aria-hidden="true"></svg>{{ s().add }}</button>
      <button type="button" class="btn btn-primary ml-auto" (click)="save()">{{ t().save }}</button>
    </form>
  `,
})
export class Categories implements Editor {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected dragged = 0;
  /** Where what is dragged would be put. */
  protected readonly over = signal<number | null>(null);
  /** As they will be once they are saved. */
  protected readonly draft = signal<readonly Category[]>([]);
  private isChanged = false;
  private readonly stored = draftOf(() => this.store.configuration()?.ticketCategories, {
    isEdited: () => this.isChanged,
    fill: ({ categories }) => {
      this.draft.set(categories);
      this.isChanged = false;
    },
  });

  isEdited(): boolean {
    return this.isChanged;
  }

  private edit(change: (all: readonly Category[]) => readonly Category[]): void {
    this.draft.update(change);
    this.isChanged = true;
  }

  protected set(index: number, change: Partial<Category>): void {
    this.edit((all) => all.map((each, place) => (place === index ? { ...each, ...change } : each)));
  }

  protected move(from: number, to: number): void {
    this.edit((all) => {
      const moved = all[from];
      if (!moved) return all;
      const rest = all.filter((each) => each !== moved);
      return [...rest.slice(0, to), moved, ...rest.slice(to)];
    });
  }

  protected add(name: string): void {
    const label = name.trim();
    const id = toSlug(label);
    if (!id || this.draft().some((each) => each.id === id)) return;
    this.edit((all) => [
      ...all,
      {
        __typename: "TicketCategory",
        id,
        label,
        labelEn: null,
        description: null,
        icon: "star",
        color: "#6366F1",
        isRetired: false,
      },
    ]);
  }

  protected save(): void {
    const categories = this.draft().map(({ __typename: _, ...category }) => category);
    void this.store.save({
      mutation: SaveCategoriesDocument,
      section: "ticketCategories",
      input: { categories },
      draft: this.stored,
    });
  }
}

function toSlug(label: string): string {
  return label
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}
