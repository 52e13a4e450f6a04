import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from nutgraf import Classifier, ModelError, segment_text

TEXT = """Read also: the storm

“We will not go,” he said.
The minister told the council that the road will be closed.

• Share
• Follow us

It was his bridge, and no one else’s."""


@pytest.fixture(scope="module")
def nlp() -> Language:
    """A pipeline with the released model; `nutgraf.spacy` is imported nowhere here."""
    nlp = spacy.blank("en")
    nlp.add_pipe("nutgraf")
    return nlp


def tiny(model: Path, spans_key: str = "nutgraf") -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("nutgraf", config={"model": str(model), "spans_key": spans_key})
    return nlp


def labels(doc: Doc, key: str = "nutgraf") -> list[tuple[str, str, float]]:
    return [(s.text, s.label_, s._.nutgraf_probability) for s in doc.spans[key]]


def test_each_segment_is_a_span_with_its_label(nlp: Language) -> None:
    doc = nlp(TEXT)
    expected = Classifier.load().classify(TEXT, format="text")
    assert len(expected) == 6
    assert labels(doc) == [(p.text, p.label, p.probability) for p in expected]
    assert [s._.nutgraf_probabilities for s in doc.spans["nutgraf"]] == [
        p.probabilities for p in expected
    ]
    assert doc._.nutgraf == expected
    assert doc[:2]._.nutgraf_probability is None


def test_no_segment_is_lost_where_tokens_cross_them(nlp: Language) -> None:
    doc = nlp.get_pipe("nutgraf")(Doc(nlp.vocab, words=["Share\n\nBy", "staff"]))
    assert [s.text for s in doc.spans["nutgraf"]] == ["Share\n\nBy", "Share\n\nBy staff"]
    assert [p.text for p in doc._.nutgraf] == ["Share", "By staff"]


def test_a_stream_gives_what_single_texts_do(nlp: Language) -> None:
    texts = [TEXT, "", "Share", " \n\n ", "By staff\n\nIt rained.", TEXT[:60]]
    docs = list(nlp.pipe(texts, batch_size=2))
    assert [doc.text for doc in docs] == texts
    for doc, text in zip(docs, texts, strict=True):
        if segment_text(text):
            assert labels(doc) == labels(nlp(text))
        else:
            assert "nutgraf" not in doc.spans
            assert doc._.nutgraf is None


def test_model_and_key_are_configured(model: Path, classifier: Classifier) -> None:
    nlp = tiny(model, "parts")
    nlp.add_pipe("nutgraf", name="released")
    doc = nlp(TEXT)
    expected = classifier.classify(TEXT)
    assert labels(doc, "parts")[0][:2] == (expected[0].text, expected[0].label)
    assert [s.label_ for s in doc.spans["parts"]] == [p.label for p in expected]
    assert doc._.nutgraf == Classifier.load().classify(TEXT)


def test_documents_keep_their_labels_when_stored(nlp: Language) -> None:
    doc = nlp(TEXT)
    (stored,) = DocBin(store_user_data=True, docs=[doc]).get_docs(nlp.vocab)
    for copy in (stored, Doc(nlp.vocab).from_bytes(doc.to_bytes())):
        assert labels(copy) == labels(doc)
        assert copy._.nutgraf == doc._.nutgraf


def test_a_saved_pipeline_carries_its_model(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    nlp = tiny(folder)
    expected = labels(nlp(TEXT))
    nlp.to_disk(tmp_path / "pipeline")
    packed = nlp.to_bytes()
    component = pickle.dumps(nlp.get_pipe("nutgraf"))
    shutil.rmtree(folder)
    assert labels(spacy.load(tmp_path / "pipeline")(TEXT)) == expected
    assert labels(tiny(folder).from_bytes(packed)(TEXT)) == expected
    assert labels(pickle.loads(component)(spacy.blank("en").make_doc(TEXT))) == expected
    (tmp_path / "pipeline/nutgraf/model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: No such file"):
        spacy.load(tmp_path / "pipeline")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: no such model folder"):
        tiny(tmp_path / "nowhere")(TEXT)


def test_without_spacy_the_extra_is_named() -> None:
    code = "import sys; sys.modules['spacy'] = None; import nutgraf.spacy"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingPackageError: nutgraf.spacy needs spaCy" in done.stderr
    assert "pip install 'nutgraf[spacy]'" in done.stderr
