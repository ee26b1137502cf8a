"""What measures the suite's power: wrong layers that it must find, and correct ones that it must not flag."""
