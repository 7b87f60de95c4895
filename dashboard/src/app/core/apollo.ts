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
import { provideApollo } from "apollo-angular";
import { OperationTypeNode } from "graphql";
import introspection from "./possible-types.generated";
import { Session } from "./session";
import { Socket } from "./socket";

export const provideGraphQL = (): Provider => provideApollo(apolloOptions);

function apolloOptions(): ApolloClient.Options {
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
        // Parts of a ticket or customer, of which each page reads other fields.
        CustomerStatistics: { merge: true },
        Escalation: { merge: true },
        TicketSla: { merge: true },
      },
    }),
    defaultOptions: { watchQuery: { fetchPolicy: "cache-and-network" } },
  };
}
