"""Claims about maps.  All that needs a fitted UMAP is in this module, because its compiler takes seconds."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import sklearn.decomposition
from sklearn.manifold import trustworthiness
from spaces import make_space

from latent import compare, maps, project, worker
from latent.project import Settings
from latent.store import Store, write

ROOT = Path(__file__).resolve().parents[1]
ROWS, DIMENSIONS = 400, 8
CHEAP = [Settings("pca"), Settings("pca", dims=3), Settings("axes", axes=(5, 1)), Settings("axes", 3, axes=(7, 0, 2))]


def make_codes(rows=ROWS, dimensions=DIMENSIONS):
    """Four clusters."""
    rng = np.random.default_rng(0)
    centres = 6 * rng.standard_normal((4, dimensions))
    return (centres[np.arange(rows) % 4] + rng.standard_normal((rows, dimensions))).astype(np.float32)


@pytest.fixture(scope="module")
def codes():
    return make_codes()


@pytest.fixture(scope="module")
def space(codes):
    made = make_space("ae", latent_dim=DIMENSIONS, rows=ROWS)
    return dataclasses.replace(made, codes=codes)


@dataclasses.dataclass
class Fitted:
    projection: project.Projection
    reports: list
    printed: str


@contextlib.contextmanager
def stderr_to(path):
    """What this process and its new children write to stderr goes to that file."""
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@pytest.fixture(scope="module")
def fitted(codes, tmp_path_factory):
    reports, printed = [], tmp_path_factory.mktemp("umap") / "stderr"
    worker._WORKER.stop()
    with stderr_to(printed):
        made = project.fit(codes, Settings(), progress=lambda *report: reports.append(report))
    return Fitted(made, reports, printed.read_text())


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"method": "tsne"}, "unknown projection 'tsne'; choose from pca, umap, axes"),
        ({"dims": 4}, "2 or 3 dimensions, not 4"),
        ({"neighbours": 1}, "at least 2, not 1"),
        ({"neighbours": 2.5}, "neighbours must be a whole number, not 2.5"),
        ({"min_dist": 1.5}, "between 0 and 1, not 1.5"),
        ({"min_dist": float("nan")}, "between 0 and 1"),
        ({"metric": "hamming"}, "unknown metric 'hamming'; choose from euclidean"),
        ({"seed": -1}, "a seed must be between 0"),
        ({"method": "axes", "axes": (1, 1)}, "different latent dimensions"),
        ({"method": "axes", "axes": (-1, 1)}, "different latent dimensions"),
        ({"method": "axes", "axes": (0, 1, 2)}, "2 dimensions needs 2 axes, not 0, 1, 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(given, says):
    with pytest.raises(ValueError, match=says) as refused:
        Settings(**given)
    assert "\n" not in str(refused.value)


def test_labels_are_for_people():
    assert Settings().label() == "UMAP (15 neighbours, min_dist 0.1, seed 0)"
    assert Settings(metric="cosine", seed=3).label() == "UMAP (15 neighbours, min_dist 0.1, cosine, seed 3)"
    assert Settings("pca").label() == "PCA"
    assert Settings("axes", axes=(0, 3)).label() == "dimensions 1 and 4"
    assert Settings("axes", 3, axes=(0, 3, 4)).label() == "dimensions 1, 4 and 5"


def test_a_key_holds_only_what_the_map_depends_on():
    assert Settings("pca", neighbours=30, seed=5).key() == Settings("pca").key() == {"method": "pca", "dims": 2}
    assert Settings(axes=(3, 4)).key() == Settings().key()
    assert Settings("axes", axes=(3, 4)).key()["axes"] == [3, 4]
    assert Settings(neighbours=np.int64(15), min_dist=np.float32(0)).key() == Settings(min_dist=0).key()
    changed = [{"neighbours": 5}, {"min_dist": 0.5}, {"metric": "cosine"}, {"seed": 1}, {"dims": 3}]
    assert len({maps.file_name(Settings(**c)) for c in [{}, *changed]}) == 6
    assert maps.file_name(Settings()).startswith("umap-2d-")


# --- PCA and axes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", CHEAP, ids=Settings.label)
def test_codes_land_on_their_own_points_and_points_come_back_to_themselves(settings, codes):
    fitted = project.fit(codes, settings)
    assert fitted.exact and fitted.points.shape == (ROWS, settings.dims) and fitted.points.dtype == np.float32
    assert len(fitted.axis_titles) == settings.dims
    np.testing.assert_allclose(fitted.transform(codes), fitted.points, atol=1e-4)
    anywhere = np.random.default_rng(1).uniform(-9, 9, (20, settings.dims))
    np.testing.assert_allclose(fitted.transform(fitted.inverse(anywhere)), anywhere, atol=1e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_pca_agrees_with_scikit_learn_up_to_sign(dims, codes):
    theirs = sklearn.decomposition.PCA(dims).fit(codes)
    ours = project.fit(codes, Settings("pca", dims))
    np.testing.assert_allclose(np.abs(ours.points), np.abs(theirs.transform(codes)), atol=1e-3)
    np.testing.assert_allclose(ours.shares, theirs.explained_variance_ratio_, rtol=1e-4)
    assert ours.axis_titles[0] == f"PC 1 ({round(100 * theirs.explained_variance_ratio_[0])} %)"


def test_pcas_signs_depend_on_the_codes_alone(codes):
    shuffled = project.fit(codes[::-1], Settings("pca"))
    np.testing.assert_allclose(shuffled.points[::-1], project.fit(codes, Settings("pca")).points, atol=1e-3)
    assert (shuffled.components[np.arange(2), np.abs(shuffled.components).argmax(1)] > 0).all()


def test_pcas_inverse_is_the_point_of_the_plane_nearest_to_the_code(codes):
    fitted = project.fit(codes, Settings("pca"))
    lost = codes - fitted.inverse(fitted.points)
    np.testing.assert_allclose(lost @ fitted.components.T, 0, atol=1e-3)
    assert np.abs(lost).max() > 0.5


def test_pca_and_axes_of_two_dimensional_codes_lose_nothing():
    flat = make_codes(dimensions=2)
    for method in ("pca", "axes"):
        fitted = project.fit(flat, Settings(method))
        np.testing.assert_allclose(fitted.inverse(fitted.points), flat, atol=1e-4)


def test_axes_fill_the_other_dimensions_with_their_mean(codes):
    filled = project.fit(codes, Settings("axes", axes=(5, 1))).inverse(np.array([[2.0, -3.0]]))[0]
    assert filled[5] == 2 and filled[1] == -3
    others = [0, 2, 3, 4, 6, 7]
    np.testing.assert_allclose(filled[others], codes[:, others].mean(0), atol=1e-5)


def test_codes_that_are_all_one_have_a_pca_map_with_no_variance_on_it():
    fitted = project.fit(np.ones((20, 4)), Settings("pca"))
    np.testing.assert_array_equal(fitted.points, 0)
    assert fitted.axis_titles == ("PC 1 (0 %)", "PC 2 (0 %)")


@pytest.mark.parametrize(
    ("shape", "settings", "says"),
    [
        ((50, 1), Settings("pca"), "PCA cannot draw codes of 1 latent dimension in 2-D; choose umap"),
        ((50, 2), Settings("pca", 3), "2 latent dimensions in 3-D; choose 2 map dimensions or umap"),
        ((1, 5), Settings("pca"), "at least 2 codes, and there are 1"),
        ((50, 1), Settings("axes"), "codes of 1 latent dimension have no 2 axes; choose umap"),
        ((50, 2), Settings("axes", 3, axes=(0, 1, 2)), "no 3 axes; choose 2 map dimensions or umap"),
        ((50, 4), Settings("axes", axes=(0, 4)), "there is no latent dimension 5; the model has 4"),
        ((15, 4), Settings(), "15 neighbours needs at least 16 codes, and there are 15; choose fewer"),
        ((50, 1), Settings(metric="cosine"), "cosine needs codes of 2 or more dimensions, not 1"),
        ((50,), Settings("pca"), "needs codes"),
        ((0, 4), Settings("pca"), "needs codes"),
    ],
)
def test_codes_that_a_method_cannot_map_are_refused_with_what_to_do(shape, settings, says):
    with pytest.raises(ValueError, match=says):
        project.fit(np.zeros(shape), settings)


@pytest.mark.parametrize("settings", [*CHEAP, Settings()], ids=Settings.label)
def test_codes_that_are_not_finite_are_refused_by_every_method(settings, codes):
    with pytest.raises(ValueError, match="codes hold NaN or infinity"):
        project.fit(np.where(np.arange(ROWS)[:, None] == 3, np.nan, codes), settings)


# --- UMAP -----------------------------------------------------------------------------------------------------


def test_neighbours_survive_umap_far_better_than_chance_and_pca(codes, fitted):
    points = fitted.projection.points
    assert points.shape == (ROWS, 2) and points.dtype == np.float32 and np.isfinite(points).all()
    kept, flat = (compare.neighbour_overlap(codes, p) for p in (points, project.fit(codes, Settings("pca")).points))
    assert kept.mean > 8 * kept.expected_by_chance and kept.mean > flat.mean
    assert trustworthiness(codes, points, n_neighbors=10) > 0.9


def test_clusters_stay_whole_on_the_map(fitted):
    points = fitted.projection.points
    members = np.arange(ROWS) % 4
    centres = np.stack([points[members == c].mean(0) for c in range(4)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    assert (nearest == members).mean() > 0.98


def test_the_same_seed_gives_the_same_map_and_another_seed_another(codes, fitted):
    np.testing.assert_array_equal(project.fit(codes, Settings()).points, fitted.projection.points)
    assert (project.fit(codes, Settings(seed=1)).points != fitted.projection.points).any()


def test_progress_only_rises_and_tells_people_what_is_done(fitted):
    fractions, messages = zip(*fitted.reports, strict=True)
    assert list(fractions) == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    messages = [m for m in messages if m != "Waiting for UMAP"]  # where another map is under way in this process
    assert messages[:2] == ["Finding neighbours", "Compiling and initialising"]
    assert "Epoch 120 of 500" in messages and messages[-1] == "Epoch 500 of 500"


def test_umap_has_nothing_to_warn_about(fitted):
    assert fitted.printed == ""


def test_every_code_lands_exactly_on_its_own_point_and_back(codes, fitted):
    assert not fitted.projection.exact
    np.testing.assert_array_equal(fitted.projection.transform(codes), fitted.projection.points)
    np.testing.assert_array_equal(fitted.projection.inverse(fitted.projection.points), codes)


def test_a_new_code_has_one_place_whatever_the_batch(codes, fitted):
    new = codes[::3] + np.random.default_rng(2).normal(0, 0.3, codes[::3].shape).astype(np.float32)
    together = fitted.projection.transform(new)
    alone = np.concatenate([fitted.projection.transform(row[None]) for row in new])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[::-1], fitted.projection.transform(new[::-1]))


def test_a_new_code_lands_in_its_own_cluster(codes, fitted):
    rng = np.random.default_rng(2)
    new = codes + rng.normal(0, 0.3, codes.shape).astype(np.float32)
    moved = np.linalg.norm(fitted.projection.transform(new) - fitted.projection.points, axis=1)
    assert np.median(moved) < 0.1 * np.ptp(fitted.projection.points)


def test_a_place_moved_a_little_moves_its_code_a_little(fitted):
    points = fitted.projection.points
    line = np.linspace(points[0], points[4], 4001)
    steps = np.linalg.norm(np.diff(fitted.projection.inverse(line), axis=0), axis=1)
    assert steps.max() < 0.1 * np.linalg.norm(fitted.projection.codes[0] - fitted.projection.codes[4])


def test_a_blend_stays_within_the_codes_that_it_is_of(codes, fitted):
    anywhere = np.random.default_rng(4).uniform(-100, 100, (200, 2))
    back = fitted.projection.inverse(anywhere)
    assert (back >= codes.min(0) - 1e-4).all() and (back <= codes.max(0) + 1e-4).all()


def test_rows_of_another_width_or_without_a_place_are_refused(codes, fitted):
    for projection in (fitted.projection, *(project.fit(codes, s) for s in CHEAP)):
        with pytest.raises(ValueError, match="takes rows of 8 values"):
            projection.transform(np.zeros((3, 5)))
        with pytest.raises(ValueError, match=f"takes rows of {projection.settings.dims} values"):
            projection.inverse(np.zeros((3, 7)))
        with pytest.raises(ValueError, match="no place on a map"):
            projection.transform(np.full((1, 8), np.nan))


@pytest.mark.parametrize(
    ("made", "settings"),
    [
        (make_codes(60, 1), Settings(neighbours=5)),
        (make_codes(60, 2), Settings(neighbours=5, dims=3)),
        (np.ones((60, 4)), Settings(neighbours=5)),
        (np.repeat(make_codes(10, 4), 6, axis=0), Settings(neighbours=5)),
        (make_codes(6, 4), Settings(neighbours=5)),
        (make_codes(60, 6), Settings(neighbours=2, min_dist=0)),
        (make_codes(60, 6), Settings(neighbours=5, metric="cosine")),
        (make_codes(60, 6), Settings(neighbours=5, metric="manhattan")),
        (make_codes(60, 6), Settings(neighbours=5, metric="correlation")),
    ],
    ids=["1-D", "2-D in 3-D", "one place", "duplicates", "fewest", "closest", "cosine", "manhattan", "correlation"],
)
def test_odd_codes_and_other_metrics_have_a_finite_map_that_goes_there_and_back(made, settings):
    fitted = project.fit(made, settings)
    assert fitted.points.shape == (len(made), settings.dims) and np.isfinite(fitted.points).all()
    back = fitted.inverse(fitted.points)
    np.testing.assert_array_equal(back, made.astype(np.float32))
    _, first, of = np.unique(made, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(fitted.transform(made), fitted.points[first[of.ravel()]])


def test_a_fit_stops_in_the_middle_and_the_next_one_is_not_harmed(codes, fitted):
    seen = []
    with pytest.raises(project.Cancelled):
        project.fit(
            codes, Settings(), progress=lambda f, m: seen.append(m), cancelled=lambda: "Epoch 20 of 500" in seen
        )
    assert seen[-1] == "Epoch 20 of 500"
    np.testing.assert_array_equal(project.fit(codes, Settings()).points, fitted.projection.points)


def test_maps_wait_for_each_other_and_can_be_cancelled_meanwhile(codes):
    waiting = threading.Event()

    def report(fraction, message):
        if message == "Waiting for UMAP":
            waiting.set()

    with worker._WORKER._turn, pytest.raises(project.Cancelled):
        project.fit(codes, Settings(), progress=report, cancelled=waiting.is_set)


def test_two_threads_fit_the_same_maps_as_one(codes, fitted):
    made = {}
    threads = [threading.Thread(target=lambda n=n: made.update({n: project.fit(codes, Settings())})) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    for other in made.values():
        np.testing.assert_array_equal(other.points, fitted.projection.points)


# --- UMAP's process -------------------------------------------------------------------------------------------


UMAP = {"dims": 2, **{name: getattr(Settings(), name) for name in project.UMAP.uses}}


@pytest.fixture
def cold():
    """A worker of one's own, with no child yet."""
    made = worker.Worker()
    yield made
    made.stop()


