import { Injectable, computed, signal } from "@angular/core";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { ProblemCode } from "../schema.generated";
import {
  RefreshSessionDocument,
  SignInDocument,
  SignOutDocument,
  type SessionOutcome_LoginPayload_Fragment as LoginPayload,
  type SessionOutcomeFragment,
} from "./session.generated";

/** The parts of `viewer { permissions }` that decide what the dashboard shows. */
export type Permission =
  "accounts:manage" | "configuration:manage" | "assistant:use" | "tickets:reassign-anyone";

export class Refused extends Error {
  constructor(
    readonly code: ProblemCode | undefined,
    message: string,
  ) {
    super(message);
  }
}

interface StoredSession extends Omit<LoginPayload, "expiresAt"> {
  /** In this machine's milliseconds, which need not agree with the server's clock. */
  expiresAt: number;
}

const STORAGE_KEY = "tickets.session";
const REFRESH_BEFORE_EXPIRY_MS = 30_000;

/**
 * Who is signed in, shared by all tabs of the browser.
 *
 * A refresh token works once and its reuse ends the session, so one tab at a time refreshes, under
 * a lock, and the others find the new tokens in the storage.
 */
@Injectable({ providedIn: "root" })
export class Session {
  private readonly stored = signal(read());
  readonly viewer = computed(() => this.stored()?.viewer ?? null);

  constructor() {
    addEventListener("storage", ({ key }) => {
      if (key === STORAGE_KEY || key === null) this.stored.set(read());
    });
  }

  may(permission: Permission): boolean {
    return this.viewer()?.permissions.includes(permission) ?? false;
  }

  /** Throws Refused. */
  async signIn(email: string, password: string): Promise<void> {
    this.keep(await begin(SignInDocument, { input: { email, password } }));
  }

  async signOut(): Promise<void> {
    const authorization = await this.authorization().catch(() => null);
    this.keep(null);
    // Best effort: out of reach of the server, the session ends when its refresh token expires.
    if (authorization) await send(SignOutDocument, {}, authorization).catch(() => undefined);
  }

  /** The server knows the session no more. */
  end(): void {
    this.keep(null);
  }

  /** The Authorization header for the next request, refreshed when about to expire. */
  async authorization(): Promise<string | null> {
    if (isStale(this.stored())) {
      await navigator.locks.request(STORAGE_KEY, () => this.refresh());
    }
    const token = this.stored()?.accessToken;
    return token ? `Bearer ${token}` : null;
  }

  private async refresh(): Promise<void> {
    const current = read();
    if (!isStale(current)) {
      this.stored.set(current);
      return;
    }
    try {
      const { refreshToken } = current;
      this.keep(await begin(RefreshSessionDocument, { input: { refreshToken } }));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "UNAUTHENTICATED") throw error;
      this.keep(null);
    }
  }

  private keep(session: StoredSession | null): void {
    this.stored.set(session);
    if (session) localStorage.setItem(STORAGE_KEY, JSON.stringify(session));
    else localStorage.removeItem(STORAGE_KEY);
  }
}

function read(): StoredSession | null {
  return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null") as StoredSession | null;
}

function isStale(session: StoredSession | null): session is StoredSession {
  return session !== null && session.expiresAt - Date.now() < REFRESH_BEFORE_EXPIRY_MS;
}

async function begin<Variables>(
  document: TypedDocumentNode<{ outcome: SessionOutcomeFragment }, Variables>,
  variables: Variables,
): Promise<StoredSession> {
  const { data, error, serverTime } = await send(document, variables);
  if (data?.outcome.__typename !== "LoginPayload") {
    throw new Refused(
      data?.outcome.code ?? error?.extensions?.code,
      data?.outcome.message ?? error?.message ?? "",
    );
  }
  const lifetime = Date.parse(data.outcome.expiresAt) - serverTime;
  return { ...data.outcome, expiresAt: Date.now() + lifetime };
}

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: ProblemCode } }[];
}

async function send<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  authorization?: string,
) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(authorization && { Authorization: authorization }),
    },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  const serverTime = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  return { data, error: errors?.[0], serverTime };
}
