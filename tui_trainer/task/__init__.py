"""What is trained: data, network, loss, penalties, optimiser. No other room knows which."""
