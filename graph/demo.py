"""`tickets demo`: filling a database with the demo company, in sight of whoever asked for it."""

from rich.markup import escape
from rich.panel import Panel
from rich.progress import TaskID

from domain.demo.company import DemoCompany
from domain.demo.stories import company
from graph.app import Past
from graph.terminal import console, progress_bars

# Everybody knows it, as the panel says; TICKETS_PASSWORD is another one.
PASSWORD = "luxfree-demo"  # noqa: S105

QUERY = """{
  tickets(first: 5, search: "lampara") {
    totalCount
    nodes {
      ticketId subject status customer { name }
      sla { resolution { state dueAt } }
    }
  }
}"""


async def play_demo(past: Past, *, seed: int, password: str) -> None:
    """Raises `domain.demo.company.DemoRefused`."""
    services = past.services
    demo = DemoCompany(
        tickets=services.tickets,
        customers=services.customers,
        conversations=services.conversations,
        accounts=services.accounts,
        configuration=services.configuration,
        drafts=past.drafts,
        clock=past.clock,
        time_zone=services.time_zone,
    )
    with progress_bars() as progress:
        bars: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            bar = bars.get(what)
            if bar is None:
                bar = bars[what] = progress.add_task(what, total=total)
            progress.update(bar, completed=done)

        await demo.found(seed=seed, password=password, progress=show)
    _introduce(password)


def _introduce(password: str) -> None:
    staff = [f"{agent.email:<36} {agent.role:<12} {agent.name}" for agent in company().agents]
    lines = [
        *staff,
        "",
        f"All of them have the password {password}",
        "Everybody can know it: before others can reach this server, change it",
        "or deactivate these accounts.",
        "",
        "A query to try:",
        "",
        QUERY,
    ]
    console.print(Panel(escape("\n".join(lines)), title="LUXFREE", expand=False), highlight=False)
