"""Made rows for test branches: seeded, true to keys and references, the same on every machine."""

from neonsync.testdata.generator import TableGenerator, TestData
from neonsync.testdata.scenarios import Scenario
from neonsync.testdata.table import TestTable

__all__ = ["Scenario", "TableGenerator", "TestData", "TestTable"]
