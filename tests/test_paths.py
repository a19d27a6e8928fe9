"""Claims about paths between codes: every kind on a shipped VAE of digits, the simple ones by geometry."""

from pathlib import Path

import numpy as np
import pytest
from spaces import Drawn, drawn_space, make_space, plane, ring

from aemodels import checkpoint
from latent import curve, ends, export, graph, path, pictures, profile
from latent.decode import decode, image_steps
from latent.encode import encode
from latent.space import LatentSpace

A = np.array([3.0, 0.0, 0.0], np.float32)
B = np.array([0.0, 4.0, 0.0], np.float32)
SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "digits"


@pytest.fixture(scope="module")
def space():
    return LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / "vae"))


@pytest.fixture
def pair():
    return np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)


@pytest.mark.parametrize("kind", list(path.KINDS))
class TestEveryKind:
    def test_ends_are_kept_bit_for_bit(self, kind, space):
        a, b = space.codes[[3, 200]]
        made = path.walk(space, kind, a, b, 7)
        assert made.codes.shape == (7, space.latent_dim) and made.codes.dtype == np.float32
        np.testing.assert_array_equal(made.codes[[0, -1]], [a, b])

    def test_many_pairs_at_once_give_the_same_as_one_by_one(self, kind, space):
        a, b = space.codes[[3, 40]], space.codes[[200, 300]]
        made = path.walk(space, kind, a, b, 6)
        for n in range(2):
            np.testing.assert_allclose(made.codes[n], path.walk(space, kind, a[n], b[n], 6).codes, atol=1e-4)

    def test_a_path_to_where_one_is_stays_there_and_says_so(self, kind, space):
        made = path.walk(space, kind, space.codes[5], space.codes[5], 4)
        np.testing.assert_array_equal(made.codes, np.tile(space.codes[5], (4, 1)))
        assert made.notes == (path.SAME,)

    def test_a_path_through_stops_visits_each_in_order(self, kind, space):
        stops = space.codes[[3, 100, 200]]
        made = path.through(space, kind, stops, 11).codes
        assert made.shape == (11, space.latent_dim)
        at = [np.flatnonzero((made == stop).all(1))[0] for stop in stops]
        assert at[0] == 0 and at[-1] == 10 and at == sorted(at)

    def test_a_closed_path_ends_where_it_began(self, kind, space):
        made = path.through(space, kind, space.codes[[3, 100, 200]], 13, closed=True).codes
        np.testing.assert_array_equal(made[0], made[-1])

    @pytest.mark.parametrize(
        ("spoil", "steps", "says"),
        [(lambda b: b, 1, "2"), (lambda b: b[:2], 3, "one shape"), (lambda b: b * np.nan, 3, "NaN or infinity")],
    )
    def test_ends_that_make_no_path_are_refused(self, kind, space, spoil, steps, says):
        with pytest.raises(ValueError, match=says):
            path.walk(space, kind, space.codes[0], spoil(space.codes[9]), steps)


@pytest.mark.parametrize("rows", [(3, 200), (17, 311), (50, 120)])
def test_a_geodesic_is_no_longer_in_image_space_than_the_straight_line(space, rows):
    a, b = space.codes[list(rows)]
    lengths = {k: image_steps(space.model, path.walk(space, k, a, b, 32).codes).sum() for k in ("linear", "geodesic")}
    assert lengths["geodesic"] <= lengths["linear"] * (1 + 1e-6)


def test_a_geodesic_that_is_stopped_gives_the_best_so_far_and_says_so(space):
    calls = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 3

    made = path.walk(space, "geodesic", *space.codes[[3, 200]], 16, cancelled=cancelled)
    np.testing.assert_array_equal(made.codes[[0, -1]], space.codes[[3, 200]])
    assert made.notes[0]


def test_a_path_along_the_data_keeps_nearer_to_real_codes_than_the_straight_line(space):
    a, b = space.codes[[3, 200]]
    away = {k: profile.measure(space, path.walk(space, k, a, b, 32).codes).distance.mean() for k in ("linear", "data")}
    assert away["data"] < away["linear"]


