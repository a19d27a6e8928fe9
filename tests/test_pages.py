"""Every page through AppTest: by default, by deep link, with nonsense in the link, without checkpoints or images."""

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from streamlit.testing.v1 import AppTest

from aemodels import checkpoint, datasets, registry
from latent import metrics
from train.__main__ import main as train

APP = Path(__file__).resolve().parents[1] / "dashboard" / "app.py"
PAGES = ("map", "interpolate", "traverse", "sample", "compare", "checkpoints")


@pytest.fixture(scope="session")
def digits_root(tmp_path_factory):
    """A checkpoints folder with an AE, a VAE of 2 dimensions and PCA, really trained for a moment on digits."""
    root = tmp_path_factory.mktemp("checkpoints")
    for name, *options in (
        ("ae", "--latent-dim", "4", "--epochs", "2"),
        ("vae", "--latent-dim", "2", "--epochs", "2"),
        ("pca", "--latent-dim", "3"),
    ):
        assert train([name, "--dataset", "digits", "--out", str(root / "digits" / name), *options]) == 0
    return root


@pytest.fixture
def app(digits_root, tmp_path, monkeypatch):
    """Opens a page of the app on `digits_root`, or on another checkpoints folder."""
    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LATENTBOARD_DATA", str(tmp_path / "no-data"))

    def open_page(page="map", root=digits_root, session=None, **link):
        monkeypatch.setenv("LATENTBOARD_CHECKPOINTS", str(root))
        at = AppTest.from_file(APP, default_timeout=60)
        for key, value in link.items():
            at.query_params[key] = value
        for key, value in (session or {}).items():
            at.session_state[key] = value
        at.run()
        if page != "map":
            at.switch_page(f"views/{page}.py").run()
        assert not at.exception, at.exception
        return at

    return open_page


def words(at) -> str:
    """All the text of a page."""
    parts = [*at.title, *at.markdown, *at.caption, *at.info, *at.error, *at.warning, *at.subheader, *at.toast]
    return "\n".join(str(p.value) for p in parts)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_a_title_and_without_complaint(app, page):
    at = app(page, projection="PCA")
    assert at.title[0].value
    assert not at.error and not at.toast


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_any_checkpoint_and_says_how_to_get_one(app, tmp_path, page):
    at = app(page, root=tmp_path / "empty")
    assert "python -m train" in "\n".join(c.value for c in at.code)


@pytest.mark.parametrize("projection", ["PCA", "Axes"])
def test_a_deep_link_restores_the_map(app, projection):
    at = app("map", a="pca", b="vae", projection=projection, view="B", colour="Reconstruction error")
    assert at.selectbox(key="a").value == "pca"
    assert at.selectbox(key="b").value == "vae"
    assert at.selectbox(key="colour").value == "Reconstruction error"
    assert "vae (2 dimensions)" in at.title[0].value and "pca" not in at.title[0].value


def test_a_link_may_spell_options_in_any_case_and_by_name(app):
    at = app("map", a="VAE", b="Pca", projection="axes", view="b", colour="reconstruction ERROR", data="DIGITS")
    assert not at.toast and not at.warning
    assert (at.selectbox(key="a").value, at.selectbox(key="b").value) == ("vae", "pca")
    assert at.selectbox(key="colour").value == "Reconstruction error"
    assert "dimensions 1 and 2" in words(at).lower()
    at = app("compare", models=["PCA", "Vae"], projection="PCA")
    assert at.multiselect(key="models").value == ["pca", "vae"] and not at.toast


def test_a_name_in_another_case_and_a_senseless_parameter_are_each_met_in_one_run(app):
    at = app("map", a="VAE", projection="nonsense", dims="9")
    assert at.selectbox(key="a").value == "vae"
    (said,) = at.toast
    assert "projection" in said.value and "dims" in said.value


