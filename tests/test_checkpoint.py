"""A checkpoint comes back bit-identically, and one that cannot be used says why and takes nothing with it."""

import dataclasses
import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from aemodels import checkpoint, names
from aemodels.checkpoint import Broken, Checkpoint, CheckpointError

CODES = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
ROOT = Path(checkpoint.__file__).parents[1]


@pytest.fixture
def folder(tmp_path, save_digits) -> Path:
    return save_digits(tmp_path / "digits" / "vae")


def edit_config(folder: Path, **changes) -> None:
    path = folder / checkpoint.CONFIG
    raw = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in raw.items() if v is not ...}))


def edit_weights(folder: Path, change, *, sha256: bool = True) -> None:
    """Rewrite the weights by hand, with the SHA-256 that goes with them or not."""
    path = folder / checkpoint.WEIGHTS
    state = safetensors.torch.load_file(path)
    path.unlink()
    safetensors.torch.save_file(change(state), path)
    if sha256:
        edit_config(folder, weights_sha256=checkpoint.fingerprint(path.read_bytes()))


def edit_latents(folder: Path, **changes) -> None:
    path = folder / checkpoint.LATENTS
    columns = safetensors.numpy.load_file(path) | changes
    path.write_bytes(safetensors.numpy.save({k: v for k, v in columns.items() if v is not None}))


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


# --- round trip ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_a_round_tripped_checkpoint_decodes_bit_identically(name, tmp_path, save_digits, monkeypatch):
    written = {}
    save = checkpoint.save

    def remember(path, model, *args, **kwargs):
        written["model"] = model
        return save(path, model, *args, **kwargs)

    monkeypatch.setattr(checkpoint, "save", remember)
    read = checkpoint.load(save_digits(tmp_path / name, name))
    with torch.no_grad():
        assert torch.equal(read.model.decode(CODES), written["model"].decode(CODES))
    assert not read.model.training
    assert not any(p.requires_grad for p in read.model.parameters())


def test_everything_that_was_written_is_read_again(folder):
    read = checkpoint.load(folder)
    assert (read.name, read.config.dataset, read.config.latent_dim) == ("vae", "digits", 3)
    assert read.config.image_shape == (1, 8, 8) and read.config.classes == tuple("0123456789")
    assert read.history == [{"epoch": 1, "loss": 3.0, "val_loss": 2.5}, {"epoch": 2, "loss": 2.0, "val_loss": 1.5}]
    assert read.card == "# A card\n"
    assert read.metrics["reconstruction_mse"] == pytest.approx(read.latents.error.mean())
    assert read.latents.mean.shape == read.latents.logvar.shape == (40, 3)
    assert read.latents.row_ids.dtype == read.latents.labels.dtype == np.int64
    assert read.fingerprint == checkpoint.fingerprint((folder / checkpoint.WEIGHTS).read_bytes())


def test_stored_codes_are_the_models_codes_of_the_held_out_split(folder):
    from aemodels import datasets
    from latent import encode

    read, data = checkpoint.load(folder), datasets.load("digits", "held-out").first(40)
    np.testing.assert_allclose(encode.encode(read.model, data.images.numpy()), read.latents.mean, rtol=1e-6)
    assert np.array_equal(read.latents.labels, data.labels) and np.array_equal(read.latents.row_ids, data.row_ids)


def test_projections_stay_with_the_same_weights_and_go_with_others(folder, save_digits):
    maps = folder / checkpoint.PROJECTIONS
    maps.mkdir()
    (maps / "umap.json").write_text("a map")
    save_digits(folder)
    assert (maps / "umap.json").read_text() == "a map"
    save_digits(folder, seed=1)
    assert not maps.exists()


def test_loading_all_finds_data_sets_and_names_and_leaves_hidden_folders_out(folder, save_digits):
    root = folder.parents[1]
    save_digits(root / "other" / "pca", "pca")
    shutil.copytree(folder, root / "digits" / ".vae.writing-abc")
    (root / "recipes.txt").write_text("a file")
    assert [c.path for c in checkpoint.load_all(root)] == [folder, root / "other" / "pca"]
    assert checkpoint.load_all(root / "nowhere") == []


# --- what cannot be used ------------------------------------------------------------------------------------


