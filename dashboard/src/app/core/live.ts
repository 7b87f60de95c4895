import { Injectable, inject } from "@angular/core";
import type { OperationVariables } from "@apollo/client";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { Apollo } from "apollo-angular";
import { type Observable, defer, map, race, repeat, retry, take, timer } from "rxjs";
import { Socket } from "./socket";

const RETRY_MS = 3_000;

/** Subscriptions that tell how things are, so that after a gap they need only begin again. */
@Injectable({ providedIn: "root" })
export class Live {
  private readonly apollo = inject(Apollo);
  private readonly socket = inject(Socket);

  /** Never completes and never fails. */
  subscribe<Data, Variables extends OperationVariables>(
    query: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Observable<Data> {
    const again = () => race(timer(RETRY_MS), this.socket.connected).pipe(take(1));
    return defer(() => this.apollo.subscribe<Data, OperationVariables>({ query, variables })).pipe(
      map(({ data, error }) => {
        if (!data) throw new Error(error?.message ?? "an answer without data");
        return data;
      }),
      repeat({ delay: again }),
      retry({ delay: again }),
    );
  }
}