def test_a_selection_is_in_the_link_and_comes_back_from_it(app):
    at = app(session={"_selection": (10, 25, 40)}, projection="PCA")
    text = at.query_params["rows"]
    text = text if isinstance(text, str) else text[0]
    for page in ("map", "compare"):
        again = app(page, rows=text, projection="PCA")
        assert again.session_state["_selection"] == (10, 25, 40)
        assert "3 rows" in words(again) and not again.toast
    at.button(key="clear_selection").click().run()
    assert "rows" not in at.query_params


def test_classes_in_the_link_are_lit_and_narrow_the_selection(app, digits_root):
    ids = tuple(range(0, 600, 5))
    at = app(session={"_selection": ids}, classes=["3", "8"], projection="PCA")
    labels = checkpoint.load(digits_root / "digits" / "ae").latents.labels[: len(ids)]
    assert f"Selection: {int(np.isin(labels, [3, 8]).sum())} rows" in words(at)


def test_a_row_field_steps_over_ids_that_are_not_held_out(app):
    at = app("interpolate", **{"from": "10"}, projection="PCA")
    at.number_input(key="from").increment().run()
    assert at.number_input(key="from").value == 15
    at.number_input(key="from").decrement().run()
    at.number_input(key="from").decrement().run()
    assert at.number_input(key="from").value == 5
    at.number_input(key="from").set_value(998).run()
    assert at.number_input(key="from").value == 1000
    assert not at.exception


def test_two_checkpoints_of_one_name_are_both_there(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "twice")
    shutil.copytree(root / "digits" / "vae", root / "mine" / "vae")
    at = app(root=root, projection="PCA")
    assert set(at.selectbox(key="a").options) == {"ae", "pca", "digits/vae", "mine/vae"}
    at = app("compare", root=root, models=["mine/vae", "digits/vae"], projection="PCA")
    assert at.table[0].value.loc["Neighbour overlap", "digits/vae"] == "1.000"


def test_two_folders_of_one_name_are_two_data_sets(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "folders")
    for place, model in (("a", "pca"), ("b", "vae")):
        rewrite(
            shutil.copytree(root / "digits" / model, root / place / model) / "config.json",
            dataset=f"folder:{tmp_path}/{place}/photos",
        )  # fmt: skip
    at = app(root=root, projection="PCA")
    assert at.selectbox(key="data").options == ["Digits", *(f"folder:{tmp_path}/{p}/photos" for p in "ab")]
    at = app(root=root, data=f"folder:{tmp_path}/b/photos", projection="PCA")
    assert at.title[0].value == "Folder photos: vae (2 dimensions)"


def test_a_deep_link_restores_a_walk(app):
    at = app("interpolate", **{"from": "10"}, to="25", frames="9", path="Spherical", projection="PCA")
    assert at.number_input(key="from").value == 10 and at.number_input(key="to").value == 25
    assert at.slider(key="frames").value == 9
    assert "Spherical path in 9 frames" in words(at)


def test_a_geodesic_alone_is_searched_with_progress_and_then_shown_with_its_figures(app):
    at = app("interpolate", path="Geodesic", projection="PCA", frames="6")
    for _ in range(100):
        if at.table:
            break
        time.sleep(0.2)
        at.run()
    assert not at.exception and list(at.table[0].value.index)[-1] == "Frames in a hole"
    assert at.table[0].value.shape == (7, 2)


def test_samples_are_judged_on_request_and_a_damaged_classifier_is_named(app, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOARD_FEATURES", str(tmp_path))
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "classifier.json").write_text("{}")
    at = app("sample", a="ae", b="none", count="60")
    at.button(key="judge_0").click().run()
    for _ in range(100):
        if "Memory, latent space" in words(at):
            break
        time.sleep(0.2)
        at.run()
    assert "Not measured" in words(at) and "names no schema_version" in words(at)


