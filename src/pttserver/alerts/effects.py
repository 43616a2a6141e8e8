"""What an alert asks its caller to do, in this order and before the next call."""

from dataclasses import dataclass

from pttserver.alerts.states import Step


@dataclass(frozen=True, slots=True)
class Record:
    """Write the step down, and tell it to everybody concerned."""

    step: Step


@dataclass(frozen=True, slots=True)
class Route:
    """Tell the alert to a stage: 0 is the policy's route, n the n-th stage of its escalation.

    Call `nobody_reached` if nobody of the stage is there to hear it.
    """

    stage: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The alert is over: nothing more will happen to it."""


Effect = Record | Route | Closed
