"""The one place where the sample loop meets the rules: `select`, and `follow`, `renew` if any."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.extending import overload

from lsh_dl.common.errors import UserError


class SelectionError(UserError):
    """A rule's `select` gave what is no selection."""


class Selection(NamedTuple):
    """What a rule's `select` fills in for one layer and sample; room for all nodes of the layer.

    Attributes
    ----------
    nodes : int32 (nodes,)
        Ids of the active nodes, each once: 0 to the layer's nodes - 1. Only what stands before the
        count that `select` returns is read.
    preactivations : float32 (nodes,)
        w.x + b of each chosen node, in the order of `nodes`; read where the rule
        `computes_preactivations`.
    gains : float32 (nodes,)
        Factors on the chosen nodes' activations, at least 0; 1 unless written.
    work : int64 (stages,)
        Multiplications by stage, to be added to.
    """

    nodes: np.ndarray  # int32: ids of the active nodes
    preactivations: np.ndarray  # float32: w.x + b, written by rules that compute it anyway
    gains: np.ndarray  # float32: factors on the activations; 1 unless written
    work: np.ndarray  # int64 (stages,): multiplications, see engine/work.py


#: The functions of every rule in use, by the type of its state.
_select: dict[type, Callable[..., int]] = {}
_follow: dict[type, Callable[..., None] | None] = {}
_renew: dict[type, Callable[..., None] | None] = {}


def register(
    state: Any,
    select: Callable[..., int],
    follow: Callable[..., None] | None = None,
    renew: Callable[..., None] | None = None,
) -> bool:
    """Make a rule's functions known for states of this type; True if `select` is compiled.

    Raises
    ------
    UserError
        Two rules share one type of state, so that it does not tell which `select` is meant.
    """
    known = _select.setdefault(type(state), select)
    if known is not select:
        raise UserError(
            f"{type(state).__module__}.{type(state).__name__}: the state of two selection rules; "
            "give each rule a NamedTuple of its own"
        )
    _follow[type(state)], _renew[type(state)] = follow, renew
    return isinstance(select, Dispatcher)


def functions_of(state: type) -> list[Callable[..., Any]]:
    """The functions of the rule whose state is of this type; none if it is no rule's."""
    found = (_select.get(state), _follow.get(state), _renew.get(state))
    return [function for function in found if function is not None]


def select_nodes(state, layer, x, key, training, chosen):
    """Call the rule's `select`; how many nodes it chose, each one of the layer's.

    The compiled form does not look for a node that is chosen twice: nothing breaks by it, and
    `lsh-dl rules check` finds it.
    """
    count = int(_select[type(state)](state, layer, x, key, training, chosen))
    width = layer.weights.shape[0]
    nodes = chosen.nodes[: max(0, count)]
    if not 0 <= count <= width or np.any((nodes < 0) | (nodes >= width)):
        raise SelectionError(
            f"{_select[type(state)].__module__}.select: layer {layer.index} has nodes 0 to "
            f"{width - 1}; got {count} ids from {nodes.min(initial=0)} to {nodes.max(initial=0)}"
        )
    if np.unique(nodes).size != count:
        raise SelectionError(f"{_select[type(state)].__module__}.select: a node is chosen twice")
    return count


@overload(select_nodes)
def _compile_select_nodes(state, layer, x, key, training, chosen):
    select = _select.get(getattr(state, "instance_class", None))
    if select is None:
        return None

    def call(state, layer, x, key, training, chosen):
        count = select(state, layer, x, key, training, chosen)
        width = chosen.nodes.shape[0]
        if count < 0 or count > width:
            raise SelectionError("select returned no number of nodes that the layer has")
        astray = 0
        for p in range(count):
            astray += (chosen.nodes[p] < 0) | (chosen.nodes[p] >= width)
        if astray > 0:
            raise SelectionError("select chose ids that are no nodes of the layer")
        return count

    return call


def follow_updates(state, layer, x, nodes, steps, work):
    """Call the rule's `follow`, if it has one."""
    follow = _follow[type(state)]
    if follow is not None:
        follow(state, layer, x, nodes, steps, work)


@overload(follow_updates)
def _compile_follow_updates(state, layer, x, nodes, steps, work):
    follow = _follow.get(getattr(state, "instance_class", None))
    if follow is None:
        return lambda state, layer, x, nodes, steps, work: None

    def call(state, layer, x, nodes, steps, work):
        follow(state, layer, x, nodes, steps, work)

    return call


def renew_due(state, network, relay, row, work):
    """Call the rule's `renew`, if it has one."""
    renew = _renew[type(state)]
    if renew is not None:
        renew(state, network, relay, row, work)


@overload(renew_due)
def _compile_renew_due(state, network, relay, row, work):
    renew = _renew.get(getattr(state, "instance_class", None))
    if renew is None:
        return lambda state, network, relay, row, work: None

    def call(state, network, relay, row, work):
        renew(state, network, relay, row, work)

    return call
