"""The configuration, as far as each viewer may read it."""

import strawberry

from domain.configuration import Configuration as ConfigurationModel
from domain.configuration import Terminology, TicketIdFormat
from domain.numbers import format_number
from graph.context import Info
from graph.tickets import TicketCategory


@strawberry.type(description="What tickets can be about.")
class TicketCategoriesSection:
    categories: list[TicketCategory] = strawberry.field(
        description="In the order in which to offer them; retired ones are marked."
    )


@strawberry.type(description="What things are called here.")
class TerminologySection:
    ticket_singular: str = strawberry.field(description="A ticket, as in “reporte”.")
    ticket_plural: str = strawberry.field(description="Tickets, as in “reportes”.")
    create_verb: str = strawberry.field(description="To open one, as in “reportar”.")
    customer_noun: str = strawberry.field(description="A customer, as in “usuario”.")
    agent_noun: str = strawberry.field(description="An agent, as in “agente”.")
    resolve_verb: str = strawberry.field(description="To resolve one, as in “resolver”.")

    @classmethod
    def from_model(cls, terminology: Terminology) -> "TerminologySection":
        return cls(**terminology.model_dump())


@strawberry.type(description="How ticket numbers are written.")
class TicketIdFormatSection:
    prefix: str = strawberry.field(description="1 to 12 of A–Z and 0–9.")
    include_year: bool = strawberry.field(description="Whether the year follows the prefix.")
    pad_length: int = strawberry.field(description="To how many digits zeros are put before.")
    separator: str = strawberry.field(description="Between the parts: `-`, `_`, `/` or none.")
    example: str = strawberry.field(description="The year's first number in this format.")

    @classmethod
    def from_model(cls, number_format: TicketIdFormat, year: int) -> "TicketIdFormatSection":
        return cls(**number_format.model_dump(), example=format_number(number_format, year, 1))


@strawberry.type(description="What makes this installation the business's own.")
class Configuration:
    ticket_categories: TicketCategoriesSection = strawberry.field(
        description="What tickets can be about."
    )
    terminology: TerminologySection = strawberry.field(description="What things are called.")
    ticket_id_format: TicketIdFormatSection = strawberry.field(
        description="How ticket numbers are written."
    )

    @classmethod
    def from_model(cls, configuration: ConfigurationModel, year: int) -> "Configuration":
        return cls(
            ticket_categories=TicketCategoriesSection(
                categories=[
                    TicketCategory.from_model(each)
                    for each in configuration.ticket_categories.categories
                ]
            ),
            terminology=TerminologySection.from_model(configuration.terminology),
            ticket_id_format=TicketIdFormatSection.from_model(configuration.ticket_id_format, year),
        )


@strawberry.type
class ConfigurationQueries:
    @strawberry.field(description="The configuration, as far as the viewer may read it.")
    async def configuration(self, info: Info) -> Configuration:
        assert info.context.actor
        now = info.context.services.clock()
        return Configuration.from_model(await info.context.configuration(), now.year)
