"""From a model and rows with labels to what a report shows.

`rows` and `features` hold what is measured, `labels` matches labels with classes, and `predictions` predicts batch by
batch. `measured`, `importance` and `logistic` measure; `record`, `notes` and `from_training` read what a model file
tells. `gathering` puts it all together, and `reporting` makes it a page: `logitwise.report`. Importing any of them
brings in neither torch nor scikit-learn.
"""
