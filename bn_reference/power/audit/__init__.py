"""The audit: what somebody's own tests of a batch norm see, measured on layers that are known to be wrong or right."""
