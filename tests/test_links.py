"""What a link holds, there and back."""

import base64
import zlib

import numpy as np
import pytest

from dashboard import links

ROWS = np.random.default_rng(0).permutation(10_000) * 7


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 1.0])
def test_a_selection_comes_back_sorted_whatever_its_size(share):
    chosen = tuple(sorted(ROWS[: max(1, int(share * len(ROWS)))].tolist()))
    text = links.pack(chosen, ROWS)
    assert len(text) <= links.LONGEST and text.replace(".", "").replace("-", "").replace("_", "").isalnum()
    assert links.unpack(text, ROWS) == chosen


def test_a_selection_too_scattered_for_a_link_is_left_out_of_it():
    rows = np.arange(200_000)
    assert links.pack(rows[np.random.default_rng(0).random(len(rows)) < 0.5], rows) is None


@pytest.mark.parametrize(
    "text",
    ["", ".", "10000.", "10000.===", "10000.é", "9999." + "A" * 20, "10000.AAAA", "-1.eJw", "nan"],
)
def test_what_is_no_selection_of_these_rows_is_none(text):
    assert links.unpack(text, ROWS) is None


def test_a_bomb_is_not_inflated():
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(50_000_000), 9)).decode()
    assert links.unpack(f"10000.{bomb}", ROWS) is None


def test_a_code_comes_back_with_its_number_and_its_model():
    code = np.random.default_rng(0).standard_normal(16).astype(np.float32)
    name, identity, read = links.unpack_code(links.pack_code("12", "0123456789abcdef", code))
    assert (name, identity) == ("12", "01234567") and (read == code).all()


@pytest.mark.parametrize(
    "text",
    ["", "1" * 41 + ".01234567.AAAAAA", "1.01234567", "1.0123.AAAA", ".01234567.AAAAAA", "1.01234567.",
     "1.01234567.AA=", "1.01234567.AADAfw", "1.01234567.AAAAAA.AAAAAA"],
)  # fmt: skip
def test_what_is_no_code_is_none(text):
    assert links.unpack_code(text) is None


def test_an_option_is_found_by_title_or_name_in_any_case():
    titles = {"fashion-mnist": "Fashion-MNIST", "digits": "Digits"}
    for asked in ("fashion-mnist", "Fashion-MNIST", " FASHION-mnist "):
        assert links.option(asked, list(titles), titles.get) == "fashion-mnist"
    assert links.option("mnist", list(titles), titles.get) is None


@pytest.mark.parametrize("text", ["-1", "1e3", "", "٣", "9" * 17])
def test_a_row_id_is_a_whole_number_that_a_browser_holds_exactly(text):
    assert links.row_id(text) is None
    assert links.row_id("4503599627370495") == 4503599627370495
