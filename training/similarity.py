"""Texts that are too alike: repeated n-grams, near-duplicate articles, overlaps with other text."""

import re
from collections.abc import Iterable, Sequence

from datasketch import MinHash, MinHashLSH

from nutgraf.article import Article

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return _WORD.findall(text.lower())


def ngrams(text: str, n: int) -> set[str]:
    """All runs of `n` words in a text."""
    found = words(text)
    return {" ".join(found[i : i + n]) for i in range(len(found) - n + 1)}


def body(article: Article) -> list[str]:
    """The texts of an article without its furniture."""
    return [s.text for s in article.segments if s.label != "navigation_clutter"]


def shared_ngrams(articles: Iterable[Article], n: int, most: int) -> dict[str, list[str]]:
    """N-grams of body text that stand in more than `most` articles, with the articles' ids."""
    holders: dict[str, list[str]] = {}
    for article in articles:
        for ngram in set().union(*(ngrams(text, n) for text in body(article))):
            holders.setdefault(ngram, []).append(article.id)
    return {ngram: ids for ngram, ids in sorted(holders.items()) if len(ids) > most}


def near_duplicates(
    articles: Sequence[Article], threshold: float, *, n: int = 3, permutations: int = 128
) -> list[tuple[str, str, float]]:
    """Pairs of articles whose bodies share n-grams: ids and estimated Jaccard similarity.

    MinHash with locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998), by `datasketch`.
    """
    hashes: list[MinHash] = []
    index = MinHashLSH(threshold=threshold, num_perm=permutations)
    pairs = []
    for number, article in enumerate(articles):
        minhash = MinHash(num_perm=permutations)
        grams = set().union(*(ngrams(text, n) for text in body(article)))
        minhash.update_batch([gram.encode() for gram in grams])
        for other in index.query(minhash):
            similarity = minhash.jaccard(hashes[other])
            if similarity >= threshold:
                pairs.append((articles[other].id, article.id, similarity))
        hashes.append(minhash)
        index.insert(number, minhash)
    return sorted(pairs, key=lambda pair: -pair[2])


def overlaps(
    articles: Iterable[Article], others: Iterable[Article], n: int
) -> list[tuple[str, str]]:
    """N-grams of our segments that stand in other articles too: our article's id, the n-gram."""
    theirs = set().union(*(ngrams(s.text, n) for other in others for s in other.segments))
    return [
        (article.id, ngram)
        for article in articles
        for segment in article.segments
        for ngram in sorted(ngrams(segment.text, n) & theirs)
    ]
