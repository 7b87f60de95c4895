import { Injectable, computed, inject } from "@angular/core";
import { rxResource, toObservable } from "@angular/core/rxjs-interop";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { EMPTY, defer, map, merge, repeat, retry, skip, switchMap } from "rxjs";
import {
  AgentsDocument,
  ConfigurationChangesDocument,
  ConfigurationDocument,
} from "./configuration.generated";
import { Session } from "./session";
import { Socket } from "./socket";

const RETRY_MS = 3_000;

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
    const changes = defer(() =>
      this.apollo.subscribe({ query: ConfigurationChangesDocument }),
    ).pipe(repeat({ delay: RETRY_MS }), retry({ delay: RETRY_MS }));
    // Labels are on every page, and a change while away was missed: read anew what is shown.
    toObservable(this.session.viewer)
      .pipe(switchMap((viewer) => (viewer ? merge(changes, this.reconnections) : EMPTY)))
      .subscribe(() => void this.apollo.client.refetchQueries({ include: "active" }));
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
