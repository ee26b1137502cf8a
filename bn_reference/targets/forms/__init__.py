"""One file a form in which a target may come."""
