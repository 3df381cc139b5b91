"""An agent that reads files."""

import os

from ..assistant import AssistantAgent
from ..models import ChatCompletionClient
from .files import Files, FolderFiles
from .pages import Pages

_DESCRIPTION = "An agent that finds, reads and searches local files."
_INSTRUCTIONS = (
    "You look things up in the files of a workspace. Use your tools to list, open and search "
    "them; a file is read page by page. Then answer what you were asked, say in which files you "
    "found it, and quote what matters. If it is not there, say so."
)
_STEPS = 12


class FileSurfer(AssistantAgent):
    """Answers from the files of a folder, or of a sandbox. It can only read.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    model_client:
        A model that can call functions.
    description:
        What the agent is good for.
    base_path:
        The folder; by default the current one. Nothing outside of it can be read.
    files:
        Where the files are instead: the executor of the team's code, for example.

    Raises
    ------
    UsageError
        The model cannot call functions, or there is no such folder.
    """

    def __init__(
        self,
        name: str,
        model_client: ChatCompletionClient,
        description: str = _DESCRIPTION,
        base_path: str | os.PathLike[str] = ".",
        *,
        files: Files | None = None,
    ) -> None:
        pages = Pages(files or FolderFiles(base_path))
        super().__init__(
            name,
            model_client,
            description=description,
            system_message=_INSTRUCTIONS,
            tools=[pages.list_files, pages.open_path, pages.find],
            max_tool_iterations=_STEPS,
            reflect_on_tool_use=True,
        )
