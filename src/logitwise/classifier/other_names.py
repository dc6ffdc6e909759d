"""What other libraries call the options and attributes of a classifier, and what to use here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from logitwise._listing import nearest

_ANSWERS = {  # what to say of the names behind it
    "Here it is hidden=.": "hidden_layer_sizes hidden_sizes layers n_hidden hidden_dim",
    "Here it is members=.": "n_models ensemble_size",
    "Here it is epochs=.": "max_iter max_epochs n_epochs num_epochs",
    "Here it is steps=.": "max_steps",
    "Here it is learning_rate=.": "learning_rate_init lr eta",
    "Here it is dropout=.": "dropout_rate",
    "Here it is class_weight=.": "class_weights auto_class_weights is_unbalance scale_pos_weight balanced",
    "Here it is random_state=.": "random_seed seed",
    "Here it is device=.": "task_type device_type devices tree_method",
    "Here it is verbose=.": "verbosity silent logging_level",
    "Here it is threshold_for=, which chooses the threshold by held-out rows.": "threshold",
    "Here it is weight_decay=, that of AdamW: more of it regularizes more.": (
        "alpha l2_regularization l2_leaf_reg reg_lambda reg_alpha penalty l1_ratio"
    ),
    "Here it is weight_decay=, that of AdamW: more of it regularizes more, as a smaller C does.": "C",
    "Here it is patience=, a share of the steps that led to the best loss.": (
        "n_iter_no_change early_stopping_rounds od_wait od_type tol"
    ),
    "Training always stops early, by held-out rows; patience=0 turns that off.": "early_stopping use_best_model",
    "There are no trees here: epochs= and steps= say how long the networks may train.": (
        "iterations num_iterations n_estimators num_boost_round"
    ),
    "There are no trees here: hidden= and members= set the size of the networks.": (
        "depth max_depth num_leaves max_leaf_nodes min_samples_leaf min_samples_split min_child_samples "
        "min_child_weight max_features max_bins border_count subsample colsample_bytree grow_policy boosting_type "
        "booster gamma criterion bootstrap oob_score max_samples ccp_alpha"
    ),
    "There is none here: the hidden layers use silu.": "activation",
    "There is none here: the networks are trained by AdamW, on rows shuffled in each epoch.": (
        "solver optimizer momentum nesterovs_momentum beta_1 beta_2 epsilon power_t max_fun shuffle dual"
    ),
    "There is none here: every layer has a bias.": "fit_intercept intercept_scaling",
    "There is none here: the classes are the labels in y.": "multi_class num_class",
    "There is none here: every row is held out from one member; fit takes rows of your own as X_val= and y_val=.": (
        "validation_fraction train_split"
    ),
    "There is none here: torch.set_num_threads sets the threads.": "n_jobs thread_count nthread num_threads",
    "Here it is columns={'zip': 'category'}; columns of text, or of a categorical dtype, are categories anyway.": (
        "cat_features categorical_feature categorical_features enable_categorical text_features one_hot_max_size"
    ),
    "There is none here: a missing value is NaN or None, as it stands in X.": "nan_mode missing",
    "There is none here: the loss is the cross-entropy; threshold_for= says what predict aims for.": (
        "loss loss_function objective eval_metric metric scoring custom_loss"
    ),
    "There is none here: history_ holds the losses of training.": "callbacks",
}
HINTS = {name: answer for answer, names in _ANSWERS.items() for name in names.split()}
OF_FIT = {
    **dict.fromkeys(("eval_set", "validation_data", "eval_X", "eval_y"), "Here it is X_val= and y_val=."),
    **dict.fromkeys(("sample_weights", "weight", "weights"), "Here it is sample_weight=."),
}
FITTED = (
    "classes_", "n_features_in_", "history_", "best_step_", "n_iter_", "loss_curve_", "held_out_", "baselines_",
    "columns_", "decision_", "notes_", "model_",
)  # fmt: skip
_OF_ATTRIBUTES = {
    "The weights of all members are in model_.network.": "coefs_ intercepts_ coef_ intercept_ n_layers_ estimators_",
    "It is the softmax, calibrated: see model_.calibration.": "out_activation_",
    "It is len(classes_).": "n_outputs_",
    "See history_ and held_out_.": (
        "loss_ best_loss_ validation_scores_ best_validation_score_ best_score_ evals_result_"
    ),
    "See best_step_.": "t_ best_iteration_",
    "logitwise.report shows what each column is worth on rows of your choice.": "feature_importances_",
    "It is set by fit.": " ".join(FITTED),
}
ATTRIBUTES = {name: answer for answer, names in _OF_ATTRIBUTES.items() for name in names.split()}


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
