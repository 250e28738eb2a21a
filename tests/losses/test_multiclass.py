import copy
import io
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import pairwise
from torch.nn import Identity, Softmax

from aucmax import param_groups
from aucmax.distributed import AllGather
from aucmax.losses import (
    AUCMLoss,
    AUCSquareLoss,
    BCELoss,
    FocalLoss,
    MissingClassWarning,
    PairwiseAUCLoss,
)
from aucmax.losses.multiclass import OneVsOneLoss, OneVsRestLoss
from aucmax.metrics import one_vs_one_auroc, one_vs_rest_auroc

NAN = float("nan")
INNER = {
    "AUCM": lambda columns: AUCMLoss(num_labels=columns),
    "AUC square": lambda columns: AUCSquareLoss(num_labels=columns, prior=0.25),
    "squared hinge": lambda columns: PairwiseAUCLoss(),
    "logistic": lambda columns: PairwiseAUCLoss("logistic"),
    "BCE": lambda columns: BCELoss(),
    "focal": lambda columns: FocalLoss(),
}
every = pytest.mark.parametrize("name", INNER)
both = pytest.mark.parametrize("wrapper", [OneVsRestLoss, OneVsOneLoss])


def width(wrapper, classes):
    """How many labels the inner loss is given."""
    return classes if wrapper is OneVsRestLoss else classes * (classes - 1)


def make(wrapper, name, classes=3):
    """The loss, its variables (if any) away from zero."""
    loss = wrapper(INNER[name](width(wrapper, classes)))
    for i, parameter in enumerate(loss.parameters(), start=1):
        parameter.data.fill_(i / 8)
    return loss


def batch(rows=8, classes=3):
    return torch.randn(rows, classes, dtype=torch.float64), torch.arange(rows) % classes


def one_hot(target, classes=3):
    """Rows of 0 and 1 from class numbers, of NaN from NaN."""
    rows = [[NAN if y != y else float(y == c) for c in range(classes)] for y in target.tolist()]
    return torch.tensor(rows, dtype=torch.float64)


def value_and_gradients(loss, logits, target):
    logits = logits.clone().requires_grad_()
    value = loss(logits, target)
    return value, torch.autograd.grad(value, (logits, *loss.parameters()))


def mean_of_parts(parts):
    parts = [part for part in parts if part is not None]
    return sum(parts) / len(parts)


def rest_by_loops(h, y, surrogate, margin):
    """For each class, the pairs of one of its rows and any other row whose class is known."""
    known = [i for i, label in enumerate(y) if label == label]
    return mean_of_parts(
        pairwise([h[i, c] for i in known], [y[i] == c for i in known], surrogate, margin)
        for c in range(h.shape[1])
    )


def pairs_by_loops(h, y, surrogate, margin):
    """For each two classes j and k, the pairs of their rows, by the score of class j."""
    classes, parts = range(h.shape[1]), []
    for j in classes:
        for k in (k for k in classes if k != j):
            rows = [i for i, label in enumerate(y) if label in (j, k)]
            parts.append(pairwise([h[i, j] for i in rows], [y[i] == j for i in rows], surrogate,
                                  margin))  # fmt: skip
    return mean_of_parts(parts)


LOOPS = {OneVsRestLoss: rest_by_loops, OneVsOneLoss: pairs_by_loops}


@st.composite
def problems(draw):
    """Scores with many ties; classes of which some may be missing, but not all but one."""
    rows, classes = draw(st.integers(2, 8)), draw(st.integers(2, 4))
    scores = draw(st.lists(st.integers(-3, 3), min_size=rows * classes, max_size=rows * classes))
    labels = st.sampled_from([*map(float, range(classes)), NAN])
    target = torch.tensor(draw(st.lists(labels, min_size=rows, max_size=rows)))
    target[:2] = torch.tensor([0.0, classes - 1])
    return torch.tensor(scores, dtype=torch.float64).reshape(rows, classes) / 4, target


@both
@pytest.mark.parametrize("name", SLOW)
@settings(max_examples=15, deadline=None)
@given(problems(), st.sampled_from([0.3, 1.1]))  # no gap of the grid lies on a kink
def test_value_and_gradient_equal_the_loops(wrapper, name, problem, margin):
    h, target = problem
    loss = wrapper(PairwiseAUCLoss(name, margin, activation=Identity()))
    slow = h.clone().requires_grad_()
    expected = LOOPS[wrapper](slow, target.tolist(), SLOW[name], margin)
    expected = expected, torch.autograd.grad(expected, slow)
    for form in (target, one_hot(target, h.shape[1])):
        found = value_and_gradients(loss, h, form)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(problems())
@pytest.mark.filterwarnings("ignore::aucmax.metrics.UndefinedMetricWarning")
def test_the_share_of_wrong_pairs_is_one_minus_the_metric(problem):
    h, target = problem
    errors = PairwiseAUCLoss("sigmoid", 1e-3, activation=Identity())  # 0, 1, and 1/2 for a tie
    metrics = {OneVsRestLoss: one_vs_rest_auroc, OneVsOneLoss: one_vs_one_auroc}
    for wrapper, metric in metrics.items():
        value = wrapper(errors)(h, target).item()
        assert 1 - value == pytest.approx(metric(h, target), abs=1e-12)


@every
def test_with_two_classes_both_are_the_same(name):
    logits, target = batch(classes=2)
    rest, ones = (make(wrapper, name, 2) for wrapper in (OneVsRestLoss, OneVsOneLoss))
    found = value_and_gradients(ones, logits, target)
    torch.testing.assert_close(found, value_and_gradients(rest, logits, target), rtol=0, atol=0)


