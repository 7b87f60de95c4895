import { Component, inject, input, output, signal } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { Files } from "../../core/files";
import { I18n } from "../../core/i18n";
import { isProblem, problemOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import type { NoteVisibility } from "../../schema.generated";
import { Ago } from "../../ui/ago";
import { AttachDocument, type TicketPageQuery } from "./ticket.generated";

type Attachment = NonNullable<TicketPageQuery["ticket"]>["attachments"][number];

/** The files of a ticket, and a way to add one. */
@Component({
  selector: "app-attachments",
  imports: [Ago, LucideDynamicIcon],
  template: `
    <header class="flex flex-wrap items-center gap-2">
      <h2 class="heading flex-1">{{ t().files.title }}</h2>
      <select
        #visibility
        class="field w-auto"
        [attr.aria-label]="t().files.forWhom"
        [disabled]="busy()"
      >
        <option value="INTERNAL">{{ t().ticketPage.internal }}</option>
        <option value="PUBLIC">{{ t().ticketPage.public }}</option>
      </select>
      <label
        class="btn has-focus-visible:outline-accent cursor-pointer has-focus-visible:outline-2"
        [class.opacity-50]="busy()"
      >
        <svg lucideIcon="upload" aria-hidden="true"></svg>{{ t().files.add }}
        <input
          #file
          type="file"
          class="sr-only"
          [disabled]="busy()"
          (change)="add(file.files?.[0], $any(visibility.value)); file.value = ''"
        />
      </label>
    </header>
    <ul class="mt-2 empty:hidden" [attr.aria-busy]="busy()">
      @for (each of attachments(); track each.id) {
        <li class="border-line flex flex-wrap items-center gap-x-3 gap-y-1 border-t py-2">
          <svg
            [lucideIcon]="each.visibility === 'INTERNAL' ? 'lock' : 'send'"
            size="14"
            [class]="each.visibility === 'INTERNAL' ? 'text-warn' : 'text-accent'"
            aria-hidden="true"
          ></svg>
          <span class="sr-only">{{
            each.visibility === "INTERNAL" ? t().ticketPage.internal : t().ticketPage.public
          }}</span>
          <button
            type="button"
            class="link min-w-0 flex-1 text-left break-all"
            (click)="download(each)"
          >
            {{ each.fileName }}
          </button>
          <span class="text-muted text-xs">
            {{ i18n.formatBytes(each.sizeBytes) }} · {{ each.uploadedBy.name }} ·
            <app-ago [at]="each.createdAt" />
          </span>
        </li>
      }
    </ul>
  `,
  host: { class: "card block p-4" },
})
export class Attachments {
  private readonly files = inject(Files);
  private readonly toasts = inject(Toasts);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  readonly ticketId = input.required<string>();
  readonly attachments = input.required<readonly Attachment[]>();
  readonly added = output();
  protected readonly busy = signal(false);

  protected async add(file: File | undefined, visibility: NoteVisibility): Promise<void> {
    if (!file) return;
    this.busy.set(true);
    try {
      const outcome = await this.files.upload(AttachDocument, {
        ticketId: this.ticketId(),
        visibility,
        file,
        idempotencyKey: crypto.randomUUID(),
      });
      if (isProblem(outcome)) this.refuse(this.i18n.explain(outcome));
      else this.added.emit();
    } catch (error) {
      this.refuse(this.i18n.explain(problemOf(error)));
    } finally {
      this.busy.set(false);
    }
  }

  protected async download({ url, fileName }: Attachment): Promise<void> {
    try {
      await this.files.download(url, fileName);
    } catch (error) {
      this.refuse(this.i18n.explain(problemOf(error)), this.t().loadFailed);
    }
  }

  private refuse(detail: string, title = this.t().files.refused): void {
    this.toasts.show({ kind: "error", title, detail });
  }
}
