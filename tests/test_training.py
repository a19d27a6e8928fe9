"""The training command: repeatable, resumable, interruptible, and plain about what it will not do."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aemodels import checkpoint, corruption, datasets, names, registry
from aemodels.cli import first_line
from latent import metrics
from train import loop
from train.__main__ import main

ROOT = Path(checkpoint.__file__).parents[1]
TINY = {"hidden": "16", "width": "2"}


def tiny(model: str) -> list[str]:
    takes = registry.arguments(model)
    sizes = [word for k, v in TINY.items() if k in takes for word in (f"--{k}", v)]
    return [model, "--dataset", "digits", "--latent-dim", "3", "--limit", "300", "--device", "cpu", *sizes]


def train(out: Path, model: str = "vae", *more: str) -> checkpoint.Checkpoint:
    assert main([*tiny(model), "--out", str(out), *more]) == 0
    return checkpoint.load(out)


def resume(out: Path, model: str, *more: str) -> checkpoint.Checkpoint:
    assert main([model, "--dataset", "digits", "--device", "cpu", "--out", str(out), "--resume", *more]) == 0
    return checkpoint.load(out)


def fails(argv: list[str], capsys) -> tuple[int, str]:
    """Exit status and the one line on standard error."""
    try:
        status = main(argv)
    except SystemExit as stop:
        status = stop.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return status, lines[0]


# --- what a run leaves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", names())
def test_every_model_trains_to_a_checkpoint_that_loads(model, tmp_path, capsys):
    found = train(tmp_path / model, model, "--epochs", "1")
    assert (found.config.model, found.config.dataset, found.config.latent_dim) == (model, "digits", 3)
    assert len(found.latents.mean) == 360
    assert found.config.arguments.keys() == registry.arguments(model).keys()
    assert found.config.training["images"] == 300
    assert found.config.command in found.card
    shown = capsys.readouterr()
    assert "300 images of 1×8×8, 360 held out" in shown.out and "on CPU" in shown.out
    assert f"written to {found.path}" in shown.out
    assert "Traceback" not in shown.err


def test_the_figures_written_are_those_of_the_stored_codes(tmp_path):
    found = train(tmp_path / "vae", "vae", "--epochs", "2")
    figures = metrics.evaluate(found.latents)
    for name in ("reconstruction_mse", "neighbour_accuracy", "kl", "active_units"):
        assert found.metrics[name] == pytest.approx(getattr(figures, name))
    images = datasets.load("digits", "held-out").images / 255
    with torch.no_grad():
        decoded = found.model.decode(torch.from_numpy(found.latents.mean))
    np.testing.assert_allclose(found.latents.error, (decoded - images).square().mean((1, 2, 3)).numpy(), rtol=1e-4)


def test_history_holds_one_row_an_epoch_with_losses_that_add_up(tmp_path):
    found = train(tmp_path / "vae", "vae", "--epochs", "3", "--beta", "2")
    with open(found.path / checkpoint.HISTORY, newline="") as file:
        rows = list(csv.DictReader(file))
    columns = "epoch loss reconstruction kl val_loss val_reconstruction val_kl seconds images_per_second"
    assert list(rows[0]) == columns.split()
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in found.history:
        for split in ("", "val_"):
            total = row[f"{split}reconstruction"] + 2 * row[f"{split}kl"]
            assert row[f"{split}loss"] == pytest.approx(total, abs=1e-3)
        assert row["seconds"] > 0 and row["images_per_second"] > 0


@pytest.mark.parametrize("model", ["ae", "conv-ae"])
def test_validation_follows_the_convention_of_training(model, tmp_path):
    """The last row's held-out loss is what the saved model's own loss says of the held-out images."""
    found = train(tmp_path / model, model, "--epochs", "1", "--precision", "float32")
    images = datasets.load("digits", "held-out").images / 255
    with torch.no_grad():
        loss = found.model.loss(images).total.item()
    assert found.history[-1]["val_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_loss_decreases_on_digits(tmp_path):
    for model in ("vae", "conv-ae"):
        history = train(tmp_path / model, model, "--epochs", "12", "--lr", "5e-3").history
        assert history[-1]["loss"] < 0.9 * history[0]["loss"]
        assert history[-1]["val_loss"] < 0.9 * history[0]["val_loss"]


def test_limit_trains_on_the_first_images_only(tmp_path):
    small = train(tmp_path / "pca", "pca", "--limit", "50")
    images = datasets.load("digits").images[:50].flatten(1).double() / 255
    np.testing.assert_allclose(small.model.centre.numpy(), images.mean(0).numpy(), atol=1e-6)
    assert small.config.training["images"] == 50


def test_pca_is_fitted_in_closed_form(tmp_path):
    from sklearn.decomposition import PCA

    found = train(tmp_path / "pca", "pca", "--limit", "1437")
    images = datasets.load("digits").images.flatten(1).numpy() / 255
    reference = PCA(3).fit(images)
    held_out = datasets.load("digits", "held-out").images.flatten(1).numpy() / 255
    codes = reference.transform(held_out)
    np.testing.assert_allclose(np.abs(found.latents.mean), np.abs(codes), atol=1e-4)
    assert found.history == [] and found.metrics.get("kl") is None


@pytest.mark.parametrize("kind", corruption.DEFAULTS)
def test_a_denoising_model_trains_on_each_corruption(kind, tmp_path):
    found = train(tmp_path / kind, "dae", "--epochs", "1", "--corruption", f"{kind}:0.25")
    assert found.config.arguments["corruption"] == f"{kind}:0.25"
    assert str(found.model.corrupt) == f"{kind}:0.25"


def test_a_folder_of_images_trains_end_to_end(tmp_path):
    rng = np.random.default_rng(0)
    for kind, shade in (("dark", 40), ("light", 200)):
        (tmp_path / "shades" / kind).mkdir(parents=True)
        for i in range(30):
            pixels = np.clip(rng.normal(shade, 20, (31, 45, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "shades" / kind / f"{i}.png")
    data, out = f"folder:{tmp_path / 'shades'}", str(tmp_path / "out")
    given = ["--dataset", data, "--image-size", "20x24", "--channels", "3", "--device", "cpu", "--out", out]
    assert main(["conv-vae", *given, "--width", "2", "--latent-dim", "2", "--epochs", "2"]) == 0
    found = checkpoint.load(out)
    assert found.config.image_shape == (3, 20, 24)
    assert found.config.classes == ("dark", "light")
    assert found.config.dataset_options == {"image_size": [20, 24], "channels": 3}
    assert main(["conv-vae", *given, "--resume", "--epochs", "3"]) == 0
    assert checkpoint.load(out).config.training["epochs_done"] == 3


def test_a_relative_folder_is_found_again_from_anywhere_and_the_command_stays_as_it_was_typed(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for i in range(20):
        Image.fromarray(np.full((8, 8), 10 * i, np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    given = [
        "--hidden",
        "4",
        "--latent-dim",
        "2",
        "--image-size",
        "8",
        "--device",
        "cpu",
        "--out",
        str(tmp_path / "ae"),
    ]
    monkeypatch.chdir(tmp_path)
    assert main(["ae", "--dataset", "folder:photos", "--epochs", "1", *given]) == 0
    monkeypatch.chdir(tmp_path / "photos")
    found = checkpoint.load(tmp_path / "ae")
    assert found.config.dataset == f"folder:{tmp_path.resolve()}/photos" and datasets.is_present(found.config.dataset)
    assert "--dataset folder:photos" in found.config.command and "# Folder photos" in found.card
    assert main(["ae", "--dataset", "folder:.", "--epochs", "2", "--resume", *given]) == 0


def test_sprites_keep_their_factors(tmp_path):
    argv = ["ae", "--dataset", "sprites:100", "--hidden", "8", "--epochs", "1", "--device", "cpu"]
    assert main([*argv, "--out", str(tmp_path / "ae")]) == 0
    found = checkpoint.load(tmp_path / "ae")
    assert found.config.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert found.latents.factors.shape == (20, 5)


def test_where_this_machine_keeps_its_data_is_not_written_down(tmp_path):
    for n, root in enumerate((["--data-root", str(tmp_path / "secret")], [f"--data-root={tmp_path / 'secret'}"])):
        found = train(tmp_path / str(n), "ae", "--epochs", "1", *root)
        written = [f.read_bytes() for f in found.path.iterdir()]
        assert not any(b"secret" in text for text in written)
        assert found.config.command.endswith("--epochs 1")
        again = train(found.path, "ae", "--epochs", "1", "--overwrite", *root)
        assert again.config.command == found.config.command


def test_without_out_the_checkpoint_is_named_after_data_set_and_model(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOARD_CHECKPOINTS", str(tmp_path))
    assert main([*tiny("ae"), "--epochs", "1"]) == 0
    assert [c.path for c in checkpoint.load_all()] == [tmp_path / "digits" / "ae"]


# --- repeatable and resumable -------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    same = [train(tmp_path / n, "conv-vae", "--epochs", "2", "--seed", "7").fingerprint for n in "ab"]
    assert same[0] == same[1]
    assert train(tmp_path / "c", "conv-vae", "--epochs", "2", "--seed", "8").fingerprint != same[0]


def test_the_same_seed_gives_the_same_weights_in_another_process(tmp_path):
    here = train(tmp_path / "here", "vae", "--epochs", "2")
    argv = [sys.executable, "-m", "train", *tiny("vae"), "--epochs", "2", "--out", str(tmp_path / "there")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert checkpoint.load(tmp_path / "there").fingerprint == here.fingerprint


@pytest.mark.parametrize("model", [n for n in names() if n != "pca"])
def test_a_resumed_run_ends_exactly_where_an_uninterrupted_one_does(model, tmp_path):
    straight = train(tmp_path / "straight", model, "--epochs", "4")
    half = train(tmp_path / "parts", model, "--epochs", "2")
    assert half.fingerprint != straight.fingerprint
    whole = resume(tmp_path / "parts", model, "--epochs", "4")
    assert whole.fingerprint == straight.fingerprint
    assert np.array_equal(whole.latents.mean, straight.latents.mean)
    for one, other in zip(whole.history, straight.history, strict=True):
        assert {k: v for k, v in one.items() if k not in ("seconds", "images_per_second")} == {
            k: v for k, v in other.items() if k not in ("seconds", "images_per_second")
        }
    assert whole.config.training["epochs_done"] == whole.config.training["epochs"] == 4


def test_a_resumed_run_goes_on_in_its_precision_on_a_processor_that_would_pick_another(tmp_path, monkeypatch, capsys):
    for n, (flags, precision) in enumerate((({"avx512_bf16"}, "bfloat16"), (set(), "float32"))):
        monkeypatch.setattr(loop, "cpu_flags", lambda flags=flags: flags)
        out = train(tmp_path / str(n), "ae", "--epochs", "1").path
        monkeypatch.setattr(loop, "cpu_flags", lambda flags=flags: {"avx512_bf16"} - flags)
        assert resume(out, "ae", "--epochs", "2").config.training["precision"] == precision
    config = json.loads((out / checkpoint.CONFIG).read_text())
    config["training"].pop("precision")
    (out / checkpoint.CONFIG).write_text(json.dumps(config))
    capsys.readouterr()
    status, line = fails(["ae", "--dataset", "digits", "--out", str(out), "--resume"], capsys)
    assert status == 1 and "cannot be resumed: config.json holds None as its precision" in line


def test_saving_now_and_then_changes_nothing(tmp_path, monkeypatch):
    straight = train(tmp_path / "straight", "conv-dae", "--epochs", "3")
    save, epochs = checkpoint.save, []

    def count(*args, **kwargs):
        epochs.append(len(kwargs["history"]))
        return save(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "save", count)
    monkeypatch.setattr("train.__main__.AUTOSAVE_SECONDS", -1)
    assert train(tmp_path / "saved", "conv-dae", "--epochs", "3").fingerprint == straight.fingerprint
    assert epochs == [1, 2, 3]


def test_a_resumed_runs_card_tells_the_command_that_makes_it_at_once(tmp_path):
    train(tmp_path / "ae", "ae", "--epochs", "1")
    found = resume(tmp_path / "ae", "ae", "--epochs", "2")
    assert "--epochs 2" in found.config.command and "--resume" not in found.config.command
    assert resume(tmp_path / "ae", "ae").config.command == found.config.command


def _interruptible() -> None:
    """As in a terminal; where the tests run in the background, Ctrl-C may be set to be ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_the_last_finished_epoch_and_resume_goes_on_from_it(tmp_path):
    argv = [sys.executable, "-m", "train", *tiny("vae"), "--epochs", "100000", "--out", str(tmp_path / "vae")]
    run = subprocess.Popen(
        argv, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=_interruptible
    )
    for line in run.stderr:
        if "epoch 3:" in line:
            break
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[1].strip().splitlines()[-1]
    assert run.returncode == 130
    found = checkpoint.load(tmp_path / "vae")
    done = found.config.training["epochs_done"]
    assert done >= 3 and len(found.history) == done
    assert f"--epochs {done} " in found.config.command, "the card's command makes what is there"
    assert said == f"stopped: {done} of 100000 epochs are in {tmp_path / 'vae'}; go on with --resume"
    more = resume(tmp_path / "vae", "vae", "--epochs", str(done + 1))
    assert more.fingerprint == train(tmp_path / "straight", "vae", "--epochs", str(done + 1)).fingerprint


