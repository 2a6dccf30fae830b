"""What a selection rule is: the only file that the author of a new rule has to read.

A rule decides, for one sample and one hidden layer, which nodes are active. It is one class in a
file of its own in this folder; the file's presence is all the registration there is.
docs/add_a_rule.md makes one in plain NumPy, from an empty file to its curve in the figures.

Where `select` is a function compiled by `@compiled` (see wta.py), the whole training loop is
compiled around it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from lsh_dl.common.discovery import OF_FILE, find, refer_to
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.network import Network
from lsh_dl.engine.threads import Team


class RuleSettings(BaseModel):
    """Base of a rule's settings: each a pydantic field with default, bounds and description."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(ABC):
    """A way of choosing the active nodes of a hidden layer for one sample.

    Parameters
    ----------
    settings
        An instance of the class's own `Settings`.
    active_fraction
        Wanted share of active nodes, in (0, 1].
    seed
        Seed of the rule's own random choices; data order and initial weights have another.
    """

    #: Word for the config, unique among the rules.
    name: ClassVar[str]
    #: Name in legends and tables.
    title: ClassVar[str]
    #: False for a rule without levels: it runs once, at 1.0.
    uses_active_fraction: ClassVar[bool] = True
    #: True if `select` writes `chosen.preactivations` itself; the forward pass then skips them.
    computes_preactivations: ClassVar[bool] = False

    Settings: ClassVar[type[RuleSettings]] = RuleSettings

    #: `select(state, layer, x, key, training, chosen) -> count`: write the ids of the active nodes
    #: of one layer to `chosen.nodes[:count]`, each once, in any order.
    #:
    #: state     what `start` returned
    #: layer     Layer: `index` (0 = first hidden layer), `weights` (nodes, inputs + 1 and padding),
    #:           the bias standing behind the input weights
    #: x         Vector: `values` (dense, a 1 behind the inputs for the bias, zero-padded),
    #:           `ids` of its non-zero entries, the bias's last
    #: key       uint64, for `keys.uniform(key, i)`; the same for a sample whatever the thread
    #: training  False at inference
    #: chosen    Selection: `nodes` (out), `preactivations` (out, see above), `gains` (out, 1 unless
    #:           written for a chosen node: factors on the activations), `work` (add multiplications
    #:           by stage)
    select: ClassVar[Callable[..., int]]

    #: `follow(state, layer, x, nodes, steps, work)`, if there is one, is called in training after
    #: each update of a hidden layer. Under plain SGD weights[nodes[p]] has become
    #: weights[nodes[p]] + steps[p] * x; other optimisers scale each weight's step.
    follow: ClassVar[Callable[..., None] | None] = None

    def __init__(self, settings: RuleSettings, active_fraction: float, seed: int):
        self.settings = settings
        self.active_fraction = active_fraction
        self.seed = seed

    def __reduce__(self) -> tuple:
        """Pickled by a reference to its class, which may stand in a file."""
        given = (self.settings.model_dump(), self.active_fraction, self.seed)
        cls = type(self)
        if not cls.__module__.startswith(OF_FILE):
            return _rebuild, (cls, *given)
        return _rebuild, (refer_to(cls, __package__), *given)

    @abstractmethod
    def start(self, network: Network) -> Any:
        """Build the state that `select` is given: a NamedTuple of arrays and numbers.

        It may hold further such tuples. All that training changes lies in the arrays: a model is
        saved, copied and resumed by putting their contents in what `start` gives.
        """

    def check_state(self, state: Any, network: Network) -> None:  # noqa: B027 (most have no index)
        """Raise a ValueError if a state whose arrays were read from a file would harm `select`.

        Shapes, dtypes and finiteness are checked before. A rule that indexes memory by numbers of
        its state checks their range here, and may rebuild what follows from others. What is below
        a field called `scratch` is not saved: it is as `start` made it.
        """

    def state_bytes(self, sizes: Sequence[int]) -> int:
        """Bytes that `start` allocates at least for a network of these sizes; 0: hardly any.

        Asked before `start`, so that a damaged file does not fill the memory.
        """
        return 0

    def for_thread(self, state: Any) -> Any:
        """The state for one more thread: what is learned is shared, scratch is its own.

        A rule whose `select` writes scratch to its state returns a state with another one here
        (`state._replace(scratch=...)`). What threads share they read and write at the same time,
        without locks; a cell that each of them writes at each sample slows all of them down.
        """
        return state

    def check_optimiser(self, optimiser: Any) -> None:  # noqa: B027 (most go with any)
        """Refuse an optimiser that the rule's settings do not go with, by a UserError.

        `optimiser` has `adagrad` (bool), `momentum` and `alpha` (L2 penalty; 0: off).
        """

    def budgets(self, network: Network) -> np.ndarray:
        """Active nodes per hidden layer, at least one each: int64 (hidden layers,)."""
        widths = network.sizes[1:-1]
        return np.maximum(1, np.round(self.active_fraction * widths)).astype(np.int64)

    def for_outputs(self) -> "Rule | None":
        """The rule that selects the nodes of the output layer; None: it is dense.

        That rule is given the output layer as the only hidden layer of a network of its own
        (`lsh_dl.engine.network.view_outputs`).
        """
        return None

    def refresh_interval(self, seen: int, network: Network) -> int | None:
        """Training samples until the next `refresh`, after `seen` of them; None: never."""
        return None

    def refresh(  # noqa: B027 (most rules have nothing to refresh)
        self, state: Any, network: Network, recent: Batch, work: np.ndarray, team: Team
    ) -> None:
        """Bring the state up to date with the weights (hash tables, say).

        No thread trains meanwhile. `state` is what `start` returned; `recent` holds the samples
        trained on last; add the multiplications done to work[MAINTAIN]. `team.run` spreads work
        over the threads.
        """

    def regroup(self, state: Any, network: Network) -> Iterable[tuple[int, np.ndarray]]:
        """Renumber nodes for locality, after a refresh (lsh_dl/engine/reorder.py).

        Returns hidden layers, each with its order: node i becomes what node order[i] was, in
        `state` at once, in the network and its optimiser afterwards.
        """
        return ()


def _rebuild(
    rule: "type[Rule] | str", settings: dict[str, Any], active_fraction: float, seed: int
) -> Rule:
    cls = find(__package__, Rule, rule) if isinstance(rule, str) else rule
    return cls(cls.Settings(**settings), active_fraction, seed)