def test_retiming_makes_steps_in_image_space_equal(space):
    walked = path.walk(space, "linear", *space.codes[[3, 200]], 24).codes
    steps = image_steps(space.model, path.retime(space.model, walked))
    assert np.ptp(steps) / steps.mean() < 0.05 < np.ptp(image_steps(space.model, walked)) / steps.mean()


def test_a_profile_of_real_codes_says_that_none_is_strange_by_distance(space):
    found = profile.measure(space, space.codes[[3, 100, 200]])
    assert (found.distance == 0).all() and found.farthest == 0
    expected = np.linalg.norm(np.diff(space.codes[[3, 100, 200]].astype(float), axis=0), axis=1)
    np.testing.assert_allclose(found.latent_steps, expected)
    assert found.energy == pytest.approx(2 * (found.image_steps**2).sum())


def test_exports_hold_the_walk(space):
    import io

    codes = path.walk(space, "linear", *space.codes[[3, 200]], 5).codes
    walk = export.Walk("vae", codes, decode(space.model, codes))
    with np.load(io.BytesIO(export.npz([walk], {"from": 3})), allow_pickle=False) as held:
        np.testing.assert_array_equal(held["codes_0"], codes)
        np.testing.assert_array_equal(held["frames_0"], walk.frames)
    page = export.page([walk], "A <walk>")
    assert (
        "A &lt;walk&gt;" in page and "data:image/png" in page and "http://" not in page.replace("http://www.w3.org", "")
    )


def test_the_middle_of_a_straight_path_is_the_mean():
    np.testing.assert_allclose(curve.lerp(A, B, 3)[1], (A + B) / 2)


@pytest.mark.parametrize("end", [A * 2, -A, A * -3, A * 0, A * (1 + 1e-7)])
def test_parallel_antiparallel_and_zero_ends_fall_back_to_the_straight_path(end):
    walked = curve.slerp(A, end, 5)
    np.testing.assert_array_equal(walked, curve.lerp(A, end, 5))
    assert np.isfinite(walked).all()


def test_on_a_spherical_path_the_norm_goes_linearly_and_the_angle_at_constant_speed():
    walked = curve.slerp(A, B, 5).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(walked, axis=1), np.linspace(3, 4, 5), rtol=1e-6)
    np.testing.assert_allclose(np.arctan2(walked[:, 1], walked[:, 0]), np.linspace(0, np.pi / 2, 5), atol=1e-6)


def test_the_spherical_path_keeps_clear_of_the_origin_where_the_straight_one_does_not(pair):
    a = pair[0]
    b = -a + 0.1 * pair[1]
    shortest = min(np.linalg.norm(a), np.linalg.norm(b))
    assert np.linalg.norm(curve.slerp(a, b, 21), axis=1).min() > 0.99 * shortest
    assert np.linalg.norm(curve.lerp(a, b, 21), axis=1).min() < 0.2 * shortest


def test_an_unknown_kind_lists_the_known_ones(space):
    with pytest.raises(ValueError, match="unknown path 'curly'; choose from linear, spherical"):
        path.walk(space, "curly", space.codes[0], space.codes[1], 3)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        path.register("linear", instant=True)(lambda *given: None)


def test_lengths_are_those_of_geometry():
    assert curve.length(curve.lerp(A, B, 50)) == pytest.approx(5)
    assert curve.length(curve.slerp(A, A[[1, 0, 2]], 1000)) == pytest.approx(3 * np.pi / 2, rel=1e-5)


@pytest.mark.parametrize(("stops", "steps", "said"), [(1, 5, "at least 2 stops"), (4, 3, "at least as many steps")])
def test_a_path_without_stops_or_with_too_few_steps_says_so(space, stops, steps, said):
    with pytest.raises(ValueError, match=said):
        path.through(space, "linear", space.codes[:stops], steps)


