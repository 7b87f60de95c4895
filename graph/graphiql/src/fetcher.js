import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-ws";

import { authorization } from "./session.js";

const url = new URL("/graphql", location.href);
const socketUrl = Object.assign(new URL(url), {
  protocol: url.protocol === "https:" ? "wss:" : "ws:",
});

/** GraphiQL's one way out: subscriptions over the WebSocket, the rest over HTTP. */
export function fetcher(operation, { headers = {} } = {}) {
  return isSubscription(operation)
    ? subscribe(operation, headers)
    : post(operation, headers).catch((error) => {
        throw readable(error);
      });
}

function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false; // The server explains syntax errors better.
  }
}

async function post(operation, headers) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      ...(await withAuthorization(headers)),
    },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`HTTP ${response.status} ${response.statusText}\n${text}`);
  }
}

/** One socket per subscription, so that each runs with the credentials it was started with. */
function subscribe(operation, headers) {
  const client = createClient({
    url: socketUrl.href,
    retryAttempts: 0, // The developer wants to see why it closed.
    connectionParams: async () => {
      const { authorization } = lowerCaseKeys(await withAuthorization(headers));
      return authorization ? { authorization } : {};
    },
  });
  return {
    subscribe: (sink) => ({
      unsubscribe: client.subscribe(operation, {
        ...sink,
        next: (result) => sink.next(result),
        error: (error) => sink.error(readable(error)),
        complete: () => sink.complete(),
      }),
    }),
  };
}

/** What the Headers pane says wins over the signed-in session. */
async function withAuthorization(headers) {
  if ("authorization" in lowerCaseKeys(headers)) return headers;
  const value = await authorization();
  return value ? { ...headers, Authorization: value } : headers;
}

function lowerCaseKeys(headers) {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
}

/** GraphiQL lays out plain objects as they are, but an Error with its stack. */
function readable(error) {
  if (Array.isArray(error)) return error; // the server's GraphQL errors
  if (error instanceof Error) return { message: error.message };
  if ("code" in error) {
    return { message: `The server closed the socket: ${error.code} ${error.reason}`.trim() };
  }
  return { message: "The WebSocket could not be opened." };
}
