"""The page of rules against frameworks."""

from bn_reference.conventions import LIBRARIES
from bn_reference.reports.frameworks import page


def result(rule: str, status: str, parameters: str = "float32") -> dict[str, str]:
    return {"property": rule, "status": status, "input_dtype": "float16", "parameter_dtype": parameters}


def test_the_page_shows_each_rule_for_each_framework() -> None:
    results = [
        result("a_rule", "passed"),
        result("a_rule", "violated", "float16"),
        result("b_rule", "unsupported"),
        result("c_rule", "passed"),
        result("d_rule", "passed"),
        result("d_rule", "known deviation", "float16"),
    ]
    report = {
        "environment": {"python": "3.11.7", "mlx": "0.32.4"},
        "conventions": {"found": LIBRARIES["mlx"].to_json()},
        "results": results,
        "options": {"examples": 5},
        "seconds": 12.4,
    }

    lines = page([("mlx.nn:BatchNorm", report)]).splitlines()

    assert len({line.count("|") for line in lines if line.startswith(("| |", "| 1"))}) == 1
    assert (
        "| 1 | `mlx.nn:BatchNorm` | mlx 0.32.4 | output=promoted | f16/f32, f16/f16, 5 examples | 3 | 1 | 1 | 1 | 12 |" in lines
    )
    assert any(line.startswith("The 4 rules that were tried.") for line in lines)
    assert lines[-4:] == ["| a rule | **f16/f16** |", "| b rule | n/a |", "| c rule | ok |", "| d rule | known |"]