# --- what holds of every kind at the edges -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(path.KINDS))
class TestEveryKindAtTheEdges:
    def test_ends_need_not_be_codes_of_the_space(self, kind, space):
        a, b = space.codes[[3, 200]] + np.float32(0.3)
        np.testing.assert_array_equal(path.walk(space, kind, a, b, 5).codes[[0, -1]], [a, b])

    def test_the_same_call_gives_the_same_path(self, kind, space):
        once, again = (path.walk(space, kind, *space.codes[[3, 200]], 9).codes for _ in range(2))
        np.testing.assert_array_equal(once, again)

    def test_walking_back_visits_the_same_places(self, kind, space):
        a, b = space.codes[[3, 200]]
        there, back = path.walk(space, kind, a, b, 9).codes, path.walk(space, kind, b, a, 9).codes
        np.testing.assert_allclose(there, back[::-1], atol=0.05 * np.linalg.norm(a - b))

    def test_a_path_through_two_stops_is_the_walk_between_them(self, kind, space):
        stops = space.codes[[3, 200]]
        np.testing.assert_array_equal(
            path.through(space, kind, stops, 9).codes, path.walk(space, kind, *stops, 9).codes
        )

    def test_ten_thousand_steps_are_ten_thousand_frames_of_the_same_curve(self, kind):
        small = make_space(latent_dim=3)
        many, few = (path.walk(small, kind, *small.codes[[0, 9]], steps).codes for steps in (10_000, 100))
        assert many.shape == (10_000, 3)
        assert curve.length(many) == pytest.approx(curve.length(few), rel=0.02)

    @pytest.mark.parametrize("latent_dim", [1, 512])
    def test_a_latent_of_one_and_of_many_dimensions_is_walked(self, kind, latent_dim):
        wide = make_space(latent_dim=latent_dim, rows=60)
        walked = path.walk(wide, kind, *wide.codes[[0, 9]], 8).codes
        np.testing.assert_array_equal(walked[[0, -1]], wide.codes[[0, 9]])
        assert np.isfinite(walked).all()

    @pytest.mark.parametrize("rows", [1, 2, 3])
    def test_a_space_of_hardly_any_codes_is_walked(self, kind, rows):
        bare = make_space(latent_dim=3, rows=rows)
        walked = path.walk(bare, kind, bare.codes[0], bare.codes[0] + 1, 5).codes
        assert np.isfinite(walked).all() and (walked[-1] == bare.codes[0] + 1).all()

    def test_codes_that_are_all_one_are_walked(self, kind):
        codes = np.ones((30, 2), np.float32)
        walked = path.walk(plane(codes), kind, codes[0], codes[0] - 1, 5).codes
        assert np.isfinite(walked).all() and (walked[-1] == 0).all()

    def test_codes_of_a_model_of_other_dimensions_are_refused(self, kind, space):
        with pytest.raises(ValueError, match="ends of 2 dimensions are no codes of"):
            path.walk(space, kind, np.zeros(2), np.ones(2), 3)


@pytest.mark.parametrize("kind", [k.name for k in path.KINDS.values() if not k.instant])
def test_kinds_that_take_time_tell_how_far_they_are(kind, space):
    told = []
    path.through(space, kind, space.codes[[3, 100, 200]], 9, progress=lambda *now: told.append(now))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] < 0.2 < 0.4 < fractions[-1] <= 1
    assert all(message for _, message in told)


@pytest.mark.parametrize("kind", [k.name for k in path.KINDS.values() if not k.instant])
def test_stopped_at_once_they_give_the_straight_line_and_say_so(kind, space):
    a, b = space.codes[[3, 200]]
    walked = path.walk(space, kind, a, b, 9, cancelled=lambda: True)
    np.testing.assert_allclose(walked.codes, curve.lerp(a, b, 9), atol=1e-4)
    assert "Stopped" in walked.notes[0]


def test_a_note_on_a_leg_names_the_leg(space):
    assert path.through(space, "linear", space.codes[[0, 7, 7]], 7).notes == (f"Leg 2: {path.SAME}",)


# --- along the data ------------------------------------------------------------------------------------------------


def test_the_data_path_goes_round_a_hole_that_the_straight_line_crosses():
    space = plane(ring())
    walked, line = (path.walk(space, kind, [1, 0], [-1, 0], 25).codes for kind in ("data", "linear"))
    np.testing.assert_allclose(np.linalg.norm(walked, axis=1), 1, atol=0.1)
    assert np.linalg.norm(line, axis=1).min() < 0.05


