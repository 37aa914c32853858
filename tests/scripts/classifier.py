"""Classify points in two rings with a small network."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def rings(count):
    angle = torch.rand(count) * 2 * torch.pi
    label = torch.randint(0, 2, (count,))
    radius = 1.0 + label + 0.2 * torch.randn(count)
    return TensorDataset(torch.stack([radius * angle.cos(), radius * angle.sin()], 1), label)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--save", default="")
    args = parser.parse_args()

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loader = DataLoader(rings(1024), batch_size=args.batch_size, shuffle=True)
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    criterion = nn.CrossEntropyLoss()

    step = 0
    try:
        for epoch in range(1, args.epochs + 1):
            correct = 0
            for points, labels in loader:
                points, labels = points.to(device), labels.to(device)
                optimizer.zero_grad()
                output = model(points)
                loss = criterion(output, labels)
                loss.backward()
                optimizer.step()
                scheduler.step()
                correct += (output.argmax(1) == labels).sum().item()
                step += 1
                if step % args.every == 0:
                    print(
                        f"step {step} loss {loss.item():.9g} lr {optimizer.param_groups[0]['lr']}"
                    )
            print(f"epoch {epoch}: accuracy {correct / len(loader.dataset):.4f}", flush=True)
    except KeyboardInterrupt:
        if not args.save:
            raise
        print("interrupted, saving")
    if args.save:
        torch.save({"model": model.state_dict(), "step": step}, args.save)


if __name__ == "__main__":
    main()