@pytest.mark.parametrize(
    ("page", "link", "said"),
    [
        ("map", {"data": "nonsense"}, "data = 'nonsense'"),
        ("map", {"a": "resnet"}, "a = 'resnet'"),
        ("map", {"projection": "tsne"}, "projection = 'tsne'"),
        ("map", {"projection": "umap", "neighbours": "-3"}, "neighbours = '-3'"),
        ("map", {"projection": "umap", "min_dist": "wide"}, "min_dist = 'wide'"),
        ("map", {"colour": "smell"}, "colour = 'smell'"),
        ("map", {"row": "7"}, "row = '7'"),
        ("map", {"rows": "360.nonsense"}, "selection (rows)"),
        ("map", {"rows": "9999999999.eJw"}, "selection (rows)"),
        ("map", {"rows": "360." + "=" * 500}, "selection (rows)"),
        ("map", {"classes": "shoe"}, "classes = shoe"),
        ("map", {"pins": "1.deadbeef.AAAAAA"}, "pinned place"),
        ("map", {"pins": "P1"}, "pinned place"),
        ("interpolate", {"between": "pins"}, "walks through pins"),
        ("map", {"row": "9" * 5000}, "row = '999"),
        ("interpolate", {"from": "--5"}, "from = '--5'"),
        ("interpolate", {"from": "123456789"}, "from = '123456789'"),
        ("interpolate", {"to": "boot"}, "to = 'boot'"),
        ("interpolate", {"frames": "1"}, "frames = '1'"),
        ("sample", {"temperature": "9"}, "temperature = '9'"),
        ("sample", {"seed": "nan"}, "seed = 'nan'"),
        ("compare", {"models": "gan"}, "models = gan"),
        ("traverse", {"along": "up"}, "along = 'up'"),
        ("traverse", {"directions": "up.nonsense"}, "direction that is none"),
        ("sample", {"sampler1": "gan"}, "sampler1 = 'gan'"),
    ],
)
def test_a_link_that_makes_no_sense_gets_one_line_and_a_working_page(app, page, link, said):
    at = app(page, **link)
    lines = [t.value for t in at.toast]
    assert sum(said in line for line in lines) == 1, lines
    assert all("\n" not in line for line in lines)
    assert at.title[0].value


def test_a_selection_becomes_a_gallery_with_class_counts(app, digits_root):
    ids = tuple(range(0, 600, 5))
    at = app(session={"_selection": ids}, projection="PCA")
    found = checkpoint.load(digits_root / "digits" / "ae")
    name, count = metrics.class_counts(found.latents.labels[: len(ids)], found.config.classes)[0]
    share = f"{count / len(ids):.0%}".replace("%", " %")
    assert f"Selection: 120 rows** · {count} {name} ({share})" in words(at)
    assert "Originals 1 to 60" in words(at)
    at.button(key="clear_selection").click().run()
    assert "Selection: 120 rows" not in words(at)


def test_a_clicked_point_shows_its_class_and_its_neighbours(app):
    at = app(row="10", projection="PCA")
    assert "Clicked: 0 · #10" in words(at)
    assert "Neighbours by Euclidean distance" in words(at)


def test_changing_the_data_set_forgets_rows_of_the_old_one(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "two")
    assert train(["pca", "--dataset", "sprites:200", "--latent-dim", "4", "--out", str(root / "sprites" / "pca")]) == 0
    at = app(root=root, session={"_selection": (10,)}, row="10", projection="PCA")
    at.selectbox(key="data").set_value("sprites:200").run()
    assert not at.exception
    assert "row" not in at.query_params and "_selection" not in at.session_state


def test_an_autoencoder_is_sampled_from_a_fitted_gaussian_and_the_page_says_so(app):
    at = app("sample", a="ae", b="vae")
    text = words(at)
    assert "drawn from a Gaussian fitted to 360 codes (an autoencoder has no prior)" in text
    assert "drawn from N(0, I) · seed 0" in text
    assert " ms on CPU" in text


def test_an_autoencoder_asked_for_its_prior_says_why_there_is_none(app):
    at = app("sample", a="ae", b="vae", sampler1="prior")
    assert any("prior" in i.value for i in at.info), [i.value for i in at.info]
    assert "drawn from N(0, I)" in words(at), "the VAE beside it is drawn all the same"