def test_groups_that_no_neighbour_joins_are_bridged_and_that_is_said():
    groups = np.concatenate([ring(40) / 10 + 3 * n for n in range(3)])
    walked = path.walk(plane(groups), "data", groups[0], groups[-1], 30)
    assert walked.notes == ("Crosses 2 gaps between groups of codes that no neighbour joins.",)
    assert np.linalg.norm(walked.codes - [3, 3], axis=1).min() < 0.2, "the way leads over the group between"
    assert path.walk(plane(groups), "data", groups[0], groups[9], 5).notes == ("",)
    assert "Crosses 1 gap " in path.walk(plane(groups), "data", groups[0], groups[50], 5).notes[0]


def test_a_bridge_is_the_shortest_link_between_two_groups():
    left = np.random.default_rng(0).uniform(0, 1, (50, 2))
    codes = np.concatenate([left, left + np.array([5, 0])]).astype(np.float32)
    ((i, j),) = graph.of(plane(codes)).bridges
    apart = np.linalg.norm(codes[:50, None] - codes[None, 50:], axis=2)
    assert np.linalg.norm(codes[i] - codes[j]) == pytest.approx(apart.min())


def test_many_equal_codes_are_no_obstacle():
    codes = np.repeat(ring(12), 15, axis=0)
    walked = path.walk(plane(codes), "data", codes[0], codes[90], 9)
    assert np.isfinite(walked.codes).all() and "gap" in walked.notes[0]


# --- constant speed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [None, 5, 32, 200])
def test_a_path_that_crowds_at_its_start_is_made_even(space, steps):
    made = path.walk(space, "spherical", *space.codes[[3, 200]], 24).codes
    crowded = curve.at(made, np.linspace(0, 1, 24), np.linspace(0, 1, 24) ** 3)
    even = path.retime(space.model, crowded, steps)
    before, after = (image_steps(space.model, frames) for frames in (crowded, even))
    assert len(even) == (steps or 24) and np.ptp(before) / before.mean() > 1 and np.ptp(after) / after.mean() < 0.03
    np.testing.assert_array_equal(even[[0, -1]], crowded[[0, -1]])


def test_retiming_keeps_to_the_curve(space):
    a, b = space.codes[[3, 200]]
    even = path.retime(space.model, curve.lerp(a, b, 12))
    share = (even - a) @ (b - a) / ((b - a) ** 2).sum()
    np.testing.assert_allclose(even, a + share[:, None] * (b - a), atol=1e-4)
    assert (np.diff(share) > 0).all()


def test_a_path_whose_images_do_not_change_keeps_its_frames():
    constant = Drawn(2, lambda codes: 0 * codes + 0.5, lambda pixels: pixels[:, :2])
    made = curve.lerp([0, 0], [1, 1], 7)
    np.testing.assert_array_equal(path.retime(constant, made), made)


# --- the figures of a path -----------------------------------------------------------------------------------------


def test_the_figures_of_a_straight_walk_on_a_flat_decoder_are_those_of_geometry():
    found = profile.measure(plane(), curve.lerp([-0.5, 0], [0.5, 0], 11))
    length = np.hypot(0.3, 0.1)
    assert found.latent_length == pytest.approx(1) and found.image_length == pytest.approx(length, rel=1e-4)
    assert found.energy == pytest.approx(length**2, rel=1e-4), "at constant speed: the squared length"
    assert found.largest_step == pytest.approx(length / 10, rel=1e-3) and found.worst_round_trip < 1e-4
    where = np.linspace(-0.5, 0.5, 11) ** 2 * np.sign(np.linspace(-1, 1, 11)) * 2
    uneven = profile.measure(plane(), np.stack([where, 0 * where], 1))
    assert uneven.image_length == pytest.approx(length, rel=1e-3) and uneven.energy > 1.2 * length**2


def test_where_a_walk_leaves_the_data_both_measures_show_it():
    codes = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    codes = codes[np.linalg.norm(codes, axis=1) > 0.5]
    base = plane(codes).model

    def read(pixels):  # an encoder that knows the data alone: what lies in the hole comes back as a place on its rim
        found = base.read(pixels)
        radius = found.norm(dim=1, keepdim=True)
        return found / radius * radius.clamp_min(0.5)

    found = profile.measure(drawn_space(Drawn(2, base.draw, read), codes), curve.lerp([-0.9, 0.01], [0.9, 0.01], 19))
    assert found.outside[9] and not found.outside[[1, -2]].any()
    assert found.distance.argmax() == found.round_trip.argmax() == 9
    assert found.farthest == pytest.approx(0.5, abs=0.05) and found.worst_round_trip == pytest.approx(0.49, abs=0.02)
    assert found.typical.distance < 0.1 and found.typical.round_trip < 0.01


