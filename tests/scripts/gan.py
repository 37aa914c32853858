"""A GAN on a line of numbers: two networks, two optimisers, a loss each."""

import torch
import torch.nn as nn

torch.manual_seed(7)
nz, batch = 4, 32
netG = nn.Sequential(nn.Linear(nz, 16), nn.ReLU(), nn.Linear(16, 1))
netD = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Sigmoid())
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))

for i in range(40):
    # Update D: maximize log(D(x)) + log(1 - D(G(z)))
    netD.zero_grad()
    real = 3.0 + 0.5 * torch.randn(batch, 1)
    errD_real = criterion(netD(real), torch.ones(batch, 1))
    errD_real.backward()
    fake = netG(torch.randn(batch, nz))
    errD_fake = criterion(netD(fake.detach()), torch.zeros(batch, 1))
    errD_fake.backward()
    errD = errD_real + errD_fake
    optimizerD.step()

    # Update G: maximize log(D(G(z)))
    netG.zero_grad()
    errG = criterion(netD(fake), torch.ones(batch, 1))
    errG.backward()
    optimizerG.step()

    print(f"step {i + 1} loss {errD.item():.9g} loss_2 {errG.item():.9g} lr 0.002 lr_2 0.001")
