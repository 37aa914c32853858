"""The settings that the sweep form offers, and what stands in its fields at first."""

from dataclasses import dataclass


@dataclass
class AxisDefaults:
    """A setting's description, and the contents of the fields while it is swept.

    Without `seeds` they are as many as it takes to tell the values from noise.
    """

    description: str
    values: str
    seeds: str = ""


def axis_defaults() -> dict[str, AxisDefaults]:
    """Return the settings that the form offers, by key."""
    return {
        "lr": AxisDefaults("The step size", "1e-5:1:log:16"),
        "l1_weight": AxisDefaults("The weight of the L1 penalty", "0,0.1,0.3,1,3,10"),
        "dropout": AxisDefaults("The fraction of inputs dropped", "0,0.01,0.03,0.1,0.3"),
        "weight_decay": AxisDefaults("The strength of weight decay", "0,0.001,0.01,0.1,1"),
        "init": AxisDefaults("Compares inits", "all"),
        "regularizer": AxisDefaults("Compares regularizers", "all"),
        "architecture": AxisDefaults("Compares networks", "all"),
        "optimizer": AxisDefaults("Compares optimizers", "all"),
        "schedule": AxisDefaults("Compares schedules of the lr", "all"),
        "activation": AxisDefaults("Compares activations", "all"),
        "batch_size": AxisDefaults("The points that a step trains on", "10,20,50,100"),
    }
