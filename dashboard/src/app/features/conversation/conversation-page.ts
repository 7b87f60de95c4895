import {
  Component,
  ElementRef,
  Injector,
  afterNextRender,
  inject,
  input,
  signal,
  viewChild,
} from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { FormControl, ReactiveFormsModule, Validators } from "@angular/forms";
import { RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { firstValueFrom, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { Live } from "../../core/live";
import { EMPTY_LOG, type Log, withAdded, withEarlier, withNewest } from "../../core/log";
import { titlePage } from "../../core/page-title";
import { type Problem, isProblem, outcomeOf, problemOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { Ago } from "../../ui/ago";
import { Empty } from "../../ui/empty";
import { Sla, Status } from "../../ui/ticket-marks";
import {
  AnswerStreamDocument,
  type AnswerStreamSubscription,
  ConversationChangesDocument,
  ConversationPageDocument,
  type ConversationPageQuery,
  type ConversationPageQueryVariables,
  EarlierMessagesDocument,
  SendMessageDocument,
  TakeOverDocument,
} from "./conversation.generated";

type Conversation = NonNullable<ConversationPageQuery["conversation"]>;
type Message = Conversation["messages"]["nodes"][number];

/** Whoever reads this near to the end goes on with it; further up they are left in peace. */
const NEAR_PX = 300;

@Component({
  selector: "app-conversation-page",
  imports: [Ago, Empty, LucideDynamicIcon, ReactiveFormsModule, RouterLink, Sla, Status],
  template: `
    @switch (state()) {
      @case ("absent") {
        <app-empty icon="message-square" [heading]="t().notFound" [hint]="t().notFoundHint" />
      }
      @case ("failed") {
        <app-empty icon="cloud-off" [heading]="t().loadFailed">
          <button type="button" class="btn" (click)="reload()">{{ t().retry }}</button>
        </app-empty>
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
      <div class="grid grid-cols-1 gap-6 p-4 md:p-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <section class="min-w-0" [attr.aria-label]="t().conversation.newMessages">
          @if (log().start) {
            <div class="mb-4 text-center">
              <button type="button" class="btn" [disabled]="busy()" (click)="readEarlier()">
                {{ t().conversation.earlier }}
              </button>
            </div>
          }
          <ol #list class="space-y-3" aria-live="polite">
            @for (message of log().items; track message.id) {
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
                    <span class="font-medium">{{
                      (fromCustomer && conversation.customer?.name) || message.writtenBy.name
                    }}</span>
                    <app-ago [at]="message.sentAt" />
                  </p>
                  <p class="break-words whitespace-pre-wrap">{{ message.text }}</p>
                </div>
              </li>
            } @empty {
              <li class="text-muted">{{ t().conversation.empty }}</li>
            }
            @if (sending(); as text) {
              <li class="flex justify-end opacity-60" aria-busy="true">
                <p
                  class="bg-accent-soft max-w-[85%] rounded-2xl rounded-br-sm px-4 py-2.5 break-words whitespace-pre-wrap"
                >
                  {{ text }}
                </p>
              </li>
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
            <form
              class="card sticky bottom-3 mt-6 p-3 shadow-lg"
              (submit)="send(conversation); $event.preventDefault()"
            >
              <textarea
                class="field"
                rows="2"
                maxlength="10000"
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
  private readonly injector = inject(Injector);
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  /** From the address. */
  readonly id = input.required<string>();

  protected readonly conversation = signal<Conversation | null>(null);
  protected readonly state = signal<"loading" | "ready" | "absent" | "failed">("loading");
  protected readonly log = signal<Log<Message>>(EMPTY_LOG);
  /** The answer so far; empty while none is being written. */
  protected readonly beingWritten = signal("");
  /** What is on its way; empty while nothing is. */
  protected readonly sending = signal("");
  protected readonly busy = signal(false);
  private readonly list = viewChild<ElementRef<HTMLElement>>("list");
  protected readonly reply = new FormControl("", {
    nonNullable: true,
    validators: [Validators.required, Validators.pattern(/\S/)],
  });
  /** By which a message that is sent twice is recorded once. */
  private externalId = crypto.randomUUID();
  private query?: QueryRef<ConversationPageQuery, ConversationPageQueryVariables>;

  constructor() {
    titlePage(() => {
      const customer = this.conversation()?.customer;
      return customer && `${this.t().conversation.title}: ${customer.name ?? customer.phone ?? ""}`;
    });
    toObservable(this.id)
      .pipe(
        switchMap((id) => {
          this.log.set(EMPTY_LOG);
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
          const newest = data.conversation?.messages;
          if (newest) this.show((log) => withNewest(log, newest));
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
      .subscribe(({ progress }) => this.follow(progress));
    // Each item goes into the cache, and from there to the page.
    toObservable(this.id)
      .pipe(
        switchMap((id) => live.subscribe(ConversationChangesDocument, { id })),
        takeUntilDestroyed(),
      )
      .subscribe();
  }

  private follow(progress: AnswerStreamSubscription["progress"]): void {
    if (progress.__typename === "AnswerWriting") {
      this.beingWritten.set(progress.text);
      this.show((log) => log);
      return;
    }
    if (progress.__typename === "AnswerSent") {
      this.show((log) => withAdded(log, progress.message));
    }
    this.beingWritten.set("");
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query?.refetch().catch(() => undefined);
  }

  protected async readEarlier(): Promise<void> {
    this.busy.set(true);
    try {
      const { data } = await firstValueFrom(
        this.apollo.query({
          query: EarlierMessagesDocument,
          variables: { id: this.id(), before: this.log().start },
          fetchPolicy: "no-cache",
        }),
      );
      const earlier = data?.conversation?.messages;
      if (earlier) this.log.update((log) => withEarlier(log, earlier));
    } catch (error) {
      this.refuse(problemOf(error));
    } finally {
      this.busy.set(false);
    }
  }

  /** Puts what is new where it is seen, unless its reader is further up. */
  private show(change: (log: Log<Message>) => Log<Message>): void {
    const end = this.list()?.nativeElement.getBoundingClientRect().bottom ?? 0;
    const isAtEnd = end < innerHeight + NEAR_PX;
    this.log.update(change);
    if (isAtEnd) this.scrollToEnd();
  }

  private scrollToEnd(): void {
    afterNextRender(
      () => this.list()?.nativeElement.lastElementChild?.scrollIntoView({ block: "center" }),
      { injector: this.injector },
    );
  }

  protected async takeOver({ id }: Conversation): Promise<void> {
    const outcome = await outcomeOf(
      this.apollo.mutate({ mutation: TakeOverDocument, variables: { conversationId: id } }),
    );
    if (isProblem(outcome)) this.refuse(outcome);
    else this.toasts.show({ kind: "success", title: this.t().conversation.takenOver });
  }

  protected async send({ id }: Conversation): Promise<void> {
    const text = this.reply.value.trim();
    if (!text || this.sending()) return;
    this.sending.set(text);
    this.reply.reset();
    this.scrollToEnd();
    const outcome = await outcomeOf(
      this.apollo.mutate({
        mutation: SendMessageDocument,
        variables: { input: { conversationId: id, text, externalId: this.externalId } },
      }),
    );
    this.sending.set("");
    if (outcome.__typename !== "MessagePayload") {
      this.refuse(outcome);
      if (!this.reply.value) this.reply.setValue(text);
      return;
    }
    this.externalId = crypto.randomUUID();
    this.show((log) => withAdded(log, outcome.sent));
  }

  private refuse(problem: Problem): void {
    const detail = this.i18n.explain(problem);
    this.toasts.show({ kind: "error", title: this.t().ticketPage.refused, detail });
  }
}
