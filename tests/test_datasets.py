"""Data sets have fixed splits, stable row ids and names for what they hold; what cannot be read is said in one line."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aemodels import datasets, sprites
from aemodels.datasets import DatasetError, FolderImages, batches


@pytest.fixture
def no_network(monkeypatch):
    """Make torchvision's downloader fail at once, as it does where there is no network."""

    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    import torchvision.datasets.cifar
    import torchvision.datasets.mnist

    for module in (torchvision.datasets.mnist, torchvision.datasets.cifar):
        monkeypatch.setattr(module, "download_and_extract_archive", refuse)
    monkeypatch.setattr(socket, "socket", refuse)


def write_images(root: Path, names, size=(20, 30), mode="RGB") -> Path:
    """Noise images of `size` (width, height), each the same for the same name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(sum(map(ord, name)))
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(path)
    return root


def both(name: str, **options):
    return datasets.load(name, "train", **options), datasets.load(name, "held-out", **options)


# --- made here ------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_in_two_disjoint_splits():
    from sklearn.datasets import load_digits

    train, held_out = both("digits")
    source = load_digits()
    assert train.image_shape == held_out.image_shape == (1, 8, 8)
    assert train.images.dtype == torch.uint8
    assert sorted([*train.row_ids, *held_out.row_ids]) == list(range(len(source.target)))
    assert len(held_out) == 360
    assert train.classes == tuple("0123456789")
    for split in (train, held_out):
        assert np.array_equal(split.labels, source.target[split.row_ids])
        restored = split.images[:, 0].numpy() / 255 * 16
        assert np.allclose(restored, source.images[split.row_ids], atol=0.04)


def test_sprites_are_the_same_whenever_they_are_rendered_and_splits_differ():
    one, held_out = both("sprites:200")
    again = datasets.load("sprites:200")
    assert torch.equal(one.images, again.images) and np.array_equal(one.factors, again.factors)
    assert one.image_shape == (1, 64, 64) and one.images.dtype == torch.uint8
    assert len(held_out) == 40
    assert not np.array_equal(one.factors[:40], held_out.factors)
    assert (len(datasets.load("sprites", "held-out")), datasets.SPRITES["held-out"]) == (4000, 4000)


def test_a_sprite_stays_the_same_however_many_are_asked_for():
    few, many = datasets.load("sprites:50"), datasets.load("sprites:300")
    assert torch.equal(few.images, many.images[:50])
    assert np.array_equal(few.factors, many.factors[:50])
    assert np.array_equal(few.row_ids, many.row_ids[:50])


def moments(images: torch.Tensor) -> tuple[np.ndarray, ...]:
    """Mass and centroid (column, row) of (N, 1, 64, 64) images."""
    flat = images[:, 0].double().numpy() / 255
    mass, grid = flat.sum((1, 2)), np.arange(64) + 0.5
    return mass, (flat.sum(1) @ grid) / mass, (flat.sum(2) @ grid) / mass


def test_a_sprites_centroid_follows_x_and_y():
    data = datasets.load("sprites:500")
    assert data.factor_names == ("shape", "scale", "orientation", "x", "y")
    _, column, row = moments(data.images)
    x, y = data.factors[:, 3], data.factors[:, 4]
    assert np.corrcoef(column, x)[0, 1] > 0.99
    assert np.corrcoef(row, y)[0, 1] > 0.99
    # A square's and an ellipse's centroid is its place itself.
    symmetric = data.labels < 2
    assert np.allclose(column[symmetric], 17 + 30 * x[symmetric], atol=0.6)
    assert np.allclose(row[symmetric], 17 + 30 * y[symmetric], atol=0.6)


def test_a_sprites_area_follows_the_square_of_its_scale():
    data = datasets.load("sprites:600")
    mass = moments(data.images)[0]
    for shape in range(3):
        chosen = data.labels == shape
        ratio = mass[chosen] / data.factors[chosen, 1] ** 2
        assert ratio.std() / ratio.mean() < 0.05


def test_a_sprites_orientation_turns_it():
    turns = np.array([[1, 1.0, angle, 0.5, 0.5] for angle in (0.0, np.pi / 2, np.pi)], np.float32)
    flat, upright, half = sprites.render(turns)[:, 0].double().numpy()
    assert flat.any(0).sum() > 1.5 * flat.any(1).sum()
    assert upright.any(1).sum() > 1.5 * upright.any(0).sum()
    assert np.abs(flat - half).mean() < 1


def test_every_sprite_lies_wholly_inside_its_image():
    edges = [[s, 1.0, t, x, y] for s in range(3) for t in (0.0, 0.8, 2.0, 4.0) for x in (0, 1) for y in (0, 1)]
    images = sprites.render(np.array(edges, np.float32))[:, 0]
    border = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    assert border.max() == 0


def test_sprite_labels_are_the_shape_factor():
    data = datasets.load("sprites:100")
    assert data.classes == ("square", "ellipse", "heart")
    assert np.array_equal(data.labels, data.factors[:, 0].astype(int))


# --- options ----------------------------------------------------------------------------------------------


def test_first_cuts_every_column_alike():
    data = datasets.load("sprites:30")
    cut = data.first(7)
    assert len(cut) == len(cut.images) == len(cut.labels) == len(cut.factors) == 7
    assert np.array_equal(cut.row_ids, data.row_ids[:7])
    assert cut.classes == data.classes and cut.factor_names == data.factor_names
    assert data.first(None) is data and data.first(99) is data
    with pytest.raises(DatasetError, match="at least 1"):
        data.first(0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nosuch", {}, "unknown data set 'nosuch'; choose from cifar10, digits, .*folder:PATH"),
        ("", {}, "unknown data set ''"),
        ("digits:3", {}, "digits takes no argument"),
        ("digits", {"image_size": (16, 16)}, "are for folder:PATH"),
        ("digits", {"channels": 3}, "are for folder:PATH"),
        ("digits", {"split": "test"}, "unknown split 'test'; choose from train, held-out"),
        ("sprites:many", {}, "number of training images, not 'many'"),
        ("sprites:0", {}, "number of training images, not '0'"),
        ("folder", {}, "'no path' is none"),
        ("folder:/no/such/place", {}, "'/no/such/place' is none"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(name, options, message):
    with pytest.raises(DatasetError, match=message) as caught:
        datasets.load(name, **options)
    assert "\n" not in str(caught.value)


def test_batches_are_float_images_in_the_order_asked_for():
    data = datasets.load("digits").first(10)
    order = torch.tensor([3, 1, 9, 0, 2])
    parts = list(batches(data.images, 2, order))
    assert [len(p) for p in parts] == [2, 2, 1]
    assert torch.equal(torch.cat(parts), data.images[order].float() / 255)
    assert torch.equal(torch.cat(list(batches(data.images, 4))), data.images.float() / 255)


def test_the_data_root_is_the_given_one_then_the_environments_then_the_repositorys(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTBOARD_DATA", str(tmp_path / "environment"))
    assert datasets.data_root(tmp_path / "given") == tmp_path / "given"
    assert datasets.data_root() == tmp_path / "environment"
    monkeypatch.delenv("LATENTBOARD_DATA")
    assert datasets.data_root() == Path(datasets.__file__).parents[1] / "data"


# --- through torchvision ----------------------------------------------------------------------------------

DOWNLOADED = [n for n in datasets.names() if datasets.find(n)[0].downloads]


def test_the_promised_data_sets_are_registered():
    assert {"fashion-mnist", "mnist", "kmnist", "cifar10"} == set(DOWNLOADED)
    assert {"digits", "sprites", "folder"} <= set(datasets.names())


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_data_set_that_cannot_be_had_says_in_one_line_where_to_put_it(name, download, tmp_path, no_network):
    assert not datasets.is_present(name, tmp_path)
    with pytest.raises(DatasetError) as caught:
        datasets.load(name, root=tmp_path, download=download)
    line = str(caught.value)
    assert "\n" not in line
    assert datasets.title(name) in line and f"in {tmp_path}" in line and "LATENTBOARD_DATA" in line
    assert ("Network is unreachable" in line) == download


def test_damaged_files_are_said_to_be_unreadable(tmp_path, no_network):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (raw / f"{split}-{kind}-ubyte").write_bytes(b"\x00\x00\x08")
    with pytest.raises(DatasetError, match="Fashion-MNIST could not be read") as caught:
        datasets.load("fashion-mnist", root=tmp_path)
    assert "\n" not in str(caught.value)


def test_fashion_mnist_is_read_with_its_own_splits_and_names(fashion_mnist_root):
    train, held_out = both("fashion-mnist", root=fashion_mnist_root, download=False)
    assert train.images.shape == (60_000, 1, 28, 28) and held_out.images.shape == (10_000, 1, 28, 28)
    assert np.bincount(held_out.labels).tolist() == [1000] * 10
    # The set's first training image is an ankle boot, its first two held-out ones a boot and a pullover.
    assert train.classes[train.labels[0]] == "Ankle boot"
    assert [held_out.classes[k] for k in held_out.labels[:2]] == ["Ankle boot", "Pullover"]
    assert train.images.float().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)


# --- a folder of one's own ----------------------------------------------------------------------------------

NAMES = [f"{k}/{i}.png" for k in ("cats", "dogs") for i in range(20)]


def test_a_folder_of_class_folders_has_classes_and_both_splits(tmp_path):
    write_images(tmp_path, NAMES)
    train, held_out = both(f"folder:{tmp_path}", image_size=(16, 16))
    assert train.classes == ("cats", "dogs")
    assert len(train) + len(held_out) == 40 and len(held_out) >= 1
    assert not set(train.row_ids) & set(held_out.row_ids)
    assert set(train.labels) == {0, 1}
    assert train.image_shape == (3, 16, 16)


def test_a_folder_of_images_alone_has_no_labels(tmp_path):
    write_images(tmp_path, [f"{i}.jpg" for i in range(12)])
    train, held_out = both(f"folder:{tmp_path}")
    assert train.labels is None and train.classes == () and held_out.labels is None
    assert train.image_shape == (3, 64, 64)


def test_image_size_and_channels_are_what_was_asked_for(tmp_path):
    write_images(tmp_path, [f"{i}.png" for i in range(12)], size=(50, 37))
    assert datasets.load(f"folder:{tmp_path}", image_size=(20, 24), channels=1).image_shape == (1, 20, 24)
    for size in ((4, 4), (200, 16)):
        with pytest.raises(DatasetError, match="8 to 128 pixels"):
            datasets.load(f"folder:{tmp_path}", image_size=size)


def test_images_are_cropped_and_never_stretched(tmp_path):
    """A disc on a wide canvas is still a disc."""
    y, x = np.mgrid[:64, :128]
    disc = np.where((x - 63.5) ** 2 + (y - 31.5) ** 2 < 24**2, 255, 0).astype(np.uint8)
    for i in range(4):
        Image.fromarray(disc).save(tmp_path / f"{i}.png")
    image = datasets.load(f"folder:{tmp_path}", image_size=(32, 32), channels=1).images[0, 0] > 127
    assert image.any(0).sum() == image.any(1).sum() == pytest.approx(24, abs=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_any_colour_mode_is_read(tmp_path, mode):
    write_images(tmp_path, [f"{i}.png" for i in range(4)], mode=mode)
    assert datasets.load(f"folder:{tmp_path}", image_size=(8, 8)).image_shape == (3, 8, 8)


def test_sixteen_bit_grey_keeps_its_shades(tmp_path):
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    for i in range(4):
        Image.fromarray(ramp).save(tmp_path / f"{i}.png")
    image = datasets.load(f"folder:{tmp_path}", image_size=(32, 32), channels=1).images[0, 0]
    assert np.allclose(image.numpy(), ramp / 257, atol=1.5)


def test_the_split_and_the_row_ids_stay_when_files_are_added(tmp_path):
    write_images(tmp_path, NAMES)
    before = both(f"folder:{tmp_path}", image_size=(8, 8))
    write_images(tmp_path, [f"{k}/new{i}.png" for k in ("ants", "dogs") for i in range(15)])
    after = both(f"folder:{tmp_path}", image_size=(8, 8))
    for old, new in zip(before, after, strict=True):
        at = {row: image for row, image in zip(new.row_ids, new.images, strict=True)}
        assert set(old.row_ids) <= set(at)
        assert all(torch.equal(image, at[row]) for row, image in zip(old.row_ids, old.images, strict=True))
    assert max(map(max, (before[0].row_ids, after[0].row_ids))) < 2**53, "exact as a JavaScript number"


def test_images_read_on_demand_give_the_batches_of_images_in_memory(tmp_path, monkeypatch):
    write_images(tmp_path, [f"{i:02}.png" for i in range(30)])
    held = datasets.load(f"folder:{tmp_path}", image_size=(12, 10))
    monkeypatch.setattr(datasets, "MEMORY_SHARE", 0)
    lazy = datasets.load(f"folder:{tmp_path}", image_size=(12, 10))
    assert isinstance(held.images, torch.Tensor) and isinstance(lazy.images, FolderImages)
    assert lazy.image_shape == held.image_shape and len(lazy) == len(held)
    order = torch.randperm(len(held), generator=torch.Generator().manual_seed(0))
    for chosen in (None, order):
        for a, b in zip(batches(held.images, 8, chosen), batches(lazy.images, 8, chosen), strict=True):
            assert torch.equal(a, b)
    assert torch.equal(torch.cat(list(batches(lazy.first(5).images, 8))), held.first(5).images / 255)


def test_images_fit_where_memory_only_caches_files(tmp_path, monkeypatch):
    write_images(tmp_path, [f"{i:02}.png" for i in range(30)])
    monkeypatch.setattr(datasets, "_MEMINFO", tmp_path / "meminfo")
    for available, kind in ((900_000, torch.Tensor), (9, FolderImages)):
        (tmp_path / "meminfo").write_text(f"MemTotal: 999999 kB\nMemFree: 8 kB\nMemAvailable: {available} kB\n")
        assert isinstance(datasets.load(f"folder:{tmp_path}").images, kind)


@pytest.mark.parametrize("on_demand", [False, True])
def test_an_unreadable_image_is_named_in_one_line(tmp_path, monkeypatch, on_demand):
    write_images(tmp_path, [f"{i}.png" for i in range(12)])
    bad = next(tmp_path / f"{i}.png" for i in range(12) if datasets._path_id(f"{i}.png") % 10)
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    if on_demand:
        monkeypatch.setattr(datasets, "MEMORY_SHARE", 0)
    with pytest.raises(DatasetError, match=f"{bad} is not a readable image") as caught:
        list(batches(datasets.load(f"folder:{tmp_path}").images, 4))
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_a_mixed_an_empty_and_a_nearly_empty_folder_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="holds 0 images"):
        datasets.load(f"folder:{tmp_path}")
    write_images(tmp_path, ["one.png"])
    with pytest.raises(DatasetError, match=r"holds 1 images .*at least 2"):
        datasets.load(f"folder:{tmp_path}")
    write_images(tmp_path, ["dogs/two.png"])
    with pytest.raises(DatasetError, match="mixes images and class folders"):
        datasets.load(f"folder:{tmp_path}")


def test_two_images_are_enough_and_hidden_files_and_other_files_are_left_alone(tmp_path):
    write_images(tmp_path, ["a.png", "b.PNG"])
    (tmp_path / "._a.png").write_bytes(b"a file manager's own")
    (tmp_path / "notes.txt").write_text("not an image")
    write_images(tmp_path, [".thumbnails/a.png"])
    train, held_out = both(f"folder:{tmp_path}")
    assert (len(train), len(held_out)) == (1, 1)


def test_a_folder_is_called_by_its_name_also_where_it_is_given_as_a_dot(tmp_path, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    monkeypatch.chdir(pictures)
    assert datasets.title("folder:.") == datasets.title(f"folder:{pictures}") == "Folder pictures"
    assert datasets.is_present("folder:.") and not datasets.is_present("folder:nowhere")
