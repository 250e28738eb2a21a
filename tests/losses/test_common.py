"""One table of all losses; a new loss adds a row and inherits every test below."""

import copy
import inspect
import io
import pickle
import re

import pytest
import torch
from oracles_loss_table import INF, LOSSES, NAN, PAIRS, batch, labels_of, make, value_and_gradients

import aucmax.losses
from aucmax import set_value_checks
from aucmax.losses import AUCLoss, Loss, OneVsOneLoss, OneVsRestLoss

every = pytest.mark.parametrize("name", LOSSES)
shapes = pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 3)], ids=["B", "B1", "BL"])


def test_the_table_is_complete():
    public = [value for value in vars(aucmax.losses).values() if inspect.isclass(value)]
    concrete = {c for c in public if issubclass(c, Loss) and not inspect.isabstract(c)}
    made = {type(make(name)) for name in LOSSES}
    of_classes = {OneVsOneLoss, OneVsRestLoss}  # whose target is another: test_multiclass.py
    assert made == concrete - of_classes
    for abstract in (Loss, AUCLoss):
        with pytest.raises(TypeError, match="abstract"):
            abstract()


@every
@shapes
def test_gradient_equals_finite_differences(name, shape):
    loss = make(name, labels_of(shape)).double()
    logits, target = batch(shape)
    if len(shape) == 2:
        target[-1, -1] = NAN
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits.requires_grad_())


@every
@shapes
def test_value_is_a_scalar_of_any_sign_that_knows_its_graph(name, shape):
    logits, target = batch(shape)
    value, gradients = value_and_gradients(make(name, labels_of(shape)), logits, target)
    assert value.shape == ()
    assert value.dtype == torch.float64
    assert gradients[0].shape == shape
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0].abs().sum() > 0


@every
@shapes
def test_the_order_of_rows_is_of_no_account(name, shape):
    logits, target = batch(shape)
    loss, order = make(name, labels_of(shape)), torch.randperm(8)
    value, gradients = value_and_gradients(loss, logits, target)
    moved, others = value_and_gradients(loss, logits[order], target[order])
    torch.testing.assert_close(moved, value)
    torch.testing.assert_close(others, (gradients[0][order], *gradients[1:]))


@every
def test_a_row_of_unknown_target_might_as_well_not_be_there(name):
    logits, target = batch((8,))
    target[[0, 4, 5]] = NAN
    loss, known = make(name), ~target.isnan()
    value, gradients = value_and_gradients(loss, logits, target)
    alone, others = value_and_gradients(loss, logits[known], target[known])
    torch.testing.assert_close(value, alone)
    torch.testing.assert_close((gradients[0][known], *gradients[1:]), others)
    assert gradients[0][~known].eq(0).all()


@every
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.filterwarnings("ignore::aucmax.MissingClassWarning")
def test_a_batch_of_one_class_is_finite_and_so_is_what_it_teaches(name, y):
    for labels, shape in ((None, (8,)), (3, (8, 3))):
        loss, (logits, target) = make(name, labels), batch(shape)
        target[:, ...] = torch.where(torch.arange(8) == 3, NAN, y).reshape(
            8, *[1] * (len(shape) - 1)
        )
        value, gradients = value_and_gradients(loss, logits, target)
        assert value.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients)


@every
@pytest.mark.filterwarnings("ignore::aucmax.MissingClassWarning")
def test_a_label_of_one_class_does_not_spoil_the_others(name):
    loss, (logits, target) = make(name, 3), batch((8, 3))
    target[:, 1] = 1
    value, gradients = value_and_gradients(loss, logits, target)
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0][:, [0, 2]].abs().sum(0).gt(0).all()


@every
def test_columns_and_vectors_are_the_same(name):
    logits, target = batch((8,))
    assert torch.equal(make(name)(logits, target), make(name)(logits[:, None], target[:, None]))
    assert torch.equal(make(name)(logits, target), make(name)(logits, target[:, None]))


@every
def test_index_is_accepted_and_ignored(name):
    logits, target = batch((8,))
    expected = make(name)(logits, target)
    assert torch.equal(make(name)(logits, target, torch.arange(8)), expected)
    assert torch.equal(make(name)(logits, target, index=None), expected)


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_computed_in_float32(name, dtype):
    logits, target = batch((8,))
    half = logits.to(dtype)
    value, gradients = value_and_gradients(make(name), half, target)
    expected, others = value_and_gradients(make(name), half.float(), target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected, rtol=0, atol=0)
    assert gradients[0].dtype == dtype
    torch.testing.assert_close(gradients[0], others[0].to(dtype), rtol=0, atol=0)