def test_differences_below_a_grey_level_count():
    faint = Drawn(1, lambda z: 0.5 + z * 1e-4, lambda pixels: (pixels[:, :1] - 0.5) * 1e4)
    space = drawn_space(faint, np.linspace(-1, 1, 30)[:, None])
    assert profile.measure(space, curve.lerp([-1], [1], 5)).image_length == pytest.approx(2e-4, rel=1e-2)


@pytest.mark.parametrize("shape", [(1, 8), (8,), (2, 3, 8)])
def test_what_is_no_path_is_not_measured(space, shape):
    with pytest.raises(ValueError, match="2 frames or more"):
        profile.measure(space, np.zeros(shape, np.float32))


# --- other ends ----------------------------------------------------------------------------------------------------


def test_the_mean_of_a_class_is_that_of_its_codes_and_an_unknown_one_lists_the_known(space):
    name = space.classes[3]
    np.testing.assert_allclose(ends.class_mean(space, name), space.codes[space.labels == 3].mean(0), atol=1e-5)
    with pytest.raises(ValueError, match="unknown class 'hat'; choose from"):
        ends.class_mean(space, "hat")
    with pytest.raises(ValueError, match="no classes"):
        ends.class_mean(plane(), name)


def test_altered_images_are_what_their_names_say():
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(ends.alter(image, "mirrored"), image[:, :, ::-1])
    np.testing.assert_array_equal(ends.alter(image, "rotated", 90), np.rot90(image, axes=(1, 2)))
    np.testing.assert_array_equal(ends.alter(image, "rotated", 0), image)
    np.testing.assert_array_equal(ends.alter(image, "noised", 0), image)
    once, again, other = (ends.alter(image, "noised", 0.2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any() and (once != image).any()


@pytest.mark.parametrize(("name", "amount", "says"), [("melted", 1, "choose from mirrored"), ("noised", 2, "0 to 1")])
def test_an_unknown_alteration_or_too_much_of_one_is_refused(name, amount, says):
    with pytest.raises(ValueError, match=says):
        ends.alter(np.zeros((1, 8, 8), np.uint8), name, amount)


def test_an_image_and_its_mirrored_self_are_two_ends(space):
    image = decode(space.model, space.codes[:1])[0]
    codes, both = ends.of_image(space, image, "mirrored")
    assert codes.shape == (2, space.latent_dim) and both.shape == (2, *image.shape)
    np.testing.assert_allclose(codes, encode(space.model, both), atol=1e-5)
    with pytest.raises(ValueError, match="is not one of"):
        ends.of_image(space, image[:, :4], "mirrored")


def test_walks_of_different_lengths_do_not_go_into_one_file(space):
    short, long = (export.Walk("a", np.zeros((n, 2)), np.zeros((n, 1, 8, 8), np.uint8)) for n in (3, 4))
    for made in (lambda: export.npz([short, long], {}), lambda: export.page([short, long], "a")):
        with pytest.raises(ValueError, match="as many frames each, not 3, 4"):
            made()
    with pytest.raises(ValueError, match="no walk"):
        export.npz([], {})


def test_a_label_cannot_end_the_script_of_the_page():
    walk = export.Walk("</script><b>", np.zeros((2, 2)), np.zeros((2, 1, 8, 8), np.uint8))
    page = export.page([walk], "a")
    assert "</script><b>" not in page and page.count("</script>") == 2


def test_a_film_holds_every_frame_forth_and_back_without_a_program_on_the_path(monkeypatch):
    import io

    import av

    monkeypatch.setenv("PATH", "")
    rows = [np.full((5, channels, 9, 9), 0, np.uint8) for channels in (1, 1)]
    rows[1][:] = np.arange(5, dtype=np.uint8)[:, None, None, None] * 50
    with av.open(io.BytesIO(pictures.mp4(rows, ["a", "b"], side=27))) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        shown = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
    brightness = [int(frame[-13, 27 + 8 + 13]) for frame in shown]
    np.testing.assert_allclose(brightness, [0, 50, 100, 150, 200, 150, 100, 50], atol=8)
