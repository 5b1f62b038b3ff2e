"""What goes into a Bento, and what stops it."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import ROOT

from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome.answer import known_answers
from lifecycle.release import sbom, staging
from lifecycle.release.package import compare


def known(*probabilities: float) -> list[dict[str, float | bool]]:
    return [{"probability": p, "late": p >= 0.2} for p in probabilities]


def answer(*probabilities: float) -> dict[str, list[dict[str, float | bool]]]:
    return {"predictions": known(*probabilities)}


def test_the_same_answer_passes() -> None:
    compare(known(0.1, 0.2), answer(0.1, 0.2))


def test_a_differing_answer_names_the_row_and_both_values() -> None:
    with pytest.raises(StageError, match=r"smoke row 1 is 0\.2000001, the pipeline's is 0\.2 "):
        compare(known(0.1, 0.2), answer(0.1, 0.2000001))
    otherwise = {"predictions": [{"probability": 0.2, "late": False}]}
    with pytest.raises(StageError, match=r"smoke row 0 is False, the pipeline's is True \(late\)"):
        compare(known(0.2), otherwise)
    with pytest.raises(StageError, match=r"smoke row 0 is None, the pipeline's is True \(late\)"):
        compare(known(0.2), {"predictions": [{"probability": 0.2}]})


def test_a_bento_of_old_is_known_by_its_probabilities() -> None:
    compare(known_answers({"probabilities": [0.1]}), answer(0.1))
    with pytest.raises(StageError, match="smoke row 0"):
        compare(known_answers({"probabilities": [0.11]}), answer(0.1))


def test_a_missing_answer_is_an_error() -> None:
    with pytest.raises(StageError, match="1 answers to 2 smoke rows"):
        compare(known(0.1, 0.2), answer(0.1))


def test_the_bento_has_the_services_modules_and_no_stage() -> None:
    found = staging.carried(ROOT / "src")
    needed = {path.stem for path in found}
    assert {"__init__", "service", "guard", "request", "features", "model", "smoke"} <= needed
    assert not {"train", "ingest", "prepare", "registry", "package"} & needed
    assert ROOT / "src/project/features.py" in found
    assert ROOT / "src/project/source.py" not in found


def test_the_bento_has_the_tables_of_the_features(tmp_path: Path) -> None:
    for path in (*staging.carried(ROOT / "src"), ROOT / "schema.yaml"):
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    table = tmp_path / "src" / "project" / "tables" / "airports.csv"
    table.parent.mkdir()
    table.with_name(".gitkeep").touch()
    before = staging.carried(tmp_path / "src")
    table.write_text("code,height\nJFK,4\n", encoding="utf-8")
    assert set(staging.carried(tmp_path / "src")) - set(before) == {table}


def test_the_hash_follows_every_file(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    for name in ("service.py", "release/release.json"):
        (tmp_path / name).write_text("1")
    before = staging.content_hash(tmp_path)
    for name in ("service.py", "release/release.json"):
        (tmp_path / name).write_text("2")
        assert staging.content_hash(tmp_path) != before
        (tmp_path / name).write_text("1")
        assert staging.content_hash(tmp_path) == before


def test_the_bill_of_materials_lists_every_pin_of_the_serving_lock() -> None:
    lock = ROOT / "requirements" / "serving.txt"
    document = sbom.bill_of_materials(lock, "name", "1-abc")
    pins = [line for line in lock.read_text().splitlines() if "==" in line.split(";")[0]]
    assert len(document["components"]) == len(pins)
    assert all(component["hashes"] for component in document["components"])
    assert document == sbom.bill_of_materials(lock, "name", "1-abc")
