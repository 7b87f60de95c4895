import {
  Component,
  type ElementRef,
  afterNextRender,
  inject,
  input,
  output,
  viewChild,
} from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../core/i18n";

let count = 0;

/** A modal dialog, open for as long as it exists: put it into an `@if`. */
@Component({
  selector: "app-dialog",
  imports: [LucideDynamicIcon],
  template: `
    <dialog
      #dialog
      class="bg-raised text-ink animate-enter w-full max-w-[calc(100vw-1rem)] rounded-xl p-0 shadow-2xl"
      [class]="wide() ? 'sm:max-w-3xl' : 'sm:max-w-lg'"
      [attr.aria-labelledby]="titleId"
      (close)="closed.emit()"
    >
      <header class="border-line flex items-center gap-2 border-b px-5 py-3">
        <h2 class="min-w-0 flex-1 truncate text-base font-semibold" [id]="titleId">
          {{ heading() }}
        </h2>
        <button
          type="button"
          class="btn btn-ghost btn-icon -mr-2"
          [attr.aria-label]="t().close"
          (click)="close()"
        >
          <svg lucideIcon="x" aria-hidden="true"></svg>
        </button>
      </header>
      <div class="p-5"><ng-content /></div>
    </dialog>
  `,
})
export class Dialog {
  protected readonly t = inject(I18n).t;
  readonly heading = input.required<string>();
  readonly wide = input(false);
  readonly closed = output();
  protected readonly titleId = `dialog-${count++}`;
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>("dialog");

  constructor() {
    afterNextRender(() => this.dialog().nativeElement.showModal());
  }

  close(): void {
    this.dialog().nativeElement.close();
  }
}
