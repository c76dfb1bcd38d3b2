"""Export a run with the gate: the file that ships has to answer better than its base."""

from pathlib import Path

from ..core.read_recipe import read_recipe
from ..core.run import Run, newest_run
from ..export.export import Exported, export_run
from ..export.plan import Judges, Options
from .pick import pick_adapter, pick_merge_base, pick_quant
from .shipped import shipped


def export_gated(run: str | Path | None = None, options: Options | None = None, *, gate: bool = True) -> Exported:
    """Merge, convert, quantize and check a run, by default the newest; finished steps are not repeated.

    With `gate`, the file is compared with its base and with the adapter that training started from. The weights to
    merge into, and with `train.best` "file" the checkpoint, are chosen by their answers. Raises DataError when the run
    is not trained, SqlLlamaError when a check fails or the file answers no better than its base.
    """
    chosen = newest_run() if run is None else Run(Path(run))
    chosen.manifest()
    recipe, _ = read_recipe(str(chosen.recipe_path))
    return export_run(chosen, recipe, options, judges(gate))


def judges(gate: bool) -> Judges:
    """Return the functions that compare the files of an export, or none of them."""
    if not gate:
        return Judges()
    return Judges(gate=shipped, merge_base=pick_merge_base, quant=pick_quant, adapter=pick_adapter)
