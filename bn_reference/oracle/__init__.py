"""The truth about a case, what an honest implementation may differ from it, and the comparison."""