@both
@pytest.mark.parametrize("surrogate", SLOW)
def test_two_opposite_columns_are_the_binary_loss(wrapper, surrogate):
    z, target = torch.randn(9).double(), torch.tensor([0, 1, 1, 0, 0, 1, 0, 0, 1])
    inner = PairwiseAUCLoss(surrogate, 0.7)  # sigmoid(-z) = 1 - sigmoid(z): the gaps are the same
    value = wrapper(inner)(torch.stack([-z, z], 1), target)
    torch.testing.assert_close(value, inner(z, target))


def test_columns_are_the_pairs_in_their_order():
    logits, target = batch(7, 4)
    loss = OneVsOneLoss(BCELoss())
    scores, labels = loss.columns(logits, target)
    pairs = OneVsOneLoss.pairs(4)
    assert scores.shape == labels.shape == (7, len(pairs))
    for column, (j, k) in enumerate(pairs):
        assert scores[:, column].equal(logits[:, j])
        expected = [1.0 if y == j else 0.0 if y == k else NAN for y in target.tolist()]
        assert str(labels[:, column].tolist()) == str(expected)


@both
@every
def test_gradient_equals_finite_differences(wrapper, name):
    logits, target = batch()
    target = target.double()
    target[-1] = NAN
    loss = make(wrapper, name).double()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits.requires_grad_())


@both
@every
def test_a_row_of_unknown_class_might_as_well_not_be_there(wrapper, name):
    logits, target = batch(9)
    target = target.double()
    target[[0, 4]] = NAN
    loss, known = make(wrapper, name), ~target.isnan()
    value, gradients = value_and_gradients(loss, logits, target)
    alone, others = value_and_gradients(loss, logits[known], target[known])
    torch.testing.assert_close(value, alone)
    torch.testing.assert_close((gradients[0][known], *gradients[1:]), others)
    assert gradients[0][~known].eq(0).all()


@both
def test_a_missing_class_is_left_out(wrapper):
    logits, target = batch()
    target = target.clamp(max=1)
    loss = wrapper(PairwiseAUCLoss())
    expected = value_and_gradients(loss, logits[:, :2], target)
    value, (gradient,) = value_and_gradients(loss, logits, target)
    torch.testing.assert_close((value, (gradient[:, :2],)), expected)
    assert gradient[:, 2].eq(0).all()


@both
def test_a_batch_of_one_class_teaches_nothing_and_says_so(wrapper):
    loss = wrapper(PairwiseAUCLoss())
    with pytest.warns(MissingClassWarning):
        value, (gradient,) = value_and_gradients(loss, torch.randn(4, 3), torch.ones(4))
    assert value == 0
    assert gradient.eq(0).all()


@both
def test_softmax_over_the_classes(wrapper):
    logits, target = batch()
    raw = PairwiseAUCLoss("logistic", activation=Identity())
    value = wrapper(raw, activation=Softmax(dim=-1))(logits, target)
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    torch.testing.assert_close(value, wrapper(raw)(probabilities, target))
    inner = PairwiseAUCLoss("logistic", activation=Softmax(dim=-1))
    torch.testing.assert_close(OneVsRestLoss(inner)(logits, target),
                               OneVsRestLoss(raw)(probabilities, target))  # fmt: skip


@both
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_computed_in_float32(wrapper, dtype):
    logits, target = batch()
    loss = wrapper(PairwiseAUCLoss(activation=Identity()), activation=Softmax(dim=-1))
    value, (gradient,) = value_and_gradients(loss, logits.to(dtype), target)
    expected, (other,) = value_and_gradients(loss, logits.to(dtype).float(), target)
    assert value.dtype == torch.float32
    assert value.equal(expected)
    assert gradient.dtype == dtype
    assert gradient.equal(other.to(dtype))
    expected = loss(logits.float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(logits.float(), target).equal(expected)


@both
def test_the_inner_loss_starts_tells_and_forgets(wrapper):
    logits, target = batch(12)
    loss, twin = make(wrapper, "AUCM"), INNER["AUCM"](width(wrapper, 3))
    columns = loss.columns(logits, target)
    loss.start_at(logits, target)
    twin.start_at(*columns)
    assert all(a.equal(b) for a, b in zip(loss.parameters(), twin.parameters(), strict=True))
    assert loss(logits, target).equal(twin(*columns))
    told = loss.diagnostics(per_label=True)
    torch.testing.assert_close(told, twin.diagnostics(per_label=True), rtol=0, atol=0)
    assert told["auroc"].shape == (width(wrapper, 3),)
    loss.forget()
    assert loss.diagnostics()["auroc"].isnan()
    (variables,) = param_groups(AllGather(loss))
    assert len(variables["params"]) == 3


@both
@every
def test_copies_saved_states_and_evaluation_give_the_same_value(wrapper, name):
    logits, target = batch()
    loss, fresh, file = make(wrapper, name), wrapper(INNER[name](width(wrapper, 3))), io.BytesIO()
    value = loss(logits, target)
    torch.save(loss.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for twin in (fresh, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin(logits, target).equal(value)
    before = pickle.dumps(loss.eval())
    assert loss(logits, target).equal(value)
    assert pickle.dumps(loss) == before


@both
@pytest.mark.parametrize("form", [lambda y: y, one_hot], ids=["numbers", "one-hot"])
@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor that is not a leaf"
)  # torch's own
def test_compiled_equals_eager(wrapper, form):
    logits, target = batch()
    target = form(target)
    loss = make(wrapper, "squared hinge")
    expected = value_and_gradients(loss, logits, target)
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(value_and_gradients(compiled, logits, target), expected)


def test_an_inner_loss_of_another_width_is_refused():
    with pytest.raises(ValueError, match="num_labels=3 columns"):
        OneVsOneLoss(AUCMLoss(num_labels=3))(*batch(8, 4))