def test_two_samplers_of_one_model_draw_by_the_same_seed(app):
    at = app("sample", a="vae", b="ae", sides="Two of A", sampler1="prior", sampler2="aggregate posterior", seed="3")
    assert words(at).count("seed 3") == 2 and "aggregate posterior" in words(at)


def test_thousands_of_samples_are_shown_a_page_at_a_time(app):
    at = app("sample", a="vae", b="none", count="10000")
    assert "1 to 100 of 10,000" in words(at)
    next(n for n in at.number_input if n.label == "Page of 100").set_value(100).run()
    assert "9,901 to 10,000 of 10,000" in words(at)


def test_samples_of_one_class_come_from_its_codes_and_the_prior_says_that_it_knows_none(app):
    at = app("sample", a="ae", b="vae", of_class="3", sampler2="prior")
    assert "of class 3" in words(at) and any("knows no classes" in i.value for i in at.info)


def test_the_gap_between_prior_and_codes_is_said_for_vaes_alone(app):
    assert "MMD²" in words(app("sample", a="ae", b="vae"))
    assert "MMD²" not in words(app("sample", a="ae", b="pca"))


def test_two_dimensional_codes_get_a_decoded_plane(app):
    assert "evenly spaced in the prior's quantiles" in words(app("sample", a="ae", b="vae"))
    assert "quantiles" not in words(app("sample", a="ae", b="pca"))


def test_drawing_again_changes_the_seed_alone(app):
    at = app("sample")
    before = at.number_input(key="seed").value
    at.button(key="again").click().run()
    assert at.number_input(key="seed").value == before + 1
    assert not at.exception


def test_compare_prints_the_figures_that_the_checkpoints_hold(app, digits_root):
    at = app("compare", projection="PCA")
    table = at.table[0].value
    for name in ("ae", "vae", "pca"):
        stored = json.loads((digits_root / "digits" / name / "metrics.json").read_text())
        assert table.loc["Reconstruction MSE", name] == f"{stored['reconstruction_mse']:.4f}"
        assert table.loc["Neighbour accuracy", name] == f"{stored['neighbour_accuracy']:.3f}"
    assert table.loc["KL to prior", "ae"] == "not defined"
    assert 0 < float(table.loc["Neighbour overlap", "vae"]) < 1
    assert (table["What it means"].str.len() > 40).all()


@pytest.mark.parametrize(
    "odd",
    [
        {"active_units": 2.0}, {"active_units": 1.5}, {"active_units": None}, {"kl": float("nan")},
        {"neighbour_accuracy": "high"}, {"neighbour_accuracy": 87.5}, {"reconstruction_mse": [1]},
    ],
)  # fmt: skip
def test_compare_computes_anew_what_a_foreign_metrics_file_does_not_say(app, digits_root, tmp_path, odd):
    root = shutil.copytree(digits_root, tmp_path / "foreign")
    rewrite(root / "digits" / "vae" / "metrics.json", **odd)
    expected = metrics.evaluate(checkpoint.load(root / "digits" / "vae").latents)
    if odd == {"active_units": 2.0}:
        expected = dataclasses.replace(expected, active_units=2)
    shown = app("compare", root=root, models=["vae", "pca"], projection="PCA").table[0].value["vae"]
    assert shown["Active units"] == str(expected.active_units) and shown["KL to prior"] == f"{expected.kl:.2f}"
    assert shown["Neighbour accuracy"] == f"{expected.neighbour_accuracy:.3f}"
    assert shown["Reconstruction MSE"] == f"{expected.reconstruction_mse:.4f}"


def test_compare_asks_for_two_where_there_is_one(app):
    at = app("compare", models="ae")
    assert "Choose two or more" in words(at)


def test_a_broken_checkpoint_is_listed_with_its_reason_and_the_rest_works(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "damaged")
    weights = root / "digits" / "ae" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    at = app("checkpoints", root=root, projection="PCA")
    assert (
        len(at.error) == 1 and "digits/ae" in at.error[0].value and "model.safetensors is damaged" in at.error[0].value
    )
    assert {"vae", "pca"} <= set(at.dataframe[0].value["Name"])


