import { inject, type Provider } from "@angular/core";
import {
  ApolloLink,
  CombinedGraphQLErrors,
  HttpLink,
  InMemoryCache,
  type ApolloClient,
} from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { cacheSizes } from "@apollo/client/utilities";
import { provideApollo } from "apollo-angular";
import { OperationTypeNode } from "graphql";
import introspection from "./possible-types.generated";
import { Session } from "./session";
import { Socket } from "./socket";

export const provideGraphQL = (): Provider => provideApollo(apolloOptions);

// What was read is kept to be read again, but not for the tens of thousands of readings that are
// the default: a feed would fill them within an hour, with nothing that is shown any more.
const READINGS_KEPT = 1_000;

function apolloOptions(): ApolloClient.Options {
  cacheSizes["inMemoryCache.executeSelectionSet"] = READINGS_KEPT;
  cacheSizes["inMemoryCache.executeSubSelectedArray"] = READINGS_KEPT;
  const session = inject(Session);
  const socket = inject(Socket);

  const authorize = new SetContextLink(async () => {
    const authorization = await session.authorization();
    return authorization ? { headers: { authorization } } : {};
  });
  const endRefusedSession = new ErrorLink(({ error }) => {
    if (
      CombinedGraphQLErrors.is(error) &&
      error.errors.some(({ extensions }) => extensions?.["code"] === "UNAUTHENTICATED")
    ) {
      session.end();
    }
  });

  return {
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket.client),
      ApolloLink.from([endRefusedSession, authorize, new HttpLink({ uri: "/graphql" })]),
    ),
    cache: new InMemoryCache({
      possibleTypes: introspection.possibleTypes,
      typePolicies: {
        // One of each, and not to be told apart by an id.
        Configuration: { keyFields: [], merge: true },
        TicketCategoriesSection: { merge: true },
        TerminologySection: { merge: true },
        TicketIdFormatSection: { merge: true },
        // Kept only where they are shown: the feed's would pile up.
        TicketEvent: { keyFields: false },
        // Parts of a ticket or customer, of which each page reads other fields.
        CustomerStatistics: { merge: true },
        Escalation: { merge: true },
        TicketSla: { merge: true },
      },
    }),
    defaultOptions: { watchQuery: { fetchPolicy: "cache-and-network" } },
  };
}
