"""Claims about which module may know which; read from the source, so that lazy imports count as well."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "aemodels": {"aemodels"},
    "latent": {"latent", "aemodels"},
    "train": {"train", "latent", "aemodels"},
    "dashboard": {"dashboard", "latent", "aemodels"},
}
SOURCES = sorted(p for package in ALLOWED for p in (ROOT / package).rglob("*.py"))


def imported(source: str, module: str) -> set[str]:
    """Full names of all modules that a module imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


def tops(path: Path) -> set[str]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return {name.split(".")[0] for name in imported(path.read_text(), module)}


def test_the_walk_sees_lazy_relative_and_dotted_imports():
    source = "import a.b\nfrom c import d\ndef f():\n    import e\n    from .. import g\n    from .h import i\n"
    assert imported(source, "top.middle.module") == {"a.b", "c", "e", "top", "top.middle.h"}


def test_every_package_is_walked():
    assert {p.relative_to(ROOT).parts[0] for p in SOURCES} == set(ALLOWED)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    assert tops(path) & set(ALLOWED) <= ALLOWED[package]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_in_their_layer(path):
    where, found = path.relative_to(ROOT), tops(path)
    if where.parts[0] != "dashboard":
        assert not found & {"streamlit", "plotly"}
    if where.as_posix() != "latent/layout.py":
        assert not found & {"umap", "numba", "pynndescent"}
    if where.parts[:2] == ("dashboard", "views"):
        assert "torch" not in found
    assert not found & {"pickle", "cloudpickle", "dill", "joblib"}


def test_importing_latent_imports_neither_umap_nor_a_page():
    modules = [f"latent.{p.stem}" for p in sorted((ROOT / "latent").glob("*.py")) if not p.stem.startswith("__")]
    assert {"latent.project", "latent.maps", "latent.compare", "latent.jobs", "latent.store"} <= set(modules)
    program = (
        f"import sys, {', '.join(modules)}\n"
        "print(sorted({'umap', 'numba', 'pynndescent', 'streamlit', 'plotly'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"
