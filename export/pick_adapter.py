"""Choose between the adapters of a training's last checkpoints (train.best = "file") by the answers of their files."""

from dataclasses import replace

from ..core.files import sha256
from ..core.run import Run
from .gguf_files import write_candidate
from .keep_adapter import keep_adapter
from .merge.merge import MergeBase
from .plan import AUTO, Judges, Plan

ADAPTERS = "adapters"  # folder in the run, with a folder step-N for each


def pick_adapter(run: Run, plan: Plan, judges: Judges) -> Plan:
    """Return the plan with the chosen adapter, which becomes the run's own; each is asked in the type that ships first.

    The plan is returned as it is where the recipe does not ask for this, where there is one adapter only, and without
    a judge: the run's adapter is that of the last step then.
    """
    folders = sorted((run.path / ADAPTERS).glob("step-*"), key=lambda folder: int(folder.name.removeprefix("step-")))
    if plan.recipe.train.best != "file" or len(folders) < 2:
        return plan
    quant = next((quant for quant in plan.quants if quant != AUTO), "Q4_K_M")
    inputs = {**plan.inputs, "adapter": sha256(run.path / ADAPTERS), "type": quant}
    if judges.adapter is None and not run.done("pick adapter", inputs):
        return plan
    with run.stage("pick adapter", inputs) as stage:
        if not stage.done and judges.adapter is not None:
            trained_over: MergeBase = "base" if plan.recipe.train.quantization == "none" else "nf4"
            files = {folder.name: run.gguf / f".{plan.name}-{quant}-{folder.name}.gguf" for folder in folders}
            for folder in folders:
                candidate = replace(plan, adapter=folder, inputs={**plan.inputs, "adapter": sha256(folder)})
                write_candidate(run, candidate, trained_over, quant, files[folder.name])
            stage.facts["chosen"] = judges.adapter(run, files).label
            for path in files.values():
                path.unlink()
    adapter = keep_adapter(run, run.path / ADAPTERS / str(stage.facts["chosen"]))
    return replace(plan, adapter=adapter, inputs={**plan.inputs, "adapter": sha256(adapter)})
