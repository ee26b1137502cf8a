"""Contract, of what happens to a layer between its steps: copies, conversions, loads and the rest leave its numbers."""

from __future__ import annotations

from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, within
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.running import same_count, same_state
from bn_reference.properties.trial import Trial

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES, "eval")

# of cases.circumstances, those after which a layer is to be what it was
HARMLESS = ("convert", "pickle", "copy", "load", "load without the counter", "replace parameters", "lend parameters")


@prop(source=f"{TORCH_DOCS}; docs of torch.nn.Module.to")
def what_happens_to_a_layer_leaves_its_numbers(trial: Trial) -> Comparison:
    """A layer that was converted to float64 and back, copied, pickled, that loaded its own state, or whose parameters were
    replaced by equal ones or lent, has the statistics that it had, and evaluates as before."""
    case = trial.case.fresh
    trial.require(case.tracks)
    word = HARMLESS[(case.batches + case.rows + 3 * case.channels) % len(HARMLESS)]
    session = trial.open(case).undergo(word, case)
    state = session.state()
    y = session.forward(place(case.x, case.layout), training=False).y
    return all_of(
        same_state(state, case, Aspect.AFTER_WHAT_HAPPENED),
        same_count(state.batches, case.batches),
        within("y", y, trial.expected_evaluation(case).y, Aspect.AFTER_WHAT_HAPPENED),
    )
