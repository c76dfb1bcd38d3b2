"""Send a package to the Hugging Face Hub: one commit, so that a repository never holds half of it."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import SqlLlamaError
from .package import Package, check_no_secret

NO_TOKEN = "set HF_TOKEN to a token with write access, or log in: hf auth login"


@dataclass(frozen=True)
class Sent:
    """What came of a push: the page of the repository, and the commit.

    `changed` is False where the repository already held the very same files, so that no commit was made. `left` are
    files of earlier pushes that are still there.
    """

    url: str
    commit: str
    changed: bool
    left: tuple[str, ...]


def send(package: Package, repository: str, *, private: bool = False) -> Sent:
    """Create the repository where it is not there yet, upload what it lacks, and commit all files at once.

    A push that was interrupted leaves the repository as it was; the next one goes on. Files that the package does not
    have stay. Raises SqlLlamaError when the Hub cannot be reached or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
    from huggingface_hub import logging as hub_logging
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if constants.HF_HUB_OFFLINE:
        raise SqlLlamaError(f"{repository}: cannot be pushed, HF_HUB_OFFLINE is set", fix="unset HF_HUB_OFFLINE")
    token = get_token()
    if not token:
        raise SqlLlamaError(f"{repository}: cannot be pushed without a token of the Hub", fix=NO_TOKEN)
    check_no_secret(package.items, [token])
    hub_logging.set_verbosity(logging.ERROR)
    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi(token=token)
    with _refusals(repository, token):
        url = str(api.create_repo(repository, private=private or None, exist_ok=True))
        before = api.model_info(repository)
        if private and not before.private:
            raise SqlLlamaError(
                f"{repository}: is there already and is public, so nothing was sent",
                fix="make it private in its settings on the Hub, or give another name with --to",
            )
        operations = [
            CommitOperationAdd(item.path, item.source if item.source is not None else item.content)
            for item in package.items
        ]
        commit = api.create_commit(repository, operations, commit_message="Publish with sql-llama")
    ours = {item.path for item in package.items} | {".gitattributes"}
    left = tuple(sorted({sibling.rfilename for sibling in before.siblings or ()} - ours))
    return Sent(url, commit.oid, commit.oid != before.sha, left)


@contextlib.contextmanager
def _refusals(repository: str, token: str) -> Iterator[None]:
    """Turn what the Hub or the way to it refuses into one line, in which the token cannot stand."""
    from huggingface_hub import constants, errors

    try:
        yield
    except SqlLlamaError:
        raise
    except errors.HFValidationError:
        raise SqlLlamaError(f"{repository}: not a name of a repository", fix="give OWNER/NAME with --to") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        said = _line(error.server_message or "", token)
        because = f" ({said})" if said else ""
        if status == 401:
            message, fix = f"{repository}: the Hub does not accept the token{because}", NO_TOKEN
        elif status in (402, 403, 404):
            message = f"{repository}: the Hub refuses, the token may not write there{because}"
            fix = "check the owner in --to, and that the token has write access"
        elif status >= 500:
            message, fix = f"{repository}: the Hub failed with status {status}{because}", "push again later"
        else:
            message = f"{repository}: the Hub refuses with status {status}{because}"
            fix = "give another name with --to, or push again later"
        raise SqlLlamaError(message, fix=fix) from None
    except Exception as error:  # of httpx, of Xet, of the system, and errors of an upload inside one of these
        cause = error.__cause__ or error
        reason = _line(str(cause), token) or type(cause).__name__
        fix = "check the network, then push again: it goes on where it was"
        if "xet" in reason:
            fix = f"{fix}; for a Hub without Xet storage set HF_HUB_DISABLE_XET=1"
        raise SqlLlamaError(f"{repository}: cannot be pushed to {constants.ENDPOINT} ({reason})", fix=fix) from None


def _line(text: str, token: str) -> str:
    line = next((line.strip() for line in text.replace(token, "***").splitlines() if line.strip()), "")
    return line if len(line) <= 200 else f"{line[:200]}..."
