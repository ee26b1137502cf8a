"""Where the protocol of adapters was until 0.1; it is in ``bn_reference.targets`` now. These names go with the next release."""
