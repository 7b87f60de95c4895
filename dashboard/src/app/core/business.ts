import { Injectable, computed, inject } from "@angular/core";
import { rxResource } from "@angular/core/rxjs-interop";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { map } from "rxjs";
import { AgentsDocument, ConfigurationDocument } from "./configuration.generated";
import { Session } from "./session";

/** What makes this installation the business's own, and who works there. */
@Injectable({ providedIn: "root" })
export class Business {
  private readonly apollo = inject(Apollo);
  private readonly session = inject(Session);

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

  readonly terminology = computed(() => this.configuration()?.terminology);
  /** In the order in which to offer them, retired ones too. */
  readonly categories = computed(() => this.configuration()?.ticketCategories.categories ?? []);
  readonly offeredCategories = computed(() => this.categories().filter((each) => !each.isRetired));
  /** Everyone to whom a ticket can be assigned. */
  readonly agents = computed(() =>
    this.agentsResource.hasValue() ? this.agentsResource.value() : [],
  );
}
