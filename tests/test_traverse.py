"""Claims about directions in latent space, what they do to the image, and how far the data goes along them."""

import dataclasses

import numpy as np
import pytest
import torch
from spaces import make_space

from aemodels.autoencoder import Autoencoder, Posterior
from latent import metrics, traverse
from latent.space import LatentSpace


class Linear(Autoencoder):
    """Decodes to 0.5 + W z, without bounds."""

    def __init__(self, columns: np.ndarray):
        super().__init__((1, 8, 8), columns.shape[1])
        self.register_buffer("columns", torch.from_numpy(columns.astype(np.float32)))

    def encode(self, images):
        return Posterior((images.flatten(1) - 0.5) @ torch.linalg.pinv(self.columns).T)

    def decode(self, codes):
        return (0.5 + codes @ self.columns.T).view(-1, 1, 8, 8)


def space_of(codes, model="ae", **known) -> LatentSpace:
    codes = np.asarray(codes, np.float32)
    made = make_space(model, latent_dim=codes.shape[1], rows=len(codes))
    return dataclasses.replace(made, codes=codes, **known)


def normal(rows, dimensions=3, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dimensions))


def cosine(direction, vector):
    return abs(direction.vector @ vector) / np.linalg.norm(vector)


def test_the_sensitivity_of_a_linear_decoder_is_its_column_norms_times_sd():
    columns = normal(64, 4) * [0.01, 0.05, 0.2, 0]
    model, codes = Linear(columns), normal(500, 4, 1) * [3, 1, 0.5, 2]
    directions = traverse.dimensions(space_of(codes))
    by_axis = {int(d.vector.argmax()): d for d in directions}
    found = traverse.sensitivity(model, codes, [by_axis[n] for n in range(4)])
    np.testing.assert_allclose(found, np.linalg.norm(columns, axis=0) * codes.std(0), rtol=1e-3, atol=1e-6)
    slanted = traverse.Direction("", np.array([0.6, 0, 0.8, 0]), 1.7, "", "")
    expected = 1.7 * np.linalg.norm(columns @ slanted.vector)
    assert traverse.sensitivity(model, codes, [slanted])[0] == pytest.approx(expected, rel=1e-3)


def test_a_sensitivity_is_a_mean_over_codes_whatever_the_batches(monkeypatch):
    space = make_space("ae", latent_dim=3, rows=400)
    directions = traverse.dimensions(space)
    found = traverse.sensitivity(space.model, space.codes, directions, rows=300)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda code: space.model.decode(code[None]).flatten()))
    jacobians = jacobian(torch.from_numpy(space.codes)).detach().numpy()
    exact = [np.linalg.norm(jacobians @ (d.sd * d.vector), axis=1).mean() for d in directions]
    np.testing.assert_allclose(traverse.sensitivity(space.model, space.codes, directions, rows=400), exact, rtol=0.01)
    np.testing.assert_allclose(found, exact, rtol=0.1)
    monkeypatch.setattr(traverse, "best_batch", lambda model: 7)
    again = traverse.sensitivity(space.model, space.codes, directions, rows=300)
    np.testing.assert_allclose(again, found, rtol=1e-4)


def test_dimensions_of_a_variational_model_come_by_kl_and_collapsed_ones_last():
    codes = normal(400, 4) * [0.5, 0.05, 2, 1]
    logvar = np.tile(np.array([-1, 0, -3, -2], np.float32), (400, 1))
    found = traverse.dimensions(space_of(codes, "vae", logvar=logvar))
    assert [d.name for d in found] == ["dimension 3", "dimension 4", "dimension 1", "dimension 2"]
    assert [d.collapsed for d in found] == [False, False, False, True]
    assert sum(not d.collapsed for d in found) == metrics.active_units(codes)
    assert "collapsed: its mean varies by at most 0.01" in found[-1].note
    kl = metrics.kl_per_dimension(codes, logvar)
    assert found[0].score == pytest.approx(kl[2], rel=1e-5) and f"KL {kl[2]:.2f} nats" == found[0].note
    np.testing.assert_allclose([d.sd for d in found], codes.std(0)[[2, 3, 0, 1]], rtol=1e-5)


def test_an_active_dimension_comes_before_a_collapsed_one_of_more_kl():
    codes = normal(400, 2) * [0.2, 0.01]
    logvar = np.tile(np.array([-0.1, -6], np.float32), (400, 1))
    first, last = traverse.dimensions(space_of(codes, "vae", logvar=logvar))
    assert last.score > first.score and last.collapsed and not first.collapsed


