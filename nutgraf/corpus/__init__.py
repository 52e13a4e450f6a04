"""Label a whole corpus: Parquet or JSONL in, a folder of Parquet out, on the cores of one machine
or of a Ray cluster.

    from nutgraf.corpus import label_corpus

    summary = label_corpus("articles/*.parquet", "s3://bucket/labelled")

This needs more than the library does: `pip install 'nutgraf[ray]'`. docs/corpus.md says what goes
in, what comes out, and how an interrupted run goes on.
"""

from nutgraf.corpus.label import CorpusSummary, label_corpus

__all__ = ["CorpusSummary", "label_corpus"]
