"""Networks of people's own, as files with a preset for each."""

from pathlib import Path

from tui_trainer.config.presets import load_presets, make_config

HEAD = "import torch\nfrom torch import nn\n\n"
GOOD = {
    "residual": """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.second(nn.functional.gelu(self.first(x)))


def build(features, width=8):
    blocks = Block(width), Block(width)
    return nn.Sequential(nn.Linear(features, width), *blocks, nn.Linear(width, 1))
""",
    "batch-norm": """
def build(inputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))
""",
    "dropout": """
def build(features, dropout=0.1):
    layers = nn.Linear(features, 8), nn.GELU(), nn.Dropout(dropout), nn.Linear(8, 1)
    return nn.Sequential(*layers)
""",
    "partly": """
class build(nn.Module):
    '''Frozen features, a layer that is never used, and one parameter of its own.'''

    def __init__(self):
        super().__init__()
        self.features, self.idle, self.last = nn.Linear(1, 8), nn.Linear(3, 3), nn.Linear(8, 1)
        self.features.requires_grad_(False)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.last(torch.sin(self.features(x))) * self.scale
""",
}


def write(folder: Path, body: str, arguments: str = "{}", name: str = "own"):
    """Write a file with a function `build`, and its preset; return the presets."""
    folder.mkdir(exist_ok=True)
    (folder / "net.py").write_text(HEAD + body)
    (folder / "architecture.toml").write_text(
        f'[{name}]\ndescription = "of one\'s own"\nbuilder = "net.py:build"\n'
        f"arguments = {arguments}\n"
    )
    return load_presets(folder)


def config_of(presets, name: str = "own", **settings):
    """Make a config of a network of one's own that stays as it was built."""
    defaults = {"seed": 100, "engine": "eager", "lr": 0.003, "steps": 40, "init": "own"}
    return make_config(presets, "kaiming", **{**defaults, **settings, "architecture": name})