def test_dimensions_of_another_model_come_by_what_they_do_to_the_image():
    columns = np.zeros((64, 4))
    columns[0, 0], columns[1, 1], columns[2, 2] = 0.1, 0.3, 0.2
    codes = normal(300, 4)
    codes[:, 2] = 7
    found = traverse.dimensions(dataclasses.replace(space_of(codes), model=Linear(columns)))
    assert [d.name for d in found[:2]] == ["dimension 2", "dimension 1"]
    assert {d.name for d in found if d.collapsed} == {"dimension 3", "dimension 4"}
    assert found[-1].note == "collapsed: changes nothing" and "a standard deviation" in found[0].note


def test_principal_directions_are_found_to_a_hundredth():
    axes = np.linalg.qr(normal(3, 3, 5))[0]
    codes = normal(20_000) * [3, 1, 0.2] @ axes.T + 40
    found = traverse.principal(space_of(codes), 3)
    for n, (direction, sd) in enumerate(zip(found, (3, 1, 0.2), strict=True)):
        assert cosine(direction, axes[:, n]) > 0.9999 and direction.sd == pytest.approx(sd, rel=0.01)
        assert direction.vector[np.abs(direction.vector).argmax()] > 0
    assert found[0].note == "90 % of the codes' variance"
    assert len(traverse.principal(space_of(codes), 1)) == 1
    flat = traverse.principal(space_of(codes * [1, 0, 1]), 3)
    assert [d.collapsed for d in flat] == [False, False, True] and flat[2].sd == 0


def classes(rows=2000, apart=(3.0, 0.0, 4.0)):
    labels = np.arange(rows) % 2
    return space_of(normal(rows) + labels[:, None] * np.array(apart), labels=labels, classes=("bag", "shoe", "hat"))


def test_a_class_difference_is_found_to_a_hundredth_with_its_uncertainty():
    found = traverse.class_difference(classes(), 1, 0, seed=0)
    assert found.name == "shoe − bag" and found.vector @ [0.6, 0, 0.8] > 0.999
    assert found.score == pytest.approx(5, rel=0.02)
    low, high = found.bootstrap.length_interval
    assert low < 5 < high and found.bootstrap.cosine > 0.999
    np.testing.assert_allclose(traverse.class_difference(classes(), 0, 1, seed=0).vector, -found.vector)


def test_the_bootstraps_interval_is_the_means_own_error():
    low, high = traverse.class_difference(classes(), 1, 0, seed=0, resamples=4000).bootstrap.length_interval
    # Two means of 1,000 codes of unit variance: their difference along its length has an error of √(2/1000).
    assert (high - low) == pytest.approx(2 * 1.96 * np.sqrt(2 / 1000), rel=0.1)


def test_few_rows_and_classes_that_are_one_make_a_direction_uncertain():
    sure, few = (traverse.class_difference(classes(n), 1, 0, 0).bootstrap for n in (2000, 12))
    none = traverse.class_difference(classes(apart=(0, 0, 0)), 1, 0, 0).bootstrap
    assert none.cosine_interval[0] < 0.5 and none.cosine < few.cosine < sure.cosine
    assert np.ptp(few.cosine_interval) > np.ptp(sure.cosine_interval)


def factored(**changes):
    rng = np.random.default_rng(0)
    size, turn = rng.uniform(0, 1, 3000), rng.uniform(0, 2 * np.pi, 3000)
    axes = np.linalg.qr(normal(6, 6, 3))[0]
    hidden = np.stack([2 * size, np.sin(turn), np.cos(turn), *normal(3000, 3, 4).T], 1)
    codes = hidden @ axes.T + 0.01 * normal(3000, 6, 5)
    factors = np.stack([size, turn, rng.uniform(0, 1, 3000), np.ones(3000)], 1).astype(np.float32)
    known = {"factors": factors, "factor_names": ("size", "orientation", "unknown", "constant"), **changes}
    return space_of(codes, **known), axes


def test_the_direction_of_a_known_factor_is_found_to_a_hundredth_and_a_cyclic_one_as_sine_and_cosine():
    space, axes = factored()
    size, sine, cosine_, unknown = traverse.factor_directions(space)
    assert [d.name for d in (size, sine, cosine_, unknown)] == [
        "size", "sine of orientation", "cosine of orientation", "unknown",
    ]  # fmt: skip
    for direction, axis in ((size, 0), (sine, 1), (cosine_, 2)):
        assert direction.vector @ axes[:, axis] > 0.9999
        assert direction.score > 0.99 and direction.note.startswith("R² 1.00 on 600 held-out rows")
    assert unknown.score < 0.05, "held-out rows do not reward a line through noise"


