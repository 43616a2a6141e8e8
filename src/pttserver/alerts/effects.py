"""What an alert asks its caller to do, in this order and before the next call."""

from dataclasses import dataclass

from pttserver.alerts.states import Step
from pttserver.ids import SubscriberId


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


@dataclass(frozen=True, slots=True)
class OpenMicrophone:
    """Make a channel in which only the raiser talks and this dispatcher hears, and have the device open it."""

    listener: SubscriberId


@dataclass(frozen=True, slots=True)
class AdmitListener:
    """One more dispatcher hears in the channel."""

    listener: SubscriberId


@dataclass(frozen=True, slots=True)
class DismissListener:
    """This dispatcher hears no more; others do."""

    listener: SubscriberId


@dataclass(frozen=True, slots=True)
class CloseMicrophone:
    """The channel is gone at once."""


ListeningEffect = OpenMicrophone | AdmitListener | DismissListener | CloseMicrophone
Effect = Record | Route | Closed | ListeningEffect