def test_the_checkpoints_page_shows_the_model_card(app):
    at = app("checkpoints", card="vae")
    assert "python -m train vae --dataset digits" in words(at)


def test_a_history_that_cannot_be_read_is_not_called_a_closed_form(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "garbled")
    (root / "digits" / "vae" / "history.csv").write_text("garbage")
    at = app("checkpoints", root=root, projection="PCA")
    assert not at.error and "Fitted in closed form, without epochs: pca." in words(at)
    assert "vae has no curve: history.csv cannot be read (it has no column epoch)." in words(at)


def test_without_the_images_the_page_says_so_and_offers_the_download(app):
    at = app(root=APP.parents[1] / "checkpoints", data="Fashion-MNIST", a="ae-2d", b="vae-2d", projection="Axes")
    assert "Originals are missing: Fashion-MNIST is not on this machine" in words(at)
    assert any("Download Fashion-MNIST" in b.label for b in at.button)


def test_a_map_that_cannot_be_drawn_is_explained(app):
    at = app(a="ae", b="vae", projection="PCA", dims="3D")
    assert len(at.error) == 1 and at.error[0].value.startswith("This map cannot be drawn")


def test_axes_that_are_asked_for_twice_are_told_apart(app):
    at = app(projection="Axes", axis1="2", axis2="2", a="ae", b="none")
    assert "Each axis needs a dimension of its own: showing 2, 3." in words(at)
    assert "Dimensions 2 and 3" in words(at)


def test_only_models_that_were_evaluated_on_the_same_rows_are_set_beside_each_other(
    app, save_digits, digits_root, tmp_path
):
    root = shutil.copytree(digits_root, tmp_path / "mixed")
    save_digits(root / "digits" / "fewer-rows")
    at = app(root=root, a="ae", projection="PCA")
    assert "vae" in at.selectbox(key="b").options and "fewer-rows" not in at.selectbox(key="b").options
    at.selectbox(key="a").set_value("fewer-rows").run()
    assert not at.exception and at.selectbox(key="b").options == ["none"]


def rewrite(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("config.json", {"dataset": "imagenet"}, "unknown data set"),
        ("config.json", {"dataset": "folder:~nobody-of-that-name/x"}, "cannot be used"),
        ("config.json", {"latent_dim": float("1e400")}, "no JSON number"),
        ("config.json", {"factor_names": ["scale"]}, "factors"),
        ("config.json", {"dataset_options": {"root": "/"}}, "no option 'root'"),
        ("config.json", {"schema_version": True}, "names no schema_version"),
    ],
)
def test_a_checkpoint_of_someone_elses_making_takes_no_page_down(
    app, digits_root, tmp_path, page, file, changes, reason
):
    root = shutil.copytree(digits_root, tmp_path / "foreign")
    rewrite(root / "digits" / "ae" / file, **changes)
    at = app(page, root=root, projection="PCA")
    if page == "checkpoints":
        assert len(at.error) == 1 and reason in at.error[0].value


def test_a_vae_without_log_variances_is_broken_and_compare_goes_on(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "foreign")
    latents = root / "digits" / "vae" / "latents.safetensors"
    columns = safetensors.numpy.load_file(latents)
    safetensors.numpy.save_file({k: v for k, v in columns.items() if k != "logvar"}, latents)
    assert "no logvar" in app("checkpoints", root=root).error[0].value
    app("compare", root=root, projection="PCA")


def test_a_selection_of_rows_that_another_model_does_not_know_shrinks_to_those_it_does(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "fewer")
    whole = checkpoint.load(root / "digits" / "ae")
    few = {k: v[:40] for k, v in vars(whole.latents).items() if v is not None}
    checkpoint.save(
        root / "digits" / "small", whole.model, whole.config, checkpoint.Latents(**few), metrics={}, history=[]
    )  # fmt: skip
    at = app(root=root, a="small", b="none", projection="PCA", session={"_selection": (5, 10, 1000)})
    assert "Selection: 2 rows" in words(at)


