import {
  Component,
  ElementRef,
  computed,
  effect,
  inject,
  input,
  output,
  signal,
  viewChild,
} from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../core/i18n";

/** A text that a click turns into a field. Escape leaves it as it was. */
@Component({
  selector: "app-edit-text",
  imports: [LucideDynamicIcon],
  template: `
    @if (draft() === null) {
      <div class="group flex items-start gap-2">
        <div class="min-w-0 flex-1 break-words whitespace-pre-wrap"><ng-content /></div>
        <button
          #edit
          type="button"
          class="btn btn-ghost btn-icon text-muted -my-1"
          [attr.aria-label]="t().ticketPage.edit + ': ' + label()"
          (click)="begin()"
        >
          <svg lucideIcon="pencil" size="14" aria-hidden="true"></svg>
        </button>
      </div>
    } @else {
      <form (submit)="save(); $event.preventDefault()">
        <textarea
          #field
          class="field w-full"
          [rows]="rows()"
          [maxLength]="maxLength()"
          [attr.aria-label]="label()"
          [value]="draft()"
          (input)="draft.set(field.value)"
          (keydown.escape)="end()"
          (keydown.enter)="isOneLine() && save(); isOneLine() && $event.preventDefault()"
          (keydown.control.enter)="save()"
        ></textarea>
        <div class="mt-2 flex justify-end gap-2">
          <button type="button" class="btn" (click)="end()">{{ t().cancel }}</button>
          <button class="btn btn-primary" [disabled]="!draft()?.trim()">{{ t().save }}</button>
        </div>
      </form>
    }
  `,
  host: { class: "block" },
})
export class EditText {
  protected readonly t = inject(I18n).t;
  readonly label = input.required<string>();
  readonly value = input.required<string>();
  readonly rows = input(1);
  readonly maxLength = input.required<number>();
  readonly begun = output();
  readonly saved = output<string>();

  protected readonly draft = signal<string | null>(null);
  protected readonly isOneLine = computed(() => this.rows() === 1);
  private readonly field = viewChild<ElementRef<HTMLTextAreaElement>>("field");
  private readonly edit = viewChild<ElementRef<HTMLButtonElement>>("edit");

  constructor() {
    let wasEditing = false;
    effect(() => {
      this.field()?.nativeElement.focus();
      if (wasEditing) this.edit()?.nativeElement.focus();
      wasEditing = this.field() !== undefined;
    });
  }

  protected begin(): void {
    this.begun.emit();
    this.draft.set(this.value());
  }

  protected save(): void {
    const text = this.draft()?.trim();
    if (!text) return;
    this.end();
    if (text !== this.value()) this.saved.emit(text);
  }

  protected end(): void {
    this.draft.set(null);
  }
}
