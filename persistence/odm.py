"""ODMantic's base classes, in a form that type checkers can read.

ODMantic takes its metaclass from a private attribute of pydantic that pyright cannot follow, which
would make the type of every embedded document unknown. To a type checker these are therefore what
they are at run time but for the metaclass: pydantic models.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from odmantic import Field

if TYPE_CHECKING:
    from pydantic import BaseModel

    class EmbeddedModel(BaseModel):
        pass

    class Model(BaseModel):
        model_config: ClassVar[Any]

        @classmethod
        def __indexes__(cls) -> tuple[Any, ...]: ...

else:
    from odmantic import EmbeddedModel, Model

__all__ = ["EmbeddedModel", "Field", "Model"]
