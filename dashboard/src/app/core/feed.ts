import { Injectable, inject } from "@angular/core";
import { Apollo } from "apollo-angular";
import {
  catchError,
  defer,
  map,
  merge,
  type Observable,
  of,
  race,
  repeat,
  retry,
  share,
  switchMap,
  take,
  tap,
  timer,
} from "rxjs";
import type { TicketFilter } from "../schema.generated";
import {
  FeedCursorDocument,
  TicketFeedDocument,
  type TicketFeedSubscription,
} from "./feed.generated";
import { Socket } from "./socket";

type FeedItem = TicketFeedSubscription["item"];
export type TicketEvent = Exclude<FeedItem, { __typename: "FeedResyncRequired" }>;

/** `resync`: something may have been missed, so whatever was read before is to be read again. */
export type FeedMessage = { kind: "event"; event: TicketEvent } | { kind: "resync" };

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** What happens to tickets, as it happens. */
@Injectable({ providedIn: "root" })
export class Feed {
  private readonly apollo = inject(Apollo);
  private readonly socket = inject(Socket);

  /** Of every ticket that the viewer sees, since somebody began to listen. */
  readonly all = defer(() =>
    this.apollo.query({ query: FeedCursorDocument, fetchPolicy: "no-cache" }),
  ).pipe(
    map(({ data }) => data?.feedCursor),
    // Without it, from when the server is reached.
    catchError(() => of(undefined)),
    switchMap((from) => this.ticketEvents({}, from)),
    share(),
  );

  /**
   * The events of the tickets that meet `filter`, in order, none lost and none twice, across
   * reconnections; or `resync` where that cannot be promised. Never completes and never fails.
   *
   * From now on, or after `from`: the `feedCursor` of what they are to keep up to date.
   *
   * The tickets in events are in the Apollo cache by the time they are emitted.
   */
  ticketEvents(filter: TicketFilter, from?: string): Observable<FeedMessage> {
    return defer(() => {
      let cursor = from;
      let attempts = 0;
      const items = defer(() =>
        this.apollo.subscribe({
          query: TicketFeedDocument,
          variables: { filter, after: cursor },
        }),
      ).pipe(
        map(({ data, error }) => {
          if (!data) throw new Error(error?.message ?? "an answer without data");
          return data.item;
        }),
        tap((item) => {
          cursor = item.cursor;
          attempts = 0;
        }),
        map(toMessage),
      );
      const again = () => this.delay(attempts++);
      return defer(() => {
        const isBlind = attempts > 0 && cursor === undefined;
        return isBlind ? merge(this.reconnected(), items) : items;
      }).pipe(
        // The server ends a stream that fell behind after its resync, to be resumed from there.
        repeat({ delay: again }),
        retry({ delay: again }),
      );
    });
  }

  /** Before the first event there is no cursor to resume from, so all is read again. */
  private reconnected(): Observable<FeedMessage> {
    return this.socket.connected.pipe(
      take(1),
      map(() => ({ kind: "resync" })),
    );
  }

  private delay(attempts: number): Observable<unknown> {
    const backoff = Math.min(FIRST_RETRY_MS * 2 ** attempts, LAST_RETRY_MS);
    return race(timer(backoff), this.socket.wake, this.socket.connected).pipe(take(1));
  }
}

function toMessage(item: FeedItem): FeedMessage {
  return item.__typename === "FeedResyncRequired"
    ? { kind: "resync" }
    : { kind: "event", event: item };
}