def at(wanted, then):
    """A progress that does `then` when that message comes."""
    return lambda fraction, message: then() if message == wanted else None


def never():
    return False


def gone(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def test_umap_is_not_imported_here(fitted):
    assert not {"umap", "numba", "pynndescent"} & set(sys.modules)


def test_one_child_fits_all_maps_and_yields_to_the_pages(codes, fitted):
    project.fit(codes, Settings())
    pid = worker._WORKER.pid
    project.fit(codes, Settings(seed=1))
    assert worker._WORKER.pid == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(os.getpriority(os.PRIO_PROCESS, 0) + worker.NICE, 19)


def test_a_map_is_cancelled_within_a_second_also_while_it_compiles(codes, cold):
    asked, again = [], threading.Event()

    def ask():
        threading.Timer(0.5, lambda: asked.append(time.monotonic())).start()

    with pytest.raises(project.Cancelled):
        cold.fit(codes, UMAP, at("Compiling and initialising", ask), lambda: bool(asked))
    assert time.monotonic() - asked[0] < 1 and cold.pid is None
    with pytest.raises(project.Cancelled):
        cold.fit(codes, UMAP, at("Finding neighbours", again.set), again.is_set)


def test_a_child_that_was_killed_is_reported_in_one_line_and_replaced(codes, cold):
    pids = []

    def kill():
        pids.append(cold.pid)
        os.kill(cold.pid, signal.SIGKILL)

    for _ in range(2):
        with pytest.raises(ChildProcessError, match="killed, most likely because memory ran out") as lost:
            cold.fit(codes, UMAP, at("Finding neighbours", kill), never)
        assert "\n" not in str(lost.value)
    assert len(set(pids)) == 2


def test_a_report_that_fails_leaves_nothing_behind_for_the_next_map(codes, cold):
    with pytest.raises(ZeroDivisionError):
        cold.fit(codes, UMAP, lambda fraction, message: 1 / 0, never)
    assert cold.pid is None


def test_the_child_ends_with_its_parent():
    program = (
        "import numpy as np; from latent import worker\n"
        "codes = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)\n"
        f"worker.fit(codes, {UMAP}, lambda *_: print(worker._WORKER.pid, flush=True), lambda: False)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child)


def child_whose_fit_is(body):
    """A worker whose child runs that in umap's place."""
    program = (
        "import os; from latent import layout, worker\n"
        f"def fit(codes, *, progress, **_):\n    {body}\n"
        "layout.fit = fit\nworker.serve(*worker._own_streams())"
    )
    return worker.Worker([sys.executable, "-c", program])


def test_what_a_fit_prints_does_not_get_among_the_messages(codes):
    talkative = child_whose_fit_is(
        "print('chatter', flush=True); os.write(1, b'chatter'); os.system('echo chatter'); progress(1.0, input_of())\n"
        "    return codes[:, :2]\n"
        "def input_of():\n    return repr(os.read(0, 9))"
    )
    heard = []
    points = talkative.fit(codes, UMAP, lambda *report: heard.append(report), never)
    talkative.stop()
    np.testing.assert_array_equal(points, codes[:, :2])
    assert heard == [(1.0, "b''")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise RuntimeError('first\\nsecond')", "RuntimeError in UMAP (first)"),
        ("raise MemoryError", "not enough memory for this map; free some or map fewer codes"),
        ("os._exit(3)", "the UMAP process ended with status 3; what it printed says more"),
        ("os.abort()", "the UMAP process was ended by signal 6 (Aborted); try again"),
    ],
)
def test_a_fit_that_fails_is_reported_in_one_line_by_the_command_too(
    body, says, saved_checkpoint, tmp_path, monkeypatch, capsys
):
    from latent import __main__ as command

    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(worker, "fit", child_whose_fit_is(body).fit)
    assert command.main(["project", str(saved_checkpoint)]) == 1
    assert capsys.readouterr().err == f"python -m latent: {saved_checkpoint}: {says}\n"


# --- files and caches -----------------------------------------------------------------------------------------


def every_kind(codes, fitted):
    return [fitted.projection, *(project.fit(codes, s) for s in CHEAP)]


def test_a_map_that_was_saved_is_the_same_map(tmp_path, codes, fitted):
    for projection in every_kind(codes, fitted):
        loaded = maps.load(maps.save(projection, tmp_path / maps.file_name(projection.settings)), codes)
        assert loaded.settings.key() == projection.settings.key() and type(loaded) is type(projection)
        assert loaded.axis_titles == projection.axis_titles
        np.testing.assert_array_equal(loaded.points, projection.points)
        np.testing.assert_array_equal(loaded.transform(codes[:9] + 1), projection.transform(codes[:9] + 1))
        np.testing.assert_array_equal(loaded.inverse(loaded.points[:9] + 1), projection.inverse(loaded.points[:9] + 1))


def test_a_file_of_other_codes_damaged_or_of_another_kind_is_refused_in_one_line(tmp_path, codes, fitted):
    path = maps.save(fitted.projection, tmp_path / "map.safetensors")
    about = {"version": maps.VERSION, "settings": Settings().key(), "codes": maps._codes_digest(codes)}
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-100])
    points = fitted.projection.points
    cases = [
        (path, codes + 1, "map of other codes; fit it anew"),
        (cut, codes, "is damaged"),
        (write(tmp_path / "old", {"points": points}, about | {"version": 0}), codes, "map of version 0, not"),
        (write(tmp_path / "few", {"points": points[:-1]}, about), codes, "does not hold a map"),
        (write(tmp_path / "none", {"other": points}, about), codes, "does not hold a map"),
        (write(tmp_path / "odd", {"points": points}, about | {"settings": {"method": "x"}}), codes, "unknown projec"),
    ]
    for file, of, says in cases:
        with pytest.raises(ValueError, match=says) as refused:
            maps.load(file, of)
        assert "\n" not in str(refused.value)


