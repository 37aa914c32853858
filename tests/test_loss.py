"""The loss of any two shapes, and the penalty."""

import pytest
import torch

from tui_trainer.task.loss import mse_loss
from tui_trainer.task.penalties import l1_penalty


def test_the_loss_is_the_mean_of_the_squared_errors():
    assert mse_loss(torch.tensor([1.0, 2.0, 5.0]), torch.tensor([1.0, 0.0, 2.0])) == 13 / 3


@pytest.mark.parametrize("shape", [(6, 1), (6,), (1, 6), (2, 3)])
@pytest.mark.parametrize("other", [(6, 1), (6,), (1, 6), (2, 3)])
def test_predictions_never_broadcast_against_labels(shape, other):
    prediction, labels = torch.arange(6.0), torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    loss = mse_loss(prediction.reshape(shape), labels.reshape(other))
    assert loss.shape == ()
    assert loss == ((prediction - labels) ** 2).mean()


@pytest.mark.parametrize(("predictions", "labels"), [((5, 1), (1,)), ((4,), (2,)), ((3, 2), (3,))])
def test_as_many_labels_as_predictions_are_needed(predictions, labels):
    with pytest.raises(ValueError, match=r"^\d predictions against \d labels$"):
        mse_loss(torch.ones(predictions), torch.ones(labels))


def test_each_tensor_is_averaged_over_its_own_elements():
    parameters = [torch.tensor([[1.0, -3.0]]), torch.tensor([-5.0])]
    assert l1_penalty(parameters) == 2 + 5


def test_the_penalty_pulls_each_element_by_its_sign_over_the_size_of_its_tensor():
    weights = torch.tensor([[1.0, -3.0, 0.0, 2.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(l1_penalty(iter([weights])), [weights])
    assert gradient.tolist() == [[0.25, -0.25, 0.0, 0.25]]
