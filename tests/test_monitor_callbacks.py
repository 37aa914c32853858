"""`Monitor` in the trainers of Lightning and Hugging Face, where these are installed."""

import warnings

import pytest
import torch

from tui_trainer.runs.metrics import read_metrics
from tui_trainer.runs.summary import read_summary

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("TUI_TRAINER", "attach")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def imported(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def series_in(root):
    (folder,) = root.iterdir()
    found = read_metrics(folder / "metrics").series.items()
    summary = read_summary(folder)
    return summary, {name: (s.steps.tolist(), s.values.tolist()) for name, s in found}


def points():
    x = torch.arange(24.0).reshape(12, 2) / 24
    return [{"x": row, "labels": row.sum().reshape(1)} for row in x]


def test_a_fit_of_lightning(tmp_path):
    lightning = imported("pytorch_lightning")
    from tui_trainer.monitor.callbacks.lightning import LightningMonitor

    losses = []

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def loss(self, batch):
            return (self.layer(batch["x"]) - batch["labels"]).pow(2).mean()

        def training_step(self, batch, _):
            loss = self.loss(batch)
            losses.append(loss.item())
            return loss

        def validation_step(self, batch, _):
            self.log("val_loss", self.loss(batch))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    loader = torch.utils.data.DataLoader(points(), batch_size=4)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
        callbacks=[LightningMonitor("fit", runs=tmp_path / "runs")],
    )  # fmt: skip
    trainer.fit(Module(), loader, loader)
    summary, series = series_in(tmp_path / "runs")
    assert (summary.step, summary.steps, summary.lr, summary.state.value) == (6, 6, 0.1, "finished")
    assert series["train_loss"] == ([1, 2, 3, 4, 5, 6], losses)
    assert series["val_loss"][0] == [3, 6]


def test_a_trainer_of_transformers(tmp_path):
    transformers = imported("transformers")
    imported("accelerate")
    from tui_trainer.monitor.callbacks.transformers import TransformersMonitor

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def forward(self, x, labels):
            output = self.layer(x)
            return {"loss": (output - labels).pow(2).mean(), "logits": output}

    settings = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), num_train_epochs=2, per_device_train_batch_size=4,
        logging_steps=1, eval_strategy="epoch", report_to="none", save_strategy="no", use_cpu=True,
    )  # fmt: skip
    trainer = transformers.Trainer(
        Network(), settings, train_dataset=points(), eval_dataset=points(),
        callbacks=[TransformersMonitor("hf", runs=tmp_path / "runs")],
    )  # fmt: skip
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    summary, series = series_in(tmp_path / "runs")
    assert (summary.step, summary.steps, summary.state.value) == (6, 6, "finished")
    assert series["loss"][0] == [entry["step"] for entry in logged] == [1, 2, 3, 4, 5, 6]
    assert series["loss"][1] == pytest.approx([entry["loss"] for entry in logged])
    assert series["eval_loss"][0] == [3, 6]
