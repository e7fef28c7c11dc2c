"""Reference numbers of scikit-learn for the classifiers, the metrics and the selection steps.

    python make_sklearn.py > sklearn.json

The data set is synthetic, fixed by its seed, and stored in the file with four decimals, so
that both sides start from the same numbers.
"""

import json
import sys

import numpy
import scipy
import sklearn
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.calibration import CalibratedClassifierCV, _SigmoidCalibration
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

ROWS, TRAIN, FEATURES, FOLDS, FOREST_SEEDS = 120, 90, 8, 5, 8


def rounded(values, digits=10):
    return [float(f"{v:.{digits}g}") for v in numpy.ravel(values)]


def data_set():
    """Five informative columns of unlike scale and shape, one near-copy, two of noise."""
    rng = numpy.random.default_rng(20221303)
    y = (rng.random(ROWS) < 0.35).astype(int)
    z = rng.normal(size=(ROWS, FEATURES))
    x = z + numpy.outer(y, [1.2, 0.8, 0.9, 0.0, 0.6, 0.5, 0.0, 0.0])
    x[:, 1] = 1000 * numpy.exp(0.7 * x[:, 1])
    x[:, 2] = 0.001 * x[:, 2] ** 3
    x[:, 5] = x[:, 0] + 0.3 * x[:, 5]
    x[:, 7] = numpy.round(x[:, 7])
    x = numpy.array([[float(f"{v:.4g}") for v in row] for row in x])
    return x, y


def logit_boost(x, y, stages, learning_rate, depth, leaf, z_max=4.0, weight_min=1e-9):
    """LogitBoost (Friedman, Hastie, Tibshirani 2000) with scikit-learn's trees."""
    prior = y.mean()
    start = numpy.log(prior / (1 - prior))
    score, trees = numpy.full(len(y), start), []
    for _ in range(stages):
        p = expit(score)
        weight = numpy.maximum(p * (1 - p), weight_min)
        z = numpy.clip((y - p) / weight, -z_max, z_max)
        tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=0)
        trees.append(tree.fit(x, z, sample_weight=weight))
        score = score + learning_rate * tree.predict(x)
    return lambda q: expit(start + learning_rate * sum(t.predict(q) for t in trees))


def main():
    x, y = data_set()
    scaler = StandardScaler().fit(x[:TRAIN])
    train, test = scaler.transform(x[:TRAIN]), scaler.transform(x[TRAIN:])
    y_train = y[:TRAIN]
    fold = numpy.arange(ROWS) % FOLDS
    split = PredefinedSplit(fold)
    out = {
        "versions": {
            "scikit-learn": sklearn.__version__,
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
        },
        "train_rows": TRAIN,
        "features": FEATURES,
        "x": rounded(x),
        "y": y.tolist(),
        "fold": fold.tolist(),
    }

    for name, c in (("logistic_c1", 1.0), ("logistic_c100", 100.0)):
        model = LogisticRegression(C=c, tol=1e-12, max_iter=100_000).fit(train, y_train)
        out[name] = rounded(model.predict_proba(test)[:, 1])
    out["knn_5"] = rounded(
        KNeighborsClassifier(5).fit(train, y_train).predict_proba(test)[:, 1]
    )
    out["gaussian_nb"] = rounded(GaussianNB().fit(train, y_train).predict_proba(test)[:, 1])
    svm = {
        "svm_rbf": SVC(C=1.0, kernel="rbf", gamma=1 / FEATURES, tol=1e-9),
        "svm_rbf_c100": SVC(C=100.0, kernel="rbf", gamma=1 / FEATURES, tol=1e-9),
        "svm_linear": SVC(C=1.0, kernel="linear", tol=1e-9),
    }
    for name, model in svm.items():
        out[name] = rounded(model.fit(train, y_train).decision_function(test))
    decision = svm["svm_rbf"].decision_function(train)
    platt = _SigmoidCalibration().fit(decision, y_train)
    out["platt"] = {
        "decision": rounded(decision),
        "slope_offset": rounded([platt.a_, platt.b_]),
    }
    calibrated = CalibratedClassifierCV(
        svm["svm_rbf"], method="sigmoid", ensemble=False, cv=PredefinedSplit(fold[:TRAIN])
    ).fit(train, y_train)
    out["svm_rbf_calibrated"] = rounded(calibrated.predict_proba(test)[:, 1])

    for name, depth, leaf in (("logit_boost_stumps", 1, 5), ("logit_boost_depth_2", 2, 15)):
        boost = logit_boost(train, y_train, 100, learning_rate=0.1, depth=depth, leaf=leaf)
        out[name] = rounded(boost(test))

    # What depends on random draws: mean and spread over seeds of the reference.
    forest_auc, forest_probability, importance = [], [], []
    for seed in range(FOREST_SEEDS):
        forest = RandomForestClassifier(500, random_state=seed)
        probability = cross_val_predict(forest, x, y, cv=split, method="predict_proba")[:, 1]
        forest_probability.append(probability)
        forest_auc.append(roc_auc_score(y, probability))
        importance.append(forest.fit(x, y).feature_importances_)
    out["forest"] = {
        "auc_mean": float(numpy.mean(forest_auc)),
        "auc_sd": float(numpy.std(forest_auc, ddof=1)),
        "probability_mean": rounded(numpy.mean(forest_probability, axis=0), 6),
        "importance_mean": rounded(numpy.mean(importance, axis=0), 6),
        "importance_sd": rounded(numpy.std(importance, axis=0, ddof=1), 6),
    }
    boosting = GradientBoostingClassifier(
        n_estimators=100, learning_rate=0.1, max_depth=3, min_samples_leaf=5, random_state=0
    )
    probability = cross_val_predict(boosting, x, y, cv=split, method="predict_proba")[:, 1]
    out["gradient_boosting"] = {"auc": float(roc_auc_score(y, probability))}

    # Imputation, scaling and the model, all inside the folds.
    holed = x.copy()
    for row in range(0, ROWS, 7):
        holed[row, row % FEATURES] = numpy.nan
    chain = make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, tol=1e-12, max_iter=100_000),
    )
    probability = cross_val_predict(chain, holed, y, cv=split, method="predict_proba")[:, 1]
    predicted = (probability >= 0.5).astype(int)
    out["out_of_fold"] = {
        "missing": [[int(r), int(c)] for r, c in numpy.argwhere(numpy.isnan(holed))],
        "probability": rounded(probability),
        "auc": float(roc_auc_score(y, probability)),
        "brier": float(brier_score_loss(y, probability)),
        "accuracy": float(accuracy_score(y, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(y, predicted)),
        "sensitivity": float(recall_score(y, predicted)),
        "specificity": float(recall_score(y, predicted, pos_label=0)),
        "f1": float(f1_score(y, predicted)),
    }
    out["auc_with_ties"] = float(roc_auc_score(y, x[:, 7]))
    out["spearman"] = rounded(spearmanr(x).statistic)
    out["pearson"] = rounded(numpy.corrcoef(x, rowvar=False))
    out["scaled_variance"] = rounded(MinMaxScaler().fit_transform(x).var(axis=0))
    json.dump(out, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
