import operations from "./session.graphql";

/**
 * The signed-in agent, kept in this tab's session storage, and its tokens.
 *
 * Refresh tokens rotate and reuse of an old one ends the session, so there is never more than one
 * refresh under way.
 */
const STORAGE_KEY = "tickets.session";
const REFRESH_BEFORE_EXPIRY_MS = 30_000;

let session = JSON.parse(sessionStorage.getItem(STORAGE_KEY));
let refreshing = null;
const listeners = new Set();

export const getSession = () => session;

export function onSessionChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Signs in; throws an error with the server's words when refused. */
export async function signIn(email, password) {
  setSession(await requestSession("SignIn", { email, password }));
}

export async function signOut() {
  const value = await authorization().catch(() => null);
  setSession(null);
  // Best effort: a server that cannot be reached ends the session when its refresh token expires.
  if (value) await send("SignOut", {}, { Authorization: value }).catch(() => {});
}

/** The Authorization value for the next request, refreshed when about to expire, or null. */
export async function authorization() {
  if (session && session.expiresAt - Date.now() < REFRESH_BEFORE_EXPIRY_MS) {
    refreshing ??= refresh().finally(() => (refreshing = null));
    await refreshing;
  }
  return session && `Bearer ${session.accessToken}`;
}

async function refresh() {
  const { refreshToken } = session;
  try {
    setSession(await requestSession("Refresh", { refreshToken }));
  } catch (error) {
    if (error.code === "UNAUTHENTICATED") setSession(null);
    throw new Error(`Your session could not be renewed: ${error.message}`);
  }
}

async function requestSession(operationName, input) {
  const { body, serverTime } = await send(operationName, { input });
  const outcome = body.data?.outcome;
  if (!outcome?.accessToken) {
    const [error] = body.errors ?? [];
    throw Object.assign(new Error(outcome?.message ?? error?.message ?? "No answer."), {
      code: outcome?.code ?? error?.extensions?.code,
    });
  }
  // Kept in this machine's time, which need not agree with the server's.
  const lifetime = Date.parse(outcome.expiresAt) - serverTime;
  return { ...outcome, expiresAt: Date.now() + lifetime };
}

async function send(operationName, variables, headers = {}) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: operations, operationName, variables }),
  });
  const serverTime = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  return { body: await response.json(), serverTime };
}

function setSession(next) {
  session = next;
  if (next) sessionStorage.setItem(STORAGE_KEY, JSON.stringify(next));
  else sessionStorage.removeItem(STORAGE_KEY);
  for (const listener of listeners) listener();
}
