"""A report as one page of HTML, made of its JSON object alone: nothing is loaded, and what a target says is text."""
