"""What other libraries call the options and attributes of a classifier, and what to use here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from logitwise._listing import nearest

OURS = {  # the same by another name
    "hidden": ("hidden_layer_sizes", "hidden_sizes", "layers", "n_hidden", "hidden_dim"),
    "members": ("n_models", "ensemble_size"),
    "epochs": ("max_iter", "max_epochs", "n_epochs", "num_epochs"),
    "steps": ("max_steps",),
    "learning_rate": ("learning_rate_init", "lr", "eta"),
    "dropout": ("dropout_rate",),
    "class_weight": ("class_weights", "auto_class_weights", "is_unbalance", "scale_pos_weight", "balanced"),
    "random_state": ("random_seed", "seed"),
    "device": ("task_type", "device_type", "devices", "tree_method"),
    "verbose": ("verbosity", "silent", "logging_level"),
}
HINTS = {name: f"Here it is {ours}=." for ours, names in OURS.items() for name in names}


def _same(names: str, hint: str) -> None:
    HINTS.update(dict.fromkeys(names.split(), hint))


_same(
    "alpha l2_regularization l2_leaf_reg reg_lambda reg_alpha penalty l1_ratio",
    "Here it is weight_decay=, that of AdamW: more of it regularizes more.",
)
_same("C", "Here it is weight_decay=, that of AdamW: more of it regularizes more, as a smaller C does.")
_same(
    "iterations num_iterations n_estimators num_boost_round",
    "There are no trees here: epochs= and steps= say how long the networks may train.",
)
_same(
    "depth max_depth num_leaves max_leaf_nodes min_samples_leaf min_samples_split min_child_samples min_child_weight "
    "max_features max_bins border_count subsample colsample_bytree grow_policy boosting_type booster gamma criterion "
    "bootstrap oob_score max_samples ccp_alpha",
    "There are no trees here: hidden= and members= set the size of the networks.",
)
_same("activation", "There is none here: the hidden layers use silu.")
_same(
    "solver optimizer momentum nesterovs_momentum beta_1 beta_2 epsilon power_t max_fun shuffle dual",
    "There is none here: the networks are trained by AdamW, on rows shuffled in each epoch.",
)
_same("fit_intercept intercept_scaling", "There is none here: every layer has a bias.")
_same("multi_class num_class", "There is none here: the classes are the labels in y.")
_same("early_stopping use_best_model", "Training always stops early, by held-out rows; patience=0 turns that off.")
_same(
    "n_iter_no_change early_stopping_rounds od_wait od_type tol",
    "Here it is patience=, a share of the steps that led to the best loss.",
)
_same(
    "validation_fraction train_split",
    "There is none here: every row is held out from one member; fit takes rows of your own as X_val= and y_val=.",
)
_same("n_jobs thread_count nthread num_threads", "There is none here: torch.set_num_threads sets the threads.")
_same(
    "cat_features categorical_feature categorical_features enable_categorical text_features one_hot_max_size",
    "There is none here: columns of text, or of a categorical dtype, are categories by themselves.",
)
_same("nan_mode missing", "There is none here: a missing value is NaN or None, as it stands in X.")
_same(
    "loss loss_function objective eval_metric metric scoring custom_loss",
    "There is none here: the loss is the cross-entropy; threshold_for= says what predict aims for.",
)
_same("callbacks", "There is none here: history_ holds the losses of training.")
_same("threshold", "Here it is threshold_for=, which chooses the threshold by held-out rows.")

OF_FIT = {
    **dict.fromkeys(("eval_set", "validation_data", "eval_X", "eval_y"), "Here it is X_val= and y_val=."),
    **dict.fromkeys(("sample_weights", "weight", "weights"), "Here it is sample_weight=."),
}
FITTED = (
    "classes_", "n_features_in_", "history_", "best_step_", "n_iter_", "loss_curve_", "held_out_", "baselines_",
    "decision_", "notes_", "model_",
)  # fmt: skip
ATTRIBUTES = {
    **dict.fromkeys(FITTED, "It is set by fit."),
    **dict.fromkeys(
        ("coefs_", "intercepts_", "coef_", "intercept_", "n_layers_", "estimators_"),
        "The weights of all members are in model_.network.",
    ),
    "out_activation_": "It is the softmax, calibrated: see model_.calibration.",
    "n_outputs_": "It is len(classes_).",
    **dict.fromkeys(("loss_", "best_loss_", "validation_scores_"), "See history_ and held_out_."),
    **dict.fromkeys(("best_validation_score_", "best_score_", "evals_result_"), "See history_ and held_out_."),
    **dict.fromkeys(("t_", "best_iteration_"), "See best_step_."),
    "feature_importances_": "logitwise.report shows what each column is worth on rows of your choice.",
}


def unknown_option(names: Iterable[str], known: Collection[str]) -> TypeError:
    """Return the error for the first of the names, none of which is an option of the classifier."""
    name = next(iter(names))
    return TypeError(f"Classifier() got an unexpected keyword argument {name!r}. {_hint(name, known)}".rstrip())


def unknown_argument(method: str, names: Iterable[str], known: Collection[str], options: Collection[str]) -> TypeError:
    """Return the error for the first of the names, none of which is an argument of a method that fits."""
    name = next(iter(names))
    hint = OF_FIT.get(name) or (f"It is an option: Classifier({name}=...)." if name in options else _hint(name, known))
    return TypeError(f"Classifier.{method}() got an unexpected keyword argument {name!r}. {hint}".rstrip())


def invalid_parameter(names: Iterable[str], known: Collection[str]) -> ValueError | None:
    """Return the error for the first of the names that is a word of another library, as scikit-learn raises it."""
    foreign = [name for name in names if name in HINTS and name not in known]
    return ValueError(f"Invalid parameter {foreign[0]!r} for Classifier. {HINTS[foreign[0]]}") if foreign else None


def unknown_attribute(name: str) -> AttributeError:
    """Return Python's own error for an attribute that does not exist, and what to use in its place."""
    hint = ATTRIBUTES.get(name, "")
    return AttributeError(f"'Classifier' object has no attribute {name!r}. {hint}".rstrip(), name=name)


def _hint(name: str, known: Collection[str]) -> str:
    if name in HINTS:
        return HINTS[name]
    near = nearest(name, known)
    return "" if near is None else f"Did you mean {near!r}?"
