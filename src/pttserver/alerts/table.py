"""The life of an alert as a table: state x step -> the state that it leads to."""

# Theory of operation
# ===================
#
#   raised         waits for the first device of a recipient
#   delivered      waits for a dispatcher
#   acknowledged   a dispatcher knows of it
#   handling       a dispatcher sees to it; another one may take over
#   resolved, false_alarm, test, cancelled   over
#
# A step that has no entry does nothing: a second acknowledgement, whatever comes after the end. So packets that come
# twice, and people who answer at the same moment, do no harm.
#
# While it waits, the timer of the acknowledgement runs. Whenever it expires, the next stage of the escalation is told;
# after the last one the timeline says that nobody answered. Only an acknowledgement, or an end, stops it.
#
# While it is open a dispatcher may listen to the raiser's microphone (`listening`): that leaves the alert where it is.
# Whatever closes the alert ends the listening first, so the timeline tells it before the end. Likewise a dispatcher may
# write notes (`noted`): none is ever changed or taken away.
#
# The timeline is a path through this table. After a restart the path is walked again, and the alert stands where it
# stood; what had run of its timer is taken off.

from collections.abc import Mapping

from pttserver.alerts.states import FOR_STAFF, State, StepKind

ENDS: Mapping[StepKind, State] = {
    StepKind.RESOLVED: State.RESOLVED,
    StepKind.FALSE_ALARM: State.FALSE_ALARM,
    StepKind.TEST: State.TEST,
    StepKind.CANCELLED: State.CANCELLED,
}
"""What closes an alert, in any state before."""


def _while_open(state: State) -> dict[StepKind, State]:
    return {**dict.fromkeys(FOR_STAFF, state), **ENDS}


def _while_waiting(state: State) -> dict[StepKind, State]:
    answers = {StepKind.ACKNOWLEDGED: State.ACKNOWLEDGED, StepKind.HANDLING: State.HANDLING}
    return {StepKind.ESCALATED: state, StepKind.UNANSWERED: state, **answers, **_while_open(state)}


TABLE: Mapping[State, Mapping[StepKind, State]] = {
    State.RAISED: {StepKind.DELIVERED: State.DELIVERED, **_while_waiting(State.RAISED)},
    State.DELIVERED: {StepKind.DELIVERED: State.DELIVERED, **_while_waiting(State.DELIVERED)},
    State.ACKNOWLEDGED: {
        StepKind.DELIVERED: State.ACKNOWLEDGED,
        StepKind.HANDLING: State.HANDLING,
        **_while_open(State.ACKNOWLEDGED),
    },
    State.HANDLING: {
        StepKind.DELIVERED: State.HANDLING,
        StepKind.HANDLING: State.HANDLING,
        **_while_open(State.HANDLING),
    },
    State.RESOLVED: {},
    State.FALSE_ALARM: {},
    State.TEST: {},
    State.CANCELLED: {},
}


def mermaid() -> str:
    """The table as a Mermaid state diagram; what leaves an alert where it is, is left out."""
    arrows = [
        f"    {state} --> {target} : {kind}"
        for state, steps in TABLE.items()
        for kind, target in steps.items()
        if target is not state
    ]
    ends = [f"    {state} --> [*]" for state in ENDS.values()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.RAISED}", *arrows, *ends, ""])