def test_a_map_is_shipped_before_it_is_cached_before_it_is_fitted(tmp_path, space, fitted):
    store, folder = Store(tmp_path / "cache"), tmp_path / "checkpoint"
    assert maps.find(space, Settings(), store, folder) is None

    first = maps.cached_fit(space, Settings(), store, folder)
    assert not first.note
    found = maps.find(space, Settings(), store, folder)
    np.testing.assert_array_equal(found.points, first.points)

    marked = dataclasses.replace(fitted.projection, points=fitted.projection.points + 1)
    maps.save(marked, folder / maps.FOLDER / maps.file_name(Settings()))
    np.testing.assert_array_equal(maps.find(space, Settings(), store, folder).points, marked.points)
    assert maps.find(space, Settings(seed=1), store, folder) is None


def test_a_shipped_map_that_cannot_be_used_is_passed_over_with_a_warning(tmp_path, space):
    path = tmp_path / maps.FOLDER / maps.file_name(Settings())
    path.parent.mkdir()
    path.write_bytes(b"not a map")
    with pytest.raises(ValueError, match="is damaged"):
        maps.shipped(tmp_path, Settings(), space.codes)
    with pytest.warns(RuntimeWarning, match="shipped map is passed over"):
        assert maps.find(space, Settings(), Store(tmp_path / "cache"), tmp_path) is None