@every
@shapes
def test_autocast_changes_nothing(name, shape):
    logits, target = batch(shape)
    logits, loss = logits.float(), make(name, labels_of(shape))
    expected = value_and_gradients(loss, logits, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = value_and_gradients(loss, logits, target)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@every
@pytest.mark.parametrize("labels", [None, 3])
def test_copies_and_saved_states_give_the_same_value(name, labels):
    logits, target = batch((8,) if labels is None else (8, labels))
    loss, fresh, file = make(name, labels), LOSSES[name](labels), io.BytesIO()
    value = loss(logits, target)
    value.backward() if value.requires_grad else None
    torch.save(loss.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for twin in (fresh, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(twin(logits, target), value)


@every
def test_evaluation_changes_no_state_and_gives_the_same_value(name):
    logits, target = batch((8,))
    loss = make(name)
    value, before = loss(logits, target), pickle.dumps(loss.eval())
    assert torch.equal(loss(logits, target), value)
    assert torch.equal(loss(-logits, target), make(name)(-logits, target))
    assert pickle.dumps(loss) == before


@every
@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor that is not a leaf"
)  # torch's own
def test_compiled_equals_eager(name):
    logits, target = batch((8, 3))
    target[0, 0] = NAN
    loss = make(name, 3)
    expected = value_and_gradients(loss, logits, target)
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=name not in PAIRS, backend="aot_eager")
    torch.testing.assert_close(value_and_gradients(compiled, logits, target), expected)


WRONG = {
    "NaN logits": (torch.tensor([NAN, 0.0]), torch.tensor([0, 1]), "logits must be finite, got 1"),
    "inf logits": (torch.tensor([INF, 0.0]), torch.tensor([0, 1]), "logits must be finite, got 1"),
    "labels -1/1": (torch.zeros(2), torch.tensor([-1, 1]), "got -1; map labels -1/1 to 0/1 with"),
    "soft labels": (torch.zeros(2), torch.tensor([0.0, 0.5]), "0, 1 or NaN (unknown), got 0.5"),
    "all unknown": (torch.zeros(2), torch.tensor([NAN, NAN]), "at least one known value (0 or 1)"),
    "lengths": (torch.zeros(3), torch.zeros(2), "got logits (3,) and target (2,)"),
    "row and column": (torch.zeros(1, 3), torch.zeros(3, 1), "logits (1, 3) and target (3, 1)"),
    "empty": (torch.zeros(0), torch.zeros(0), "got logits (0,) and target (0,)"),
    "integers": (torch.tensor([1, 0]), torch.tensor([0.0, 1.0]), "are logits and target swapped?"),
    "list": ([0.0, 1.0], torch.tensor([0, 1]), "logits must be a torch.Tensor, got list"),
    "array": (torch.zeros(1), torch.zeros(1).numpy(), "target must be a torch.Tensor, got ndarray"),
}
OF_VALUES = ("NaN logits", "inf logits", "labels -1/1", "soft labels", "all unknown")


@every
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_batch_is_refused(name, case):
    logits, target, message = WRONG[case]
    error = TypeError if case in ("integers", "list", "array") else ValueError
    for mode in (True, False):
        with pytest.raises(error, match=re.escape(message)):
            make(name).train(mode)(logits, target)


@every
@pytest.mark.filterwarnings("ignore::aucmax.MissingClassWarning")
def test_without_value_checks_the_first_batch_and_then_one_in_1000_is_inspected(name):
    loss, good = make(name), (torch.randn(2), torch.tensor([0, 1]))
    set_value_checks(cpu=False)
    try:
        for case in OF_VALUES:
            logits, target, message = WRONG[case]
            for _ in range(2):  # a refused batch is not the first
                with pytest.raises(ValueError, match=re.escape(message)):
                    make(name)(logits, target)
        loss(*good)
        for case in OF_VALUES:
            loss(*WRONG[case][:2])
        checks = [module.checks for module in loss.modules() if hasattr(module, "checks")]
        for one in checks:
            one._batches = 1000
        with pytest.raises(ValueError, match="target must be"):
            loss(*WRONG["labels -1/1"][:2])
    finally:
        set_value_checks(cpu=True)
    with pytest.raises(ValueError, match="target must be"):
        loss(*WRONG["labels -1/1"][:2])


@every
@shapes
def test_values_are_the_same_without_value_checks(name, shape):
    logits, target = batch(shape)
    if len(shape) == 2:
        target[-1, -1] = NAN
    loss = make(name, labels_of(shape))
    expected = value_and_gradients(loss, logits, target)
    set_value_checks(cpu=False)
    try:
        found = value_and_gradients(loss, logits, target)
    finally:
        set_value_checks(cpu=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
