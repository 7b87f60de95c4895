import { Injectable, computed, inject, signal } from "@angular/core";
import { createClient } from "graphql-ws";
import { Subject, fromEvent, map, merge, type Observable } from "rxjs";
import { Session } from "./session";

export type ConnectionState = "idle" | "connecting" | "live" | "offline";

const KEEP_ALIVE_MS = 10_000;
const PONG_WITHIN_MS = 5_000;

/** The one WebSocket on which all subscriptions run. Whoever subscribes decides how to resume. */
@Injectable({ providedIn: "root" })
export class Socket {
  private readonly session = inject(Session);
  private readonly socketState = signal<ConnectionState>("idle");
  private readonly online = signal(navigator.onLine);

  readonly state = computed<ConnectionState>(() =>
    this.online() ? this.socketState() : "offline",
  );

  /** A reason to try again at once: the network is back, or the machine woke up. */
  readonly wake: Observable<void> = merge(
    fromEvent(window, "online"),
    fromEvent(document, "visibilitychange"),
  ).pipe(map(() => undefined));

  private readonly connections = new Subject<void>();
  /** Emits whenever the connection is made, or made again. */
  readonly connected = this.connections.asObservable();

  readonly client = createClient({
    url: `${location.origin.replace(/^http/, "ws")}/graphql`,
    connectionParams: async () => ({ authorization: await this.session.authorization() }),
    keepAlive: KEEP_ALIVE_MS,
    lazyCloseTimeout: 2_000,
    // Its own retries would subscribe again with the cursor of the first time.
    retryAttempts: 0,
    on: {
      connecting: () => {
        this.socketState.update((state) => (state === "offline" ? state : "connecting"));
      },
      connected: () => {
        this.socketState.set("live");
        this.connections.next();
      },
      closed: () => this.socketState.set("offline"),
      ping: (received) => {
        if (!received) this.expectPong();
      },
      pong: (received) => {
        if (received) clearTimeout(this.pongTimer);
      },
    },
  });

  private pongTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    addEventListener("online", () => this.online.set(true));
    addEventListener("offline", () => {
      this.online.set(false);
      this.client.terminate();
    });
  }

  private expectPong(): void {
    clearTimeout(this.pongTimer);
    this.pongTimer = setTimeout(() => this.client.terminate(), PONG_WITHIN_MS);
  }
}
