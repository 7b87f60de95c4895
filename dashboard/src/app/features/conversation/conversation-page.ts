import { Component, computed, inject, input, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { FormControl, ReactiveFormsModule, Validators } from "@angular/forms";
import { RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { firstValueFrom, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { Live } from "../../core/live";
import { failureMessage } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { Ago } from "../../ui/ago";
import { Empty } from "../../ui/empty";
import { Sla, Status } from "../../ui/ticket-marks";
import {
  AnswerStreamDocument,
  type AnswerStreamSubscription,
  ConversationPageDocument,
  type ConversationPageQuery,
  type ConversationPageQueryVariables,
  LaterMessagesDocument,
  type MessagesFragment,
  SendMessageDocument,
  TakeOverDocument,
} from "./conversation.generated";

type Conversation = NonNullable<ConversationPageQuery["conversation"]>;
type Message = MessagesFragment["nodes"][number];

// The assistant's answers are streamed; what customers write has no feed of its own.
const POLL_EVERY_MS = 4_000;
const POLL_EVERY_WHILE_STREAMED_MS = 20_000;

@Component({
  selector: "app-conversation-page",
  imports: [Ago, Empty, LucideDynamicIcon, ReactiveFormsModule, RouterLink, Sla, Status],
  template: `
    @switch (state()) {
      @case ("absent") {
        <app-empty icon="message-square" [heading]="t().notFound" [hint]="t().notFoundHint" />
      }
      @case ("failed") {
        <app-empty icon="cloud-off" [heading]="t().loadFailed" />
      }
      @case ("loading") {
        <div class="space-y-4 p-6" aria-busy="true">
          <p class="sr-only" role="status">{{ t().loading }}</p>
          <div class="skeleton h-7 w-1/3"></div>
          <div class="skeleton h-64"></div>
        </div>
      }
    }
    @if (conversation(); as conversation) {
      <header
        class="border-line bg-surface flex flex-wrap items-center gap-3 border-b px-4 py-3 md:px-6"
      >
        <div class="min-w-0 flex-1">
          <h1 class="truncate text-base font-semibold">
            {{ t().conversation.title }} · {{ t().channel[conversation.channel] }}
          </h1>
          @if (conversation.customer; as customer) {
            <a class="link" [routerLink]="['/customers', customer.id]">{{
              customer.name || customer.phone
            }}</a>
          }
        </div>
        <span
          class="badge"
          [class]="
            conversation.handler === 'ASSISTANT'
              ? 'bg-violet-soft text-violet'
              : 'bg-info-soft text-info'
          "
          data-testid="handler"
        >
          <svg
            [lucideIcon]="conversation.handler === 'ASSISTANT' ? 'bot' : 'user'"
            size="12"
            aria-hidden="true"
          ></svg>
          @if (conversation.handler === "ASSISTANT") {
            {{ t().conversation.handledByAssistant }}
          } @else if (conversation.handledBy) {
            {{ t().conversation.handledBy(conversation.handledBy.name) }}
          } @else {
            {{ t().conversation.handledByHuman }}
          }
        </span>
        @if (conversation.handler === "ASSISTANT") {
          <button type="button" class="btn" (click)="takeOver(conversation)">
            {{ t().conversation.takeOver }}
          </button>
        }
        <a
          class="btn btn-primary"
          routerLink="/tickets/new"
          [queryParams]="{ conversation: conversation.id }"
        >
          <svg lucideIcon="plus" aria-hidden="true"></svg>{{ t().conversation.createTicket }}
        </a>
      </header>
      <div class="grid gap-6 p-4 md:p-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <section class="min-w-0" [attr.aria-label]="t().conversation.newMessages">
          <ol class="space-y-3" aria-live="polite">
            @for (message of messages(); track message.id) {
              @let fromCustomer = message.author === "CUSTOMER";
              <li class="flex" [class.justify-end]="!fromCustomer">
                <div
                  class="max-w-[85%] rounded-2xl px-4 py-2.5"
                  [class]="
                    fromCustomer
                      ? 'border-line bg-surface rounded-bl-sm border'
                      : message.author === 'ASSISTANT'
                        ? 'bg-violet-soft rounded-br-sm'
                        : 'bg-accent-soft rounded-br-sm'
                  "
                >
                  <p class="text-muted mb-0.5 flex gap-2 text-xs">
                    <span class="font-medium">{{ message.writtenBy.name }}</span>
                    <app-ago [at]="message.sentAt" />
                  </p>
                  <p class="break-words whitespace-pre-wrap">{{ message.text }}</p>
                </div>
              </li>
            } @empty {
              <li class="text-muted">{{ t().conversation.empty }}</li>
            }
            @if (beingWritten(); as text) {
              <li class="flex justify-end" aria-busy="true" data-testid="being-written">
                <div
                  class="border-violet/40 bg-violet-soft max-w-[85%] rounded-2xl rounded-br-sm border border-dashed px-4 py-2.5"
                >
                  <p class="text-muted mb-0.5 flex items-center gap-1.5 text-xs">
                    <svg lucideIcon="bot" size="12" aria-hidden="true"></svg>
                    {{ t().conversation.beingWritten }}
                  </p>
                  <p class="break-words whitespace-pre-wrap">{{ text }}</p>
                </div>
              </li>
            }
          </ol>
          @if (conversation.handler === "HUMAN") {
            <form class="card mt-6 p-3" (submit)="send(conversation); $event.preventDefault()">
              <textarea
                class="field"
                rows="3"
                [formControl]="reply"
                [attr.aria-label]="t().conversation.reply"
                [placeholder]="t().conversation.reply"
                (keydown.control.enter)="send(conversation)"
              ></textarea>
              <div class="mt-2 flex justify-end">
                <button class="btn btn-primary" [disabled]="reply.invalid || busy()">
                  <svg lucideIcon="send" aria-hidden="true"></svg>{{ t().conversation.send }}
                </button>
              </div>
            </form>
          }
        </section>
        <aside class="card self-start">
          <h2 class="heading border-line border-b px-4 py-3">{{ t().tickets }}</h2>
          <ul>
            @for (ticket of conversation.tickets.nodes; track ticket.id) {
              <li
                class="border-line hover:bg-sunken/60 relative border-b px-4 py-2.5 last:border-0"
              >
                <span class="text-muted text-xs tabular-nums">{{ ticket.ticketId }}</span>
                <a
                  class="block truncate font-medium after:absolute after:inset-0"
                  [routerLink]="['/tickets', ticket.ticketId]"
                  >{{ ticket.subject }}</a
                >
                <span class="mt-1 flex items-center gap-3">
                  <app-status [status]="ticket.status" /><app-sla
                    [target]="ticket.sla.resolution"
                  />
                </span>
              </li>
            } @empty {
              <li class="text-muted p-4">{{ t().customers.noTickets }}</li>
            }
          </ul>
        </aside>
      </div>
    }
  `,
})
export class ConversationPage {
  private readonly apollo = inject(Apollo);
  private readonly toasts = inject(Toasts);
  protected readonly t = inject(I18n).t;
  /** From the address. */
  readonly id = input.required<string>();

  protected readonly conversation = signal<Conversation | null>(null);
  protected readonly state = signal<"loading" | "ready" | "absent" | "failed">("loading");
  /** Beyond the page that comes with the conversation. */
  private readonly later = signal<Message[]>([]);
  protected readonly messages = computed(() => [
    ...(this.conversation()?.messages.nodes ?? []),
    ...this.later(),
  ]);
  /** The answer so far; empty while none is being written. */
  protected readonly beingWritten = signal("");
  protected readonly busy = signal(false);
  protected readonly reply = new FormControl("", {
    nonNullable: true,
    validators: [Validators.required, Validators.pattern(/\S/)],
  });
  private query?: QueryRef<ConversationPageQuery, ConversationPageQueryVariables>;

  constructor() {
    toObservable(this.id)
      .pipe(
        switchMap((id) => {
          this.query = this.apollo.watchQuery({
            query: ConversationPageDocument,
            variables: { id },
          });
          return this.query.valueChanges;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data, dataState, error }) => {
        if (dataState === "complete") {
          this.conversation.set(data.conversation);
          this.state.set(data.conversation ? "ready" : "absent");
          const isStreamed = data.conversation?.handler === "ASSISTANT";
          this.query?.startPolling(isStreamed ? POLL_EVERY_WHILE_STREAMED_MS : POLL_EVERY_MS);
        } else if (error) {
          this.state.set("failed");
        }
      });
    const live = inject(Live);
    toObservable(this.id)
      .pipe(
        switchMap((conversationId) => live.subscribe(AnswerStreamDocument, { conversationId })),
        takeUntilDestroyed(),
      )
      .subscribe(({ progress }) => void this.follow(progress));
    toObservable(this.conversation)
      .pipe(
        // What was said last is what matters: read to the end.
        switchMap((conversation) => this.readLater(conversation).catch(() => this.later())),
        takeUntilDestroyed(),
      )
      .subscribe((later) => this.later.set(later));
  }

  private async readLater(conversation: Conversation | null): Promise<Message[]> {
    const later: Message[] = [];
    let page = conversation?.messages.pageInfo;
    while (conversation && page?.hasNextPage) {
      const { data } = await firstValueFrom(
        this.apollo.query({
          query: LaterMessagesDocument,
          variables: { id: conversation.id, after: page.endCursor },
          fetchPolicy: "no-cache",
        }),
      );
      later.push(...(data?.conversation?.messages.nodes ?? []));
      page = data?.conversation?.messages.pageInfo;
    }
    return later;
  }

  /** An answer begins after a message and ends in one, or in a change of who answers. */
  private async follow(progress: AnswerStreamSubscription["progress"]): Promise<void> {
    const isWriting = progress.__typename === "AnswerWriting";
    if (isWriting && this.beingWritten()) {
      this.beingWritten.set(progress.text);
      return;
    }
    if (isWriting) this.beingWritten.set(progress.text);
    await this.reload();
    if (!isWriting) this.beingWritten.set("");
  }

  private async reload(): Promise<void> {
    // A failure arrives through the query's observable.
    await this.query?.refetch().catch(() => undefined);
  }

  protected async takeOver({ id }: Conversation): Promise<void> {
    const taken = await this.attempt(
      this.apollo.mutate({ mutation: TakeOverDocument, variables: { conversationId: id } }),
    );
    if (taken) this.toasts.show({ kind: "success", title: this.t().conversation.takenOver });
  }

  protected async send({ id }: Conversation): Promise<void> {
    if (this.reply.invalid || this.busy()) return;
    this.busy.set(true);
    const sent = await this.attempt(
      this.apollo.mutate({
        mutation: SendMessageDocument,
        // The key by which a message sent twice is recorded once.
        variables: {
          input: { conversationId: id, text: this.reply.value, externalId: crypto.randomUUID() },
        },
      }),
    );
    this.busy.set(false);
    if (!sent) return;
    this.reply.reset();
    await this.reload();
  }

  /** Whether it was carried out; else a toast says why not. */
  private async attempt(mutation: ReturnType<Apollo["mutate"]>): Promise<boolean> {
    let detail: string;
    try {
      const { data } = await firstValueFrom(mutation);
      const { outcome } = data as { outcome: { message?: unknown; code?: string } };
      if (!outcome.code) return true;
      detail = String(outcome.message);
    } catch (error) {
      detail = failureMessage(error);
    }
    this.toasts.show({ kind: "error", title: this.t().ticketPage.refused, detail });
    return false;
  }
}
