"""What a run knows of itself that may be published: base, data, training, scores and certificate, without paths."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.files import sha256
from ..core.read_recipe import read_recipe
from ..core.recipe import Recipe
from ..core.run import Run
from ..export.certificate.certificate import Certificate, read_certificate
from ..export.certificate.provenance import base_on_hub


@dataclass(frozen=True)
class SourceOfPairs:
    """A source of training pairs; `hub` is its name on the Hub, or ""."""

    name: str
    license: str
    kept: int
    hub: str = ""


@dataclass(frozen=True)
class Score:
    """The share of right answers of one model (base, start or tuned) with its 95 % interval; shares in 0..1."""

    model: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Facts:
    """Everything that a model card says.

    `base` is the base's name, `base_hub` its id on the Hub or "". `certificate` is that of the file that ships, None
    where there is none. `rank` and `alpha` are the adapter's. `gate` has a line for each comparison of the export.
    `trained_here` is False for an adapter from elsewhere, whose settings are not known; `training` are facts of the
    train stage.
    """

    recipe: Recipe
    name: str
    base: str
    base_hub: str
    sources: tuple[SourceOfPairs, ...]
    pairs: Mapping[str, int]
    trained_here: bool
    training: Mapping[str, Any]
    rank: int
    alpha: float
    merge_base: str
    scores: tuple[Score, ...]
    gate: tuple[str, ...]
    certificate: Certificate | None
    version: str

    @property
    def family(self) -> str:
        """Return the name of the template family."""
        return self.recipe.base.family


def facts(run: Run, gguf: Path | None) -> Facts:
    """Collect what a run states; certificate and scores are left out where they are not of `gguf`, the file that ships.

    Raises DataError for a run whose manifest or recipe is missing or broken.
    """
    manifest = run.manifest()
    recipe, _ = read_recipe(str(run.recipe_path))
    stages = manifest["stages"]
    digest = sha256(gguf) if gguf is not None else ""
    hub = base_on_hub(recipe.base.model)
    gate, adapter = stages.get("gate", {}), _adapter_config(run, recipe.train.start)
    judged = bool(digest) and gate.get("inputs", {}).get("gguf") == digest
    return Facts(
        recipe=recipe,
        name=recipe.export.name,
        base=hub.rpartition("/")[2] or Path(recipe.base.model).name,
        base_hub=hub,
        sources=(
            *_sources(run, recipe, stages.get("data", {})),
            *(STARTER if _from_the_starter(recipe) else ()),
        ),
        pairs={key: int(stages["data"][key]) for key in ("train", "valid") if key in stages.get("data", {})},
        trained_here="train" in stages,
        training={key: stages["train"][key] for key in TRAINING if key in stages.get("train", {})},
        rank=int(adapter.get("r") or recipe.lora.r),
        alpha=float(adapter.get("lora_alpha") or recipe.lora.alpha),
        merge_base=run.merge_base(),
        scores=_scores(run, gguf) if judged and gguf is not None else (),
        gate=tuple(map(str, gate.get("lines", ()))) if judged else (),
        certificate=_certificate(run, digest),
        version=str(manifest.get("sql_llama", "")),
    )


STARTER = (  # recipes/starter/README.md: who passes it on names the authors of its data
    SourceOfPairs("Spider (Yu et al., 2018), by the starter adapter", "CC BY-SA 4.0", 6659, "xlangai/spider"),
    SourceOfPairs("WikiSQL (Zhong et al., 2017), by the starter adapter", "BSD-3-Clause", 5877),
)
TRAINING = ("steps", "rows", "tokens", "train_loss", "valid_loss", "dtype")


def _adapter_config(run: Run, start: str) -> dict[str, Any]:
    """The config of the run's adapter: one that went on from an earlier adapter has that one's rank."""
    folder = run.adapter if run.adapter.is_dir() else Path(start).expanduser()
    with contextlib.suppress(OSError, ValueError):
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        return config if isinstance(config, dict) else {}
    return {}


def _from_the_starter(recipe: Recipe) -> bool:
    return recipe.train.start == "starter" or Path(recipe.train.start).parts[-2:] == ("recipes", "starter")


def _sources(run: Run, recipe: Recipe, stage: Mapping[str, Any]) -> tuple[SourceOfPairs, ...]:
    """The sources of the data card; of an older run those of its manifest, whose licences are not told apart."""
    hub = {
        source.name or source.path.removeprefix("hub:"): source.path.removeprefix("hub:")
        for source in recipe.data.source
        if source.path.startswith("hub:") and not Path(source.path.removeprefix("hub:")).exists()
    }
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        card = json.loads((run.path / "data" / "card.json").read_text(encoding="utf-8"))
        return tuple(
            SourceOfPairs(
                Path(item["name"]).name if Path(item["name"]).is_absolute() else item["name"],
                item.get("license") or "",
                int(item["kept"]),
                hub.get(item["name"], ""),
            )
            for item in card["sources"]
            if item["kept"]
        )
    return tuple(SourceOfPairs(Path(name).name, "", int(kept)) for name, kept in stage.get("sources", {}).items())


def _scores(run: Run, gguf: Path) -> tuple[Score, ...]:
    """The scores of the gate's report: base first, the exported file last, between them the start of the training."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, StopIteration):
        models = json.loads((run.path / "evals" / "report.json").read_text(encoding="utf-8"))["models"]
        tuned = next(place for place, model in enumerate(models) if Path(model["path"]).name == gguf.name)
        found = []
        for place, model in enumerate(models):
            accuracy = model["metrics"]["execution_accuracy"]
            name = "tuned" if place == tuned else "base" if place == 0 else "start"
            numbers = (float(accuracy[key]) for key in ("value", "low", "high"))
            found.append(Score(name, int(accuracy["n"]), *numbers))
        return tuple(found)
    return ()


def _certificate(run: Run, digest: str) -> Certificate | None:
    with contextlib.suppress(SqlLlamaError):
        certificate = read_certificate(run.path / "certificate.json")
        if digest and certificate.sha256 == digest:
            return certificate
    return None