def test_ctrl_c_while_saving_still_keeps_the_finished_epochs(tmp_path, monkeypatch, capsys):
    save, calls = checkpoint.save, []

    def interrupted_once(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return save(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "save", interrupted_once)
    assert main([*tiny("ae"), "--epochs", "2", "--out", str(tmp_path / "ae")]) == 130
    assert "stopped: 2 of 2 epochs are in" in capsys.readouterr().err
    assert checkpoint.load(tmp_path / "ae").config.training["epochs_done"] == 2


def test_ctrl_c_in_the_first_epoch_writes_nothing(tmp_path, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.Trainer, "run_epoch", interrupted)
    assert main([*tiny("ae"), "--out", str(tmp_path / "ae")]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- what is refused ----------------------------------------------------------------------------------------


def test_an_existing_folder_is_refused_without_overwrite_and_replaced_with_it(tmp_path, capsys):
    first = train(tmp_path / "ae", "ae", "--epochs", "1")
    capsys.readouterr()
    argv = [*tiny("ae"), "--epochs", "1", "--seed", "1", "--out", str(tmp_path / "ae")]
    status, line = fails(argv, capsys)
    assert status == 2
    assert all(flag in line for flag in (str(tmp_path / "ae"), "--resume", "--overwrite", "--out"))
    assert checkpoint.load(tmp_path / "ae").fingerprint == first.fingerprint
    assert main([*argv, "--overwrite"]) == 0
    assert checkpoint.load(tmp_path / "ae").fingerprint != first.fingerprint


def test_overwrite_never_deletes_what_is_no_checkpoint(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("three years of work")
    status, line = fails([*tiny("ae"), "--overwrite", "--out", str(tmp_path)], capsys)
    assert status == 2 and "is not a checkpoint" in line
    status, line = fails([*tiny("ae"), "--overwrite", "--out", str(tmp_path / "thesis.txt")], capsys)
    assert status == 2 and "is not a checkpoint" in line
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path, capsys):
    (tmp_path / "file").touch()
    status, line = fails([*tiny("ae"), "--out", str(tmp_path / "file" / "ae")], capsys)
    assert status == 2 and "cannot be written" in line
    status, line = fails([*tiny("ae"), "--overwrite", "--out", "."], capsys)
    assert status == 2 and "names no folder" in line


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--lr", "0.1"], "had --lr (default); leave it as it was"),
        (["--latent-dim", "4"], "had --latent-dim 3; leave it as it was"),
        (["--hidden", "8,8"], "had --hidden"),
        (["--seed", "9"], "had --seed (default)"),
        (["--overwrite"], "not allowed with argument --resume"),
    ],
)
def test_resuming_with_other_options_is_refused_in_one_line(more, message, tmp_path, capsys):
    before = train(tmp_path / "ae", "ae", "--epochs", "1").fingerprint
    capsys.readouterr()
    argv = ["ae", "--dataset", "digits", "--out", str(tmp_path / "ae"), "--resume", "--epochs", "2", *more]
    status, line = fails(argv, capsys)
    assert status == 2 and message in line
    assert checkpoint.load(tmp_path / "ae").fingerprint == before


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"options": ["--lr"]}, "does not say how it was made"),
        ({"options": None}, "does not say how it was made"),
        ({"epochs": "many"}, "does not say how it was made"),
        ({"options": {"depth": 3}}, "holds 3 as the option depth"),
        ({"options": {"batch_size": -1}}, "holds -1 as the option batch_size"),
        ({"options": {"lr": "fast"}}, "holds 'fast' as the option lr"),
        ({"options": {"seed": 0.5}}, "holds 0.5 as the option seed"),
        ({"options": {"limit": {}}}, "holds {} as the option limit"),
        ({"options": {"precision": "float8"}}, "holds 'float8' as the option precision"),
        ({"options": {"hidden": "wide"}}, "holds 'wide' as the option hidden"),
        ({"options": {"latent_dim": 4}}, "holds 4 as the option latent_dim"),
    ],
)
def test_resuming_what_was_written_by_hand_is_refused_in_one_line(training, message, tmp_path, capsys):
    found = train(tmp_path / "ae", "ae", "--epochs", "1")
    config = json.loads((found.path / checkpoint.CONFIG).read_text())
    config["training"] |= training
    (found.path / checkpoint.CONFIG).write_text(json.dumps(config))
    capsys.readouterr()
    status, line = fails(["ae", "--dataset", "digits", "--out", str(found.path), "--resume"], capsys)
    assert status == 1 and f"ae cannot be resumed: config.json {message}" in line


