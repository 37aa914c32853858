"""A character-level transformer: warm-up, groups of weight decay, accumulation, clipping."""

import math

import torch
import torch.nn.functional as F
from torch import nn

text = "to be, or not to be, that is the question: whether 'tis nobler in the mind to suffer " * 20
chars = sorted(set(text))
block_size, batch_size, n_embd, accumulation, max_iters, warmup = 16, 8, 32, 2, 30, 5

torch.manual_seed(1337)
data = torch.tensor([chars.index(c) for c in text])


def get_batch():
    ix = torch.randint(len(data) - block_size - 1, (batch_size,))
    x = torch.stack([data[i : i + block_size] for i in ix])
    y = torch.stack([data[i + 1 : i + block_size + 1] for i in ix])
    return x, y


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(len(chars), n_embd)
        self.positions = nn.Embedding(block_size, n_embd)
        layer = nn.TransformerEncoderLayer(n_embd, 2, 64, dropout=0.1, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(n_embd, len(chars))

    def forward(self, idx, targets):
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(idx.shape[1])
        logits = self.head(self.blocks(x, mask=mask, is_causal=True))
        return F.cross_entropy(logits.view(-1, len(chars)), targets.reshape(-1))


model = Transformer()
decay = [p for p in model.parameters() if p.dim() >= 2]
no_decay = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}],
    lr=1e-2,
    betas=(0.9, 0.95),
)


def lr_lambda(it):
    if it < warmup:
        return (it + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (it - warmup) / (max_iters - warmup)))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda)

for it in range(max_iters):
    total = 0.0
    for _ in range(accumulation):
        xb, yb = get_batch()
        loss = model(xb, yb) / accumulation
        loss.backward()
        total += loss.item()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    lr = scheduler.get_last_lr()[0]
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad(set_to_none=True)
    print(f"step {it + 1} loss {total:.17g} lr {lr:.17g} norm {min(norm.item(), 1.0):.6f}")
