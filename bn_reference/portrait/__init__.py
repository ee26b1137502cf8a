"""A portrait: how an implementation computes, as far as it can be told from outside."""