def _truncate(name: str):
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) * 2 // 3])

    return damage


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _foreign(folder: Path) -> None:
    _empty(folder)
    (folder / "model.pt").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    (folder / "model_config.json").write_text('{"name": "VAE"}')


def _no_number_format(folder: Path) -> None:
    """8-bit floats are a safetensors format that numpy does not know."""
    state = safetensors.torch.load((folder / checkpoint.LATENTS).read_bytes())
    state["error"] = state["error"].to(torch.float8_e4m3fn)
    (folder / checkpoint.LATENTS).write_bytes(safetensors.torch.save(state))


def _no_rows(folder: Path) -> None:
    none = np.zeros(0, np.float32)
    edit_latents(folder, mean=none.reshape(0, 3), logvar=None, row_ids=none.astype(np.int64), error=none, labels=None)


def _poison(state: dict) -> dict:
    state["mean.bias"][0] = float("nan")
    return state


def _reshape(state: dict) -> dict:
    return state | {"mean.bias": torch.zeros(4), "mean.weight": torch.zeros(4, 8)}


def _negate(state: dict) -> dict:
    return {k: -v for k, v in state.items()}


def _nan(shape):
    return np.full(shape, np.nan, np.float32)


DAMAGE = {
    "empty": (_empty, "is empty"),
    "foreign": (_foreign, "config.json is missing"),
    "no weights": (lambda f: (f / checkpoint.WEIGHTS).unlink(), "model.safetensors is missing"),
    "no codes": (lambda f: (f / checkpoint.LATENTS).unlink(), "latents.safetensors is missing"),
    "no metrics": (lambda f: (f / checkpoint.METRICS).unlink(), "metrics.json is missing"),
    "truncated weights": (_truncate(checkpoint.WEIGHTS), "model.safetensors is damaged"),
    "other weights": (lambda f: edit_weights(f, _negate, sha256=False), "SHA-256 differs"),
    "truncated codes": (_truncate(checkpoint.LATENTS), "latents.safetensors is damaged"),
    "truncated config": (_truncate(checkpoint.CONFIG), "config.json is not JSON"),
    "emptied codes": (lambda f: (f / checkpoint.LATENTS).write_bytes(b""), "latents.safetensors is damaged"),
    "weights are no safetensors": (
        lambda f: (
            (f / checkpoint.WEIGHTS).write_bytes(b"rubbish"),
            edit_config(f, weights_sha256=checkpoint.fingerprint(b"rubbish")),
        ),
        "model.safetensors is damaged",
    ),
    "NaN in the weights": (lambda f: edit_weights(f, _poison), "mean.bias holds NaN or infinity"),
    "NaN in the weights alone": (lambda f: edit_weights(f, _poison, sha256=False), "mean.bias holds NaN or infinity"),
    "weights of another shape": (
        lambda f: edit_weights(f, _reshape),
        "the weights do not fit vae: size mismatch for mean.weight",
    ),
    "weights alone of another shape": (
        lambda f: edit_weights(f, _reshape, sha256=False),
        "the weights do not fit vae: size mismatch for mean.weight",
    ),
    "weights missing": (
        lambda f: edit_weights(f, lambda s: {k: v for k, v in s.items() if k != "mean.bias"}),
        "the weights do not fit vae: Missing key",
    ),
    "weights of another model": (lambda f: edit_config(f, model="ae"), "the weights do not fit ae"),
    "another latent size": (lambda f: edit_config(f, latent_dim=5), "the weights do not fit vae"),
    "a newer version": (
        lambda f: edit_config(f, schema_version=checkpoint.SCHEMA_VERSION + 1),
        f"newer Latentboard (schema {checkpoint.SCHEMA_VERSION + 1}, this one reads {checkpoint.SCHEMA_VERSION})",
    ),
    "no version": (lambda f: edit_config(f, schema_version=...), "names no schema_version"),
    "config is no JSON": (lambda f: (f / checkpoint.CONFIG).write_text("model: vae"), "config.json is not JSON"),
    "config is no text": (lambda f: (f / checkpoint.CONFIG).write_bytes(b"\xff\xfe\x00"), "config.json is not JSON"),
    "config is a list": (lambda f: (f / checkpoint.CONFIG).write_text("[1]"), "config.json is not a JSON object"),
    "config is a folder": (
        lambda f: ((f / checkpoint.CONFIG).unlink(), (f / checkpoint.CONFIG).mkdir()),
        "config.json cannot be read",
    ),
    "config nests without end": (
        lambda f: (f / checkpoint.CONFIG).write_text("[" * 200_000),
        "config.json is not JSON",
    ),
    "config lacks keys": (lambda f: edit_config(f, model=..., dataset=...), "config.json does not hold what it must"),
    "an unknown model": (lambda f: edit_config(f, model="gan"), "unknown model 'gan'; choose from ae"),
    "a model that is no name": (lambda f: edit_config(f, model=["vae"]), "model is ['vae'], not text"),
    "a data set that is no name": (lambda f: edit_config(f, dataset=5), "dataset is 5, not text"),
    "an unknown argument": (lambda f: edit_config(f, arguments={"depth": 3}), "vae does not take depth"),
    "arguments that are no object": (lambda f: edit_config(f, arguments=[1, 2]), "config.json does not hold"),
    "a latent size that is no number": (lambda f: edit_config(f, latent_dim="many"), "config.json does not hold"),
    "a negative latent size": (lambda f: edit_config(f, latent_dim=-3), "latent_dim must be at least 1"),
    "an image shape of two": (lambda f: edit_config(f, image_shape=[8, 8]), "channels, height, width"),
    "images too large": (lambda f: edit_config(f, image_shape=[1, 8, 4096]), "8 to 128 pixels"),
    "labels beyond the classes": (
        lambda f: edit_latents(f, labels=np.full(40, 10)),
        "labels beyond the 10 classes",
    ),
    "negative labels": (lambda f: edit_latents(f, labels=np.full(40, -1)), "labels beyond the 10 classes"),
    "labels that are no integers": (lambda f: edit_latents(f, labels=np.ones(40, np.float32)), "labels as float32"),
    "too few labels": (lambda f: edit_latents(f, labels=np.zeros(7, np.int64)), "labels of shape (7,), not (40,)"),
    "codes of another size": (
        lambda f: edit_latents(f, mean=np.zeros((40, 9), np.float32)),
        "mean of shape (40, 9), not (40, 3)",
    ),
    "codes that are one number": (
        lambda f: edit_latents(f, mean=np.zeros((), np.float32)),
        "mean of shape (), not (40, 3)",
    ),
    "no rows": (_no_rows, "holds no codes"),
    "NaN in the codes": (lambda f: edit_latents(f, mean=_nan((40, 3))), "NaN or infinity in mean"),
    "NaN in the errors": (lambda f: edit_latents(f, error=_nan(40)), "NaN or infinity in error"),
    "a row id three times": (
        lambda f: edit_latents(f, row_ids=np.array([*range(37), 7, 8, 7])),
        "holds the row id 7 3 times",
    ),
    "a column missing": (lambda f: edit_latents(f, row_ids=None), "does not hold what it must"),
    "a column unknown": (lambda f: edit_latents(f, extra=np.zeros(40)), "does not hold what it must"),
    "an unknown number format": (_no_number_format, "latents.safetensors"),
    "metrics are no JSON": (lambda f: (f / checkpoint.METRICS).write_text("good"), "metrics.json is not JSON"),
    "metrics are a list": (lambda f: (f / checkpoint.METRICS).write_text("[]"), "metrics.json is not a JSON object"),
    "card is no text": (lambda f: (f / checkpoint.CARD).write_bytes(b"\xff"), "README.md"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_checkpoint_is_listed_as_broken_with_its_reason_and_the_rest_loads(case, folder, save_digits):
    damage, reason = DAMAGE[case]
    good = save_digits(folder.parent / "good", "ae")
    damage(folder)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(folder)
    assert reason in str(caught.value) and str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    loaded, broken = checkpoint.load_all(folder.parents[1])
    assert isinstance(loaded, Checkpoint) and loaded.path == good
    assert isinstance(broken, Broken) and broken.path == folder
    assert reason in broken.reason and str(folder) not in broken.reason


@pytest.mark.parametrize(
    "table", [b"a,b\n1\n", b"a\nb\n", b"garbage", b"\xff\xfe", b"epoch,loss\n1,2\n", b"epoch,loss,val_loss\n1,2,3,4\n"]
)
def test_a_history_that_is_no_table_costs_the_curve_alone(folder, table):
    (folder / checkpoint.HISTORY).write_bytes(table)
    read = checkpoint.load(folder)
    assert read.history == [] and read.history_note.startswith("history.csv cannot be read (")


def test_figures_that_are_no_numbers_are_as_good_as_absent(folder):
    odd = '"a": NaN, "b": "high", "c": null, "d": [1], "e": true, "f": -Infinity, "g": 1e999, "h": 1' + "0" * 400
    (folder / checkpoint.METRICS).write_text(f'{{"kl": 3.5, "active_units": 8.0, {odd}}}')
    assert checkpoint.load(folder).metrics == {"kl": 3.5, "active_units": 8.0}


def test_a_model_without_epochs_has_an_empty_history_and_nothing_to_say_of_it(folder):
    (folder / checkpoint.HISTORY).write_bytes(b"")
    assert checkpoint.load(folder).history_note == ""


def test_what_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint folder .*nothing"):
        checkpoint.load(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match=r"resume.safetensors is missing"):
        checkpoint.read_resume(tmp_path)


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_nothing_is_ever_unpickled(folder, tmp_path):
    sprung = tmp_path / "sprung"
    for name in ("model.pt", "model.pkl", "latents.npy", "resume.pt"):
        (folder / name).write_bytes(pickle.dumps(Bomb(sprung)))
    assert isinstance(checkpoint.load(folder), Checkpoint)
    (folder / checkpoint.WEIGHTS).write_bytes(pickle.dumps(Bomb(sprung)))
    edit_config(folder, weights_sha256=checkpoint.fingerprint((folder / checkpoint.WEIGHTS).read_bytes()))
    (folder / checkpoint.RESUME).write_bytes(pickle.dumps(Bomb(sprung)))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(folder)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.read_resume(folder)
    assert not sprung.exists()


# --- what is written is whole ---------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["write_bytes", "write_text", "fsync", "rename"])
def test_a_write_that_fails_leaves_the_previous_checkpoint_whole_and_no_litter(
    failing, folder, save_digits, monkeypatch
):
    before = contents(folder)
    calls = []

    def full(*args, **kwargs):
        calls.append(args)
        raise OSError(errno.ENOSPC, "No space left on device")

    def not_into_place(path: Path, target: Path):
        if Path(target).name == "vae" and ".writing-" in path.name:
            full(path)
        os.rename(path, target)

    with monkeypatch.context() as patch:
        if failing == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(Path, failing, not_into_place if failing == "rename" else full)
        with pytest.raises(OSError, match="No space left"):
            save_digits(folder, seed=1)
    assert calls
    assert contents(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["vae"]


def test_values_that_are_not_finite_are_not_written(folder):
    before, read = contents(folder), checkpoint.load(folder)
    read.model.state_dict()["mean.bias"].fill_(float("inf"))
    with pytest.raises(ValueError, match=r"not saved: mean.bias holds NaN or infinity"):
        checkpoint.save(folder, read.model, read.config, read.latents, metrics={}, history=[])
    fresh = checkpoint.load(folder)
    codes = dataclasses.replace(fresh.latents, mean=_nan((40, 3)))
    with pytest.raises(ValueError, match="not saved: codes"):
        checkpoint.save(folder, fresh.model, fresh.config, codes, metrics={}, history=[])
    assert contents(folder) == before


_KILLED = """
import os, sys
from pathlib import Path
from aemodels import checkpoint
folder = Path(sys.argv[1])
read = checkpoint.load(folder)
rename = Path.rename
def dies_at_the_second(path, target):
    if ".writing-" in path.name:
        os._exit(9)
    return rename(path, target)
Path.rename = dies_at_the_second
checkpoint.save(folder, read.model, read.config, read.latents, metrics={}, history=[])
"""


def test_a_kill_between_the_two_renames_loses_nothing(folder, save_digits):
    before = contents(folder)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(folder)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    assert not folder.exists()
    (found,) = checkpoint.load_all(folder.parents[1])
    assert isinstance(found, Checkpoint) and found.name == folder.name
    assert not folder.exists(), "a reader renames nothing: the save may still be under way"
    checkpoint.recover(folder)
    assert contents(folder) == before


def test_a_reader_in_the_middle_of_a_save_sees_the_old_one_and_the_save_goes_on(folder, save_digits, monkeypatch):
    new = checkpoint.fingerprint((save_digits(folder.parent / "new", seed=1) / checkpoint.WEIGHTS).read_bytes())
    rename, met = Path.rename, []

    def with_a_reader(path: Path, target: Path):
        if ".writing-" in path.name and not met:
            met.append(checkpoint.load(folder))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", with_a_reader)
    save_digits(folder, seed=1)
    assert met
    assert checkpoint.load(folder).fingerprint == new
    assert sorted(p.name for p in folder.parent.iterdir()) == ["new", "vae"]


def test_only_checkpoints_and_empty_folders_may_be_replaced(folder, tmp_path):
    assert checkpoint.is_replaceable(folder) and checkpoint.is_replaceable(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert checkpoint.is_replaceable(tmp_path / "empty")
    (folder / checkpoint.CONFIG).unlink()
    assert checkpoint.is_replaceable(folder), "what is left of a broken one"
    assert not checkpoint.is_replaceable(tmp_path)
    (tmp_path / "file").touch()
    assert not checkpoint.is_replaceable(tmp_path / "file")
    (tmp_path / "web-app" / "src").mkdir(parents=True)
    (tmp_path / "web-app" / checkpoint.CONFIG).write_text('{"name": "my app"}')
    (tmp_path / "web-app" / checkpoint.WEIGHTS).touch()
    assert not checkpoint.is_replaceable(tmp_path / "web-app"), "others, too, have files of these names"


def test_a_save_keeps_what_others_put_into_the_folder(folder, save_digits):
    (folder / "notes").mkdir()
    (folder / "notes" / "thesis.txt").write_text("mine")
    save_digits(folder, seed=1)
    assert (folder / "notes" / "thesis.txt").read_text() == "mine"


def test_a_save_keeps_links_as_links_also_those_that_lead_nowhere(folder, save_digits, tmp_path):
    (tmp_path / "photos").mkdir()
    links = {"gone": tmp_path / "nowhere", "photos": tmp_path / "photos", "notes/here": Path("../README.md")}
    (folder / "notes").mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(target)
    save_digits(folder, seed=1)
    assert {name: (folder / name).readlink() for name in links} == links


def test_a_linked_folder_stays_a_link_to_the_newest_checkpoint(folder, save_digits, tmp_path):
    (tmp_path / ".disk").mkdir()
    real = folder.rename(tmp_path / ".disk" / "run")
    folder.symlink_to(real)
    for seed in (1, 2):
        assert save_digits(folder, seed=seed) == folder
        assert folder.is_symlink() and checkpoint.load(folder).fingerprint == checkpoint.load(real).fingerprint
    assert [p.name for p in (*folder.parent.iterdir(), *real.parent.iterdir())] == ["vae", "run"]


def test_a_kill_between_the_two_renames_loses_nothing_of_a_linked_folder(folder, tmp_path):
    before = contents(folder)
    (tmp_path / ".disk").mkdir()
    real = folder.rename(tmp_path / ".disk" / "run")
    folder.symlink_to(real)
    assert subprocess.run([sys.executable, "-c", _KILLED, str(folder)], cwd=ROOT, check=False).returncode == 9
    assert not folder.exists()
    assert isinstance(checkpoint.load_or_broken(folder), Checkpoint) and checkpoint.folders(tmp_path) == [folder]
    checkpoint.recover(folder)
    assert folder.is_symlink() and contents(folder) == before


def test_a_link_that_leads_to_itself_is_passed_over(folder):
    (folder.parent / "loop").symlink_to("loop")
    assert [c.path for c in checkpoint.load_all(folder.parents[1])] == [folder]


def test_the_same_weights_with_other_rows_have_another_identity(folder):
    before = checkpoint.load(folder)
    latents = dataclasses.replace(before.latents, row_ids=before.latents.row_ids + 1)
    checkpoint.save(folder, before.model, before.config, latents, metrics={}, history=[])
    after = checkpoint.load(folder)
    assert after.fingerprint == before.fingerprint and after.identity != before.identity
