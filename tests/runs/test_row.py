from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from lsh_dl.runs.row import COLUMNS, DTYPES

SCHEMA = yaml.safe_load(
    (Path(__file__).parents[2] / "workflow/schemas/run.schema.yaml").read_text()
)


def test_schema_describes_every_column_in_order():
    assert tuple(SCHEMA["properties"]) == COLUMNS
    for name, column in SCHEMA["properties"].items():
        assert column["description"], name


def test_schema_itself_is_correct():
    Draft202012Validator.check_schema(SCHEMA)


def test_columns_are_read_as_their_types():
    for name, column in SCHEMA["properties"].items():
        kinds = column.get("type", "string")
        # A number that may be absent is read as one that may be none.
        kind = kinds if isinstance(kinds, str) else "number"
        expected = {"string": None, "integer": "int64", "number": "float64"}[kind]
        assert DTYPES.get(name) == expected, name


def test_plausible_row_passes(row):
    Draft202012Validator(SCHEMA).validate(dict(row))


@pytest.mark.parametrize(
    "change",
    [{"test_accuracy": 80}, {"status": "good"}, {"hidden": "8"}, {"extra": 1}, {"epoch": 0}],
    ids=lambda change: next(iter(change)),
)
def test_wrong_row_does_not_pass(row, change):
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(row | change)
