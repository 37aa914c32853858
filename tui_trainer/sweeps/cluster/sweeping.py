"""A sweep over the nodes of a Ray cluster, with the same events as one on this machine.

Ray runs in a process of its own, the driver (`driver`), where it may print, set signal handlers
and end the process with the cluster. The candidates' events come through a pipe.
"""

from collections.abc import Iterator

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.cluster.driver_process import Driver
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepEvent
from tui_trainer.sweeps.plan import Sweep


def sweep_on_cluster(
    plan: Sweep, control: SweepControl | None = None, address: str | None = None, *, fits: bool
) -> Iterator[SweepEvent]:
    """Train all candidates on the Ray cluster at `address`; see `sweeper.sweep`.

    Without an address it is RAY_ADDRESS, or the cluster that this machine is part of. Candidates
    whose worker is lost start again on another one. `control.watch` has no effect here.

    Raises:
        InvalidSettingsError: by this call, before any event: if there is no such cluster, or none
            that can train this.
    """
    control = control or SweepControl()
    device = plan.base.device
    if ":" in device:
        raise InvalidSettingsError(f"device {device}: on a cluster Ray picks the GPU; write cuda")
    driver = Driver(address, "GPU" if device == "cuda" else "CPU")
    # Torch comes with these: where there is no cluster, the answer does not wait for it.
    from tui_trainer.sweeps.cluster.coordinator import train_on
    from tui_trainer.sweeps.sweeper import with_end

    return with_end(train_on(driver, plan, control, fits), plan)
