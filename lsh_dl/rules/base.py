"""The contract of a selection rule: what the author of a new one reads.

A rule decides, for one sample and one hidden layer, which nodes are active. It is one class in a
file of its own: in this folder, where its presence is all the registration there is, or anywhere,
named by its path. docs/add_a_rule.md makes two; `lsh_dl.rules.toolbox` has what they are made with.

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

    A subclass gives `name`, `title`, `start` and `select`; all else has a default. Its docstring
    cites the paper, if there is one, and says what happens in training and at test.

    Parameters
    ----------
    settings
        An instance of the class's own `Settings`.
    active_fraction
        Wanted share of active nodes, in (0, 1].
    seed
        Seed of the rule's own random choices; data order and initial weights have another.

    Attributes
    ----------
    name : str
        Word for the config, unique among the rules: letters, digits, `_` and `-`.
    title : str
        Name in legends and tables.
    uses_active_fraction : bool
        False for a rule without levels: it runs once, at 1.0. Default: True.
    computes_preactivations : bool
        True if `select` writes `chosen.preactivations` of all nodes that it chooses; the forward
        pass then does not compute them again. Default: False.
    Settings : type
        A subclass of `RuleSettings` with the rule's own settings. Default: there are none.
    select : staticmethod
        ``select(state, layer, x, key, training, chosen) -> count``: called for every sample and
        hidden layer. It writes the ids of the active nodes to ``chosen.nodes[:count]``, each once,
        in any order, and returns how many there are: 0 to the layer's nodes.

        - `state`: what `start` returned. `select` may write to its arrays: they are scratch, or
          learned.
        - `layer`: the `Layer`'s weights; read only.
        - `x`: the layer's input, a `Vector` with a 1 for the bias behind it; read only.
        - `key` (uint64): for random draws, ``uniform(key, i)``. Each sample of each epoch and layer
          has another, whatever the thread. Draw from nothing else, so that a run can be repeated.
        - `training` (bool): False at inference.
        - `chosen`: the `Selection` that `select` fills in: `nodes`, and as it likes `gains` and
          `preactivations`; it adds its multiplications to ``chosen.work[SELECT]`` (``RERANK`` for
          exact pre-activations of candidates).
    follow : staticmethod or None
        ``follow(state, layer, x, nodes, steps, work) -> None``, if there is one, is called in
        training after each update of a hidden layer, with the ids of the updated nodes (int32) and
        a step each (float32). Under plain SGD weights[nodes[p]] has become weights[nodes[p]] +
        steps[p] * x; other optimisers scale each weight's step. Compiled where `select` is.
    renew : staticmethod or None
        ``renew(state, network, relay, row, work) -> None``, if there is one, is called in training
        with several threads before each sample, where refreshes are due that
        `refreshes_meanwhile`. In place of `refresh` it renews what is due of the state, while other
        threads read it (`lsh_dl.engine.threads.Relay`), and adds its multiplications to
        ``work[MAINTAIN]``. Compiled where `select` is, else not called.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    uses_active_fraction: ClassVar[bool] = True
    computes_preactivations: ClassVar[bool] = False
    Settings: ClassVar[type[RuleSettings]] = RuleSettings
    select: ClassVar[Callable[..., int]]
    follow: ClassVar[Callable[..., None] | None] = None
    renew: ClassVar[Callable[..., None] | None] = None

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
        """Build the state that `select` is given: a NamedTuple of NumPy arrays and numbers.

        It may hold further such NamedTuples, but no lists, texts or objects. All that training
        changes lies in the arrays: a model is saved, copied and resumed by putting their contents
        in what `start` gives. So `start` gives the same for the same settings, seed and network,
        and an array keeps its shape and dtype; the rule's own attributes do not change.

        Parameters
        ----------
        network
            Initial weights, to be read; ``network.sizes`` are inputs, widths and classes. Hidden
            layers are numbered from 0, of ``len(network.sizes) - 2``.
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

        `optimiser` has `adagrad`, `adam` (bool), `momentum` and `alpha` (L2 penalty; 0: off).
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
        """Bring the state up to date with the weights; no thread trains meanwhile.

        Parameters
        ----------
        state
            What `start` returned; its arrays are written in place.
        network
            The weights as they are now (`lsh_dl.rules.toolbox.layer_weights`); read only.
        recent
            The samples trained on last.
        work
            int64; the multiplications done are added to ``work[MAINTAIN]``.
        team
            ``team.run(task, parts)`` calls ``task(0)`` ... ``task(parts - 1)`` in all threads.
        """

    def refreshes_meanwhile(self, state: Any, ahead: int) -> bool:
        """Whether several threads do a refresh by `renew`, while others train.

        Asked for the next refresh, `ahead` 0, and those after it.
        """
        return False

    def settle(self, state: Any, refreshes: int) -> None:  # noqa: B027 (most have none)
        """Note that so many refreshes were done by `renew`; no thread trains meanwhile."""

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
