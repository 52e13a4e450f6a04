"""How well our segments can be told from real ones: python -m training.twosample DATA REAL

A classifier two-sample test (Lopez-Paz and Oquab 2017): for each label a cross-validated TF-IDF
and logistic regression tells the segments of DATA from those of REAL, folds by article. An AUC of
0.5 says that it cannot; what tells them apart most is printed beside it.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from nutgraf.article import Article, read_articles
from nutgraf.labels import LABELS

from .script import run
from .table import table


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.twosample", description=__doc__)
    parser.add_argument("data", nargs="+", help="our labelled articles (JSONL)")
    parser.add_argument("--real", required=True, help="real labelled articles (JSONL or folder)")
    options = parser.parse_args(arguments)
    ours = [article for path in options.data for article in read_articles(path)]
    real = read_articles(options.real)
    rows = [
        [label, f"{auc:.3f}", " · ".join(telling)] for label, auc, telling in two_sample(ours, real)
    ]
    print(table(["label", "AUC", "words that tell real ones"], rows))


def two_sample(
    ours: Sequence[Article], real: Sequence[Article], *, folds: int = 5, seed: int = 0
) -> list[tuple[str, float, list[str]]]:
    """For each label: its name, the AUC, and the words that speak most for a real segment."""
    rng = np.random.default_rng(seed)
    results = []
    for label in LABELS:
        sides = [
            [(s.text, a.id) for a in articles for s in a.segments if s.label == label]
            for articles in (ours, real)
        ]
        # As many of ours as of theirs, so that the larger side is not told by its priors.
        few = min(map(len, sides))
        sides = [[side[i] for i in rng.permutation(len(side))[:few]] for side in sides]
        texts = [text for side in sides for text, _ in side]
        groups = [group for side in sides for _, group in side]
        target = np.repeat([0, 1], few)
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, min_df=2, lowercase=False, ngram_range=(1, 2)),
            LogisticRegression(C=10, max_iter=1000),
        )
        split = GroupKFold(folds, shuffle=True, random_state=seed)
        scores = cross_val_predict(
            model, texts, target, groups=groups, cv=split, method="predict_proba"
        )[:, 1]
        model.fit(texts, target)
        names = model[0].get_feature_names_out()
        telling = [str(names[i]) for i in np.argsort(-model[1].coef_[0])[:8]]
        results.append((label, float(roc_auc_score(target, scores)), telling))
    return results


if __name__ == "__main__":
    run(main)