def test_cheap_maps_are_always_found_and_never_kept(tmp_path, space):
    store = Store(tmp_path / "cache")
    for settings in CHEAP:
        assert maps.find(space, settings, store) is not None
        maps.cached_fit(space, settings, store)
    assert not store.root.exists()


def test_settings_that_cannot_map_a_space_are_refused_before_anything_is_computed(tmp_path, space):
    with pytest.raises(ValueError, match="choose fewer neighbours"):
        maps.find(space, Settings(neighbours=ROWS), Store(tmp_path))


def test_a_disk_that_takes_nothing_does_not_lose_the_map(tmp_path, space, fitted):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file")
    kept_nowhere = maps.cached_fit(space, Settings(), store)
    np.testing.assert_array_equal(kept_nowhere.points, fitted.projection.points)
    assert "could not be kept" in kept_nowhere.note
    assert maps.find(space, Settings(), store) is kept_nowhere
    kept = maps.cached_fit(space, Settings(), Store(tmp_path / "cache"))
    assert not kept.note and maps.find(space, Settings(), store) is None


# --- the command ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["project", "nowhere/at-all"], 1, "there is no checkpoint folder nowhere/at-all"),
        (["project", "x", "--neighbours", "1"], 2, "neighbours must be at least 2, not 1"),
        (["project", "x", "--method", "tsne"], 2, "invalid choice"),
        (["project", "x", "--method", "axes", "--axes", "a"], 2, "not a list of latent dimensions"),
        (["project", "x", "--axes", "0,1"], 2, "--axes is for --method axes"),
        (["project", "x", "--method", "pca", "--ship"], 2, "pca is computed whenever it is looked at"),
        (["project", "x", "--method", "axes", "--ship"], 2, "axes is computed whenever it is looked at"),
        (["project", "x", "--neigh", "5"], 2, "unrecognized arguments: --neigh"),
        (["project", "x", "--seed", "many"], 2, "invalid int value: 'many'"),
        (["project"], 2, "required"),
        ([], 2, "required"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(arguments, status, says, capsys):
    from latent import __main__ as command

    try:
        returned = command.main(arguments)
    except SystemExit as stopped:
        returned = stopped.code
    errors = capsys.readouterr().err
    assert returned == status and says in errors
    assert errors.startswith("python -m latent") and errors.count("\n") == 1


@pytest.fixture
def saved_checkpoint(tmp_path, space):
    from aemodels.checkpoint import Config, Latents, save

    config = Config("ae", (1, 8, 8), DIMENSIONS, "digits", {"hidden": [8]})
    latents = Latents(space.codes, space.row_ids, space.error)
    return save(tmp_path / "digits" / "ae", space.model, config, latents, metrics={}, history=[])


def test_the_command_ships_a_map_that_the_checkpoint_then_comes_with(
    saved_checkpoint, tmp_path, monkeypatch, capsys, fitted
):
    from aemodels import checkpoint
    from latent import __main__ as command

    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "cache"))
    assert command.main(["project", str(saved_checkpoint), "--ship"]) == 0
    assert "ae: UMAP (15 neighbours" in capsys.readouterr().out
    shipped = maps.shipped(saved_checkpoint, Settings(), checkpoint.load(saved_checkpoint).latents.mean)
    np.testing.assert_array_equal(shipped.points, fitted.projection.points)


def test_the_command_keeps_a_umap_in_the_cache(saved_checkpoint, tmp_path, monkeypatch, space, fitted):
    from latent import __main__ as command

    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "cache"))
    assert command.main(["project", str(saved_checkpoint)]) == 0
    found = maps.find(space, Settings(), Store(tmp_path / "cache"))
    np.testing.assert_array_equal(found.points, fitted.projection.points)


def test_the_module_runs_as_a_command():
    command = [sys.executable, "-m", "latent", "project", "--help"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0 and "--min-dist" in ran.stdout