def test_resuming_what_cannot_be_resumed_is_refused_in_one_line(tmp_path, capsys):
    out = tmp_path / "ae"
    resumed = ["--dataset", "digits", "--out", str(out), "--resume"]
    status, line = fails(["ae", *resumed], capsys)
    assert status == 1 and "there is no checkpoint folder" in line
    train(out, "ae", "--epochs", "1")
    capsys.readouterr()
    status, line = fails(["vae", *resumed], capsys)
    assert status == 2 and "is a run of ae on digits" in line
    other = train(tmp_path / "conv-ae", "conv-ae", "--epochs", "1").path
    capsys.readouterr()
    history = (out / checkpoint.HISTORY).read_bytes()
    (out / checkpoint.RESUME).write_bytes((other / checkpoint.RESUME).read_bytes())
    status, line = fails(["ae", *resumed, "--epochs", "2"], capsys)
    assert status == 1 and "resume.safetensors does not fit its checkpoint" in line
    (out / checkpoint.RESUME).write_bytes(b"")
    status, line = fails(["ae", *resumed, "--epochs", "2"], capsys)
    assert status == 1 and "resume.safetensors is damaged" in line
    (out / checkpoint.HISTORY).write_text("garbage")
    status, line = fails(["ae", *resumed, "--epochs", "2"], capsys)
    assert status == 1 and "ae cannot be resumed: history.csv cannot be read (it has no column epoch)" in line
    (out / checkpoint.HISTORY).write_text("")
    status, line = fails(["ae", *resumed, "--epochs", "2"], capsys)
    assert status == 1 and "ae cannot be resumed: history.csv holds 0 epochs, not 1" in line
    (out / checkpoint.HISTORY).write_bytes(history)
    (out / checkpoint.RESUME).unlink()
    status, line = fails(["ae", *resumed, "--epochs", "2"], capsys)
    assert status == 1 and "resume.safetensors is missing" in line
    train(tmp_path / "pca", "pca")
    capsys.readouterr()
    status, line = fails(["pca", "--dataset", "digits", "--out", str(tmp_path / "pca"), "--resume"], capsys)
    assert status == 2 and "closed form" in line


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required: MODEL, --dataset"),
        (["gan", "--dataset", "digits"], "invalid choice: 'gan' (choose from"),
        (["ae", "--dataset", "nosuch"], "unknown data set 'nosuch'; choose from cifar10, digits"),
        (["ae", "--dataset", "folder:~nobody-of-that-name/x"], "Could not determine home directory"),
        (["ae", "--dataset", "digits", "--epochs", "0"], "--epochs: must be above 0, not 0"),
        (["ae", "--dataset", "digits", "--epochs", "ten"], "--epochs: must be a whole number, not 'ten'"),
        (["ae", "--dataset", "digits", "--epochs", "1.5"], "--epochs: must be a whole number"),
        (["ae", "--dataset", "digits", "--lr", "nan"], "--lr: must be above 0"),
        (["ae", "--dataset", "digits", "--lr", "fast"], "--lr: must be a number, not 'fast'"),
        (["ae", "--dataset", "digits", "--latent-dim", "-3"], "--latent-dim: must be above 0"),
        (["ae", "--dataset", "digits", "--batch-size", "0"], "--batch-size: must be above 0"),
        (["ae", "--dataset", "digits", "--seed", "-1"], "--seed: must be a whole number from 0"),
        (["ae", "--dataset", "digits", "--seed", str(2**63)], "--seed: must be a whole number from 0"),
        (["ae", "--dataset", "digits", "--hidden", "wide"], "'wide' is no list of widths"),
        (["ae", "--dataset", "digits", "--hidden", "0"], "positive widths"),
        (["ae", "--dataset", "digits", "--image-size", "1x2x3"], "neither SIDE nor HEIGHTxWIDTH"),
        (["ae", "--dataset", "digits", "--channels", "2"], "--channels: invalid choice: 2"),
        (["ae", "--dataset", "digits", "--limit", "-5"], "--limit: must be above 0"),
        (["ae", "--dataset", "digits", "--device", "tpu"], "--device: invalid choice: 'tpu'"),
        (["ae", "--dataset", "digits", "--beta", "2"], "ae does not take beta"),
        (["vae", "--dataset", "digits", "--beta", "-1"], "beta must be at least 0"),
        (["vae", "--dataset", "digits", "--beta", "nan"], "beta must be at least 0"),
        (["vae", "--dataset", "digits", "--likelihood", "poisson"], "--likelihood: invalid choice: 'poisson'"),
        (["dae", "--dataset", "digits", "--corruption", "rain"], "unknown corruption 'rain'; choose from gaussian"),
        (["dae", "--dataset", "digits", "--corruption", "masking:2"], "below 1, not 2"),
        (["conv-ae", "--dataset", "digits", "--width", "1"], "width must be at least 2"),
        (["pca", "--dataset", "digits", "--latent-dim", "65"], "no 65 principal components"),
        (["ae", "--dataset", "digits", "--data", "/data"], "unrecognized arguments: --data"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_command_line_that_makes_no_sense_is_one_line_and_exit_status_2(argv, message, tmp_path, capsys):
    status, line = fails([*argv, "--out", str(tmp_path / "out")] if argv else argv, capsys)
    assert status == 2
    assert line.startswith("python -m train: ") and message in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["ae", "--dataset", "digits", "--image-size", "16"], "are for folder:PATH"),
        (["ae", "--dataset", "folder:/no/such/place"], "'/no/such/place' is none"),
        (["pca", "--dataset", "digits", "--limit", "1"], "at least 2 images"),
    ],
)
def test_a_run_that_fails_is_one_line_and_exit_status_1(argv, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATENTBOARD_CHECKPOINTS", str(tmp_path))
    # The heading on standard output is no error: only standard error is held to one line.
    status, line = fails([*argv, "--latent-dim", "1"], capsys)
    assert status == 1 and message in line
    assert not any(tmp_path.rglob("*.safetensors"))


def test_a_device_that_is_not_there_is_refused(tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    status, line = fails([*tiny("ae")[:-2], "--device", "cuda", "--out", str(tmp_path / "ae")], capsys)
    assert status == 2 and "device cuda is not available here" in line


def test_a_loss_that_stops_being_finite_is_one_line_and_leaves_the_previous_checkpoint(tmp_path, capsys):
    before = train(tmp_path / "vae", "vae", "--epochs", "1", "--likelihood", "gaussian").fingerprint
    capsys.readouterr()
    argv = [*tiny("vae"), "--likelihood", "gaussian", "--lr", "1e30", "--overwrite", "--epochs", "3"]
    assert main([*argv, "--out", str(tmp_path / "vae")]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m train: ")]
    assert len(said) == 1 and "try a smaller --lr" in said[0]
    assert checkpoint.load(tmp_path / "vae").fingerprint == before
    assert [p.name for p in tmp_path.iterdir()] == ["vae"]


def test_a_full_disk_is_one_line_and_leaves_the_previous_checkpoint(tmp_path, monkeypatch, capsys):
    before = train(tmp_path / "ae", "ae", "--epochs", "1").fingerprint

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main([*tiny("ae"), "--epochs", "2", "--overwrite", "--out", str(tmp_path / "ae")]) == 1
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    assert checkpoint.load(tmp_path / "ae").fingerprint == before
    assert [p.name for p in tmp_path.iterdir()] == ["ae"]


def test_every_recipe_is_a_command_that_the_parser_takes():
    from train.__main__ import parser

    lines = (ROOT / "checkpoints" / "recipes.txt").read_text().splitlines()
    outs = []
    for line in lines:
        if line and not line.startswith("#"):
            args = parser().parse_args([*line.split(), "--overwrite"])
            datasets.find(args.dataset)
            outs.append(args.out or Path("checkpoints") / args.dataset / args.model)
    assert len(outs) == len(set(outs)) >= 13


def test_an_errors_first_line_is_all_that_is_shown():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(MemoryError()) == "MemoryError"


def test_config_json_reads_as_it_was_meant(tmp_path):
    found = train(tmp_path / "vae", "vae", "--epochs", "1")
    raw = json.loads((found.path / checkpoint.CONFIG).read_text())
    assert raw["schema_version"] == checkpoint.SCHEMA_VERSION
    assert raw["arguments"] == {"hidden": [16], "beta": 1.0, "likelihood": "bernoulli", "sigma": 0.1}
    assert raw["training"]["seed"] == 0 and raw["training"]["precision"] == loop.pick_precision(
        "auto", torch.device("cpu"), found.model
    )
    assert {"python", "torch", "torchvision", "safetensors"} <= raw["versions"].keys()
