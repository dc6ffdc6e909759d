"""How good the classifier is beside its peers: cross-validated on real data, all in the same run."""