def test_models_of_other_image_sizes_are_not_compared(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "sizes")
    wide = registry.build("pca", (1, 8, 10), 3)
    whole = checkpoint.load(root / "digits" / "pca")
    config = dataclasses.replace(whole.config, image_shape=(1, 8, 10))
    checkpoint.save(root / "digits" / "wide", wide, config, whole.latents, metrics={}, history=[])
    assert "wide" not in app("compare", root=root, projection="PCA").multiselect(key="models").options


def test_another_data_set_gets_its_own_models_to_compare(app, digits_root, tmp_path):
    root = shutil.copytree(digits_root, tmp_path / "two")
    for name in ("vae", "pca"):
        argv = [name, "--dataset", "sprites:50", "--latent-dim", "2", "--out", str(root / "sprites" / f"{name}-s")]
        assert train([*argv, *(["--epochs", "1", "--hidden", "4"] if name == "vae" else [])]) == 0
    at = app("compare", root=root, projection="PCA", data="digits", models=["ae", "vae"])
    at.selectbox(key="data").set_value("sprites:50").run()
    assert not at.exception and len(at.multiselect(key="models").value) == 2


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A checkpoint of one latent dimension, made from a folder of colour images, and that folder."""
    from PIL import Image

    folder, rng = tmp_path / "photos", np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for n in range(40):
            Image.fromarray(rng.integers(0, 255, (12, 10, 3), dtype=np.uint8)).save(folder / kind / f"{n}.png")
    root = tmp_path / "photo-checkpoints"
    for name, dims in (("ae", "1"), ("vae", "3")):
        options = ["--latent-dim", dims, "--epochs", "1", "--image-size", "12x10", "--hidden", "8"]
        out = root / "folder-photos" / name
        assert train([name, "--dataset", f"folder:{folder}", "--out", str(out), *options]) == 0
    return root, folder


@pytest.mark.parametrize("page", PAGES)
def test_colour_images_of_a_folder_and_one_latent_dimension_open_on_every_page(app, photos, page):
    root, _ = photos
    app(page, root=root, a="ae", b="vae")


@pytest.mark.parametrize("count", [5, 12])
def test_a_handful_of_images_opens_on_every_page_without_an_error(app, tmp_path, count):
    from PIL import Image

    folder, root = tmp_path / "few", tmp_path / "few-checkpoints"
    folder.mkdir()
    for n in range(count):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"{n}.png")
    for name, *options in (("vae", "--epochs", "1", "--hidden", "8"), ("pca",)):
        argv = [name, "--dataset", f"folder:{folder}", "--latent-dim", "2", "--image-size", "8", "--channels", "1"]
        assert train([*argv, *options, "--out", str(root / "few" / name)]) == 0
    for page in PAGES:
        assert not app(page, root=root).error


def test_a_model_without_a_umap_opens_on_pca_and_one_click_offers_the_umap(app):
    at = app()
    assert at.title[0].value and "PCA of all" in words(at) and not at.error
    at.segmented_control(key="projection").set_value("umap").run()
    assert [b.label for b in at.button].count("Compute this map") == 2


def test_a_folder_too_large_for_memory_is_not_read_and_not_asked_again(app, photos, monkeypatch):
    root, _ = photos
    load, loads = datasets.load, []
    monkeypatch.setattr(datasets, "load", lambda *args, **options: loads.append(args) or load(*args, **options))
    monkeypatch.setattr(datasets, "MEMORY_SHARE", 0)
    monkeypatch.setattr(datasets.FolderImages, "in_memory", lambda self: pytest.fail("it was read whole"))
    at = app(root=root, projection="PCA", a="vae", b="none")
    at.run()
    assert len(loads) == 1 and "held-out images of Folder photos are too many for the free memory" in words(at)


@pytest.mark.parametrize("page", PAGES)
def test_images_that_were_moved_after_training_are_missing_and_no_crash(app, photos, page):
    root, folder = photos
    (folder / "cat").rename(folder / "tiger")
    at = app(page, root=root, projection="PCA", a="vae", b="none")
    if page == "map":
        assert "no longer holds the images" in words(at)
