import { Injectable, computed, inject } from "@angular/core";
import { rxResource, toObservable } from "@angular/core/rxjs-interop";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { EMPTY, type Observable, map, skip, switchMap } from "rxjs";
import {
  AgentsDocument,
  ConfigurationChangesDocument,
  ConfigurationDocument,
} from "./configuration.generated";
import { Live } from "./live";
import { Session } from "./session";
import { Socket } from "./socket";

/** What makes this installation the business's own, and who works there. */
@Injectable({ providedIn: "root" })
export class Business {
  private readonly apollo = inject(Apollo);
  private readonly session = inject(Session);
  private readonly reconnections = inject(Socket).connected.pipe(skip(1));

  private readonly configurationResource = rxResource({
    params: () => this.session.viewer()?.id,
    stream: () =>
      this.apollo.watchQuery({ query: ConfigurationDocument }).valueChanges.pipe(
        onlyCompleteData(),
        map(({ data }) => data.configuration),
      ),
  });
  private readonly agentsResource = rxResource({
    params: () => this.session.viewer()?.id,
    stream: () =>
      this.apollo.watchQuery({ query: AgentsDocument }).valueChanges.pipe(
        onlyCompleteData(),
        map(({ data }) => data.agents.nodes),
      ),
    defaultValue: [],
  });

  private readonly configuration = computed(() =>
    this.configurationResource.hasValue() ? this.configurationResource.value() : undefined,
  );

  constructor() {
    const changes = inject(Live).subscribe(ConfigurationChangesDocument, {});
    const whileSignedIn = <T>(source: Observable<T>) =>
      toObservable(this.session.viewer).pipe(switchMap((viewer) => (viewer ? source : EMPTY)));
    // Labels are on every page: read anew what is shown.
    whileSignedIn(changes).subscribe(
      () => void this.apollo.client.refetchQueries({ include: "active" }),
    );
    // A change while away was missed. What else was, each page learns by itself.
    whileSignedIn(this.reconnections).subscribe(
      () =>
        void this.apollo.client.refetchQueries({
          updateCache: (cache) => cache.evict({ fieldName: "configuration" }),
          // Only to find what shows it.
          optimistic: true,
        }),
    );
  }

  /** Null to those who may not know. */
  readonly language = computed(() => this.configuration()?.assistant?.language);
  readonly terminology = computed(() => this.configuration()?.terminology);
  /** In the order in which to offer them, retired ones too. */
  readonly categories = computed(() => this.configuration()?.ticketCategories.categories ?? []);
  readonly offeredCategories = computed(() => this.categories().filter((each) => !each.isRetired));
  /** Everyone to whom a ticket can be assigned. */
  readonly agents = computed(() =>
    this.agentsResource.hasValue() ? this.agentsResource.value() : [],
  );
}