def test_ranges_are_the_datas_quantiles_and_frames_go_there():
    codes = np.random.default_rng(0).gamma(2.0, 2.0, (4000, 3)) + 5
    space = space_of(codes)
    direction = traverse.principal(space, 1)[0]
    low, high = traverse.ranges(space, direction)
    centre = space.codes[7]
    made = traverse.frames(space, centre, direction, [low, traverse.place(space, centre, direction), high])
    along = space.codes.astype(float) @ direction.vector
    ends = np.quantile(along, [0.02, 0.98])
    np.testing.assert_allclose(made[[0, 2]] @ direction.vector, ends, rtol=1e-5)
    np.testing.assert_allclose(made[1], centre, rtol=1e-6)
    across = np.eye(3) - np.outer(direction.vector, direction.vector)
    np.testing.assert_allclose((made - centre) @ across, 0, atol=1e-5)
    assert made.dtype == np.float32 and low < 0 < high and high > -low, "the codes are skewed to one side"


def test_a_frame_along_a_dimension_changes_that_dimension_alone():
    space = make_space("vae", latent_dim=5)
    direction = traverse.dimensions(space)[2]
    made = traverse.frames(space, np.zeros(5), direction, np.linspace(-2, 2, 5))
    moved = int(direction.vector.argmax())
    np.testing.assert_array_equal(np.delete(made, moved, 1), 0)
    expected = space.codes[:, moved].mean() + np.linspace(-2, 2, 5) * space.codes[:, moved].std()
    np.testing.assert_allclose(made[:, moved], expected, rtol=1e-5)


@pytest.mark.parametrize("model", ["ae", "vae"])
@pytest.mark.parametrize("codes", [np.ones((1, 2)), np.full((30, 2), 4.0)])
def test_one_row_and_constant_codes_have_collapsed_directions_that_lead_nowhere(model, codes):
    logvar = np.zeros(codes.shape, np.float32) if model == "vae" else None
    space = space_of(codes, model, logvar=logvar)
    for direction in traverse.dimensions(space) + traverse.principal(space, 2):
        assert direction.collapsed and direction.sd == 0
        assert traverse.ranges(space, direction) == (0, 0)
        np.testing.assert_array_equal(traverse.frames(space, codes[0], direction, [-2, 2]), np.stack([codes[0]] * 2))


def test_512_dimensions_are_directions_like_any():
    space = space_of(normal(300, 512), "ae")
    found = traverse.dimensions(space)
    assert len(found) == 512 and found[0].score >= found[-1].score > 0
    assert sum(d.score for d in traverse.principal(space, 512)) == pytest.approx(1)
    assert traverse.frames(space, space.codes[0], found[0], [0, 1]).shape == (2, 512)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda s: traverse.dimensions(space_of(np.full((9, 2), np.nan))), "NaN or infinity"),
        (lambda s: traverse.principal(s, 0), "1 to 3 principal directions, not 0"),
        (lambda s: traverse.principal(s, 4), "1 to 3 principal directions, not 4"),
        (lambda s: traverse.class_difference(s, 1, 1, 0), "two classes, not shoe twice"),
        (lambda s: traverse.class_difference(s, 1, 2, 0), "at least 2 codes of hat, not 0"),
        (lambda s: traverse.class_difference(s, 3, 0, 0), "no class 3 among 3"),
        (lambda s: traverse.class_difference(make_space(), 1, 0, 0), "has no classes"),
        (
            lambda s: traverse.class_difference(dataclasses.replace(s, codes=s.codes * 0 + 1), 1, 0, 0),
            "shoe and bag have the same mean code",
        ),
        (lambda s: traverse.factor_directions(s), "no factors are known of digits"),
        (
            lambda s: traverse.factor_directions(factored(factors=np.full((3000, 4), np.nan))[0]),
            "factors hold NaN",
        ),
        (lambda s: traverse.factor_directions(space_of(normal(9), factors=normal(9, 1))), "at least 10 rows, not 9"),
        (lambda s: traverse.ranges(s, traverse.principal(s, 1)[0], (0.9, 0.1)), "two rising numbers"),
        (lambda s: traverse.frames(s, np.zeros(2), traverse.principal(s, 1)[0], [0]), "do not fit a model of 3"),
        (lambda s: traverse.frames(s, np.full(3, np.nan), traverse.principal(s, 1)[0], [0]), "NaN or infinity"),
        (lambda s: traverse.frames(s, np.zeros(3), traverse.principal(s, 1)[0], [np.inf]), "must be finite"),
        (lambda s: traverse.sensitivity(s.model, s.codes[:0], []), "needs codes and a step"),
    ],
)
def test_directions_that_make_no_sense_are_refused_in_one_line(ask, says):
    with pytest.raises(ValueError, match=says) as raised:
        ask(classes(40))
    assert "\n" not in str(raised.value)
