import createTicket from "./createTicket.graphql";
import login from "./login.graphql";
import ticketEvents from "./ticketEvents.graphql";
import tickets from "./tickets.graphql";

/** What a first visitor finds. */
export const defaultTabs = [
  {
    query: login,
    variables: JSON.stringify({ input: { email: "", password: "" } }, null, 2),
  },
  {
    query: tickets,
    variables: JSON.stringify({ after: null, filter: { status: ["NEW", "OPEN"] } }, null, 2),
  },
  {
    query: createTicket,
    variables: JSON.stringify(
      {
        input: {
          subject: "Street light out",
          description: "The lamp at the corner has been dark for three nights.",
          category: "light_malfunction",
          priority: "HIGH",
        },
      },
      null,
      2,
    ),
  },
  {
    query: ticketEvents,
    variables: JSON.stringify({ filter: {} }, null, 2),
  },
];

/** On a first visit, fills the storage from which GraphiQL takes what its editors show. */
export function showFirstTab() {
  if (localStorage.getItem("graphiql:tabState")) return;
  const [{ query, variables }] = defaultTabs;
  localStorage.setItem("graphiql:query", query);
  localStorage.setItem("graphiql:variables", variables);
}
