"""Loading a model, a checkpoint or data executes nothing that comes with it."""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

from nutgraf import Classifier, ModelError
from nutgraf.folder import read_config, write_config
from nutgraf.onnxfile import _PARTS, check_self_contained
from tests.conftest import ROOT
from training.config import ConfigError, load_config
from training.encoder import load_encoder
from training.export import main as export

FILES = ("nutgraf.json", "model.onnx", "tokenizer.json")

# The code calls nothing that executes what it reads.

FORBIDDEN_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "skops"}
FORBIDDEN_NAMES = {"eval", "exec"}
FORBIDDEN_METHODS = {"register_custom_ops_library", "unsafe_load", "full_load", "load_module"}
YAML_LOADERS = {"Loader", "SafeLoader", "CSafeLoader"}
"""`Loader` is training.yamlfile's, a subclass of SafeLoader: see the test of it."""


def unsafe(code: str) -> Iterator[tuple[int, str]]:
    """Line and description of each call in Python code that can execute what it reads."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [f"{node.module}.{name}" for name in names]
            for name in names:
                if name.split(".")[0] in FORBIDDEN_MODULES:
                    yield node.lineno, f"import of {name}"
                if name in ("torch.load", "yaml.load", "os.system"):
                    yield node.lineno, f"import of {name} under a name that is not checked"
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node)


def _unsafe_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = ast.unparse(node.func)
    method = name.split(".")[-1]
    keywords = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg}
    if name in FORBIDDEN_NAMES or name == "os.system" or method in FORBIDDEN_METHODS:
        yield node.lineno, f"call of {name}"
    for key in ("shell", "trust_remote_code", "allow_pickle"):
        if keywords.get(key, "False") != "False":
            yield node.lineno, f"{name} with {key}={keywords[key]}"
    if name == "torch.load" and keywords.get("weights_only") != "True":
        yield node.lineno, f"{name} without weights_only=True"
    if name in ("yaml.load", "yaml.load_all"):
        loader = keywords.get("Loader") or (ast.unparse(node.args[1]) if node.args[1:] else "")
        if loader.removeprefix("yaml.") not in YAML_LOADERS or loader == "yaml.Loader":
            yield node.lineno, f"{name} without SafeLoader"
    if method == "SentenceTransformer" and "'use_safetensors': True" not in ast.unparse(node):
        yield node.lineno, f"{name} without use_safetensors=True"
    if method == "from_pretrained":
        if keywords.get("trust_remote_code") != "False":
            yield node.lineno, f"{name} without trust_remote_code=False"
        if "AutoModel" in name and keywords.get("use_safetensors") != "True":
            yield node.lineno, f"{name} without use_safetensors=True"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import marshal, json",
        "import shelve",
        "import dill",
        "import joblib",
        "from joblib import load",
        "import cloudpickle",
        "from torch import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "numpy.lib.format.read_array(file, allow_pickle=True)",
        "AutoModel.from_pretrained(x, use_safetensors=True)",
        "AutoModel.from_pretrained(x, trust_remote_code=False)",
        "SentenceTransformer(x)",
        "AutoTokenizer.from_pretrained(x, trust_remote_code=True)",
        "datasets.load_dataset(x, trust_remote_code=True)",
        "datasets.load_dataset(x, trust_remote_code=flag)",
        "yaml.load(text)",
        "yaml.load(text, yaml.Loader)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)",
        "yaml.unsafe_load(text)",
        "yaml.full_load(text)",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "options.register_custom_ops_library(path)",
    ],
)
def test_the_scanner_finds_each_kind(code: str) -> None:
    assert [line for line, _ in unsafe(f"x = 1\n{code}")][:1] == [2]


@pytest.mark.parametrize(
    "code",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=False)",
        "json.load(file)",
        "model.eval()",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.safe_load(text)",
        "subprocess.run(['ls'])",
        "AutoModel.from_pretrained(x, use_safetensors=True, trust_remote_code=False)",
    ],
)
def test_the_scanner_lets_safe_code_pass(code: str) -> None:
    assert list(unsafe(code)) == []


def test_no_code_executes_what_it_reads() -> None:
    files = [f for folder in ("nutgraf", "training") for f in (ROOT / folder).rglob("*.py")]
    found = [
        f"{file.relative_to(ROOT)}:{line}: {what}"
        for file in files
        for line, what in unsafe(file.read_text(encoding="utf-8"))
    ]
    assert len(files) > 20
    assert found == []


def test_yaml_that_asks_for_an_object_is_refused(settings: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    file = tmp_path / "run.yaml"
    made = f"!!python/object/apply:pathlib.Path.touch [!!python/object:pathlib.Path {trace}]"
    file.write_text(settings.read_text(encoding="utf-8").replace("tiny", made, 1))
    with pytest.raises(ConfigError, match="malformed YAML"):
        load_config(file)
    with pytest.raises(ConfigError, match="malformed value"):
        load_config(settings, [f"name={made}"])
    assert not trace.exists()


# Each file of a model folder is what was written.


def copied(model: Path, folder: Path) -> Path:
    return Path(shutil.copytree(model, folder / "model"))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_changed_file_is_named(model: Path, tmp_path: Path, name: str) -> None:
    file = copied(model, tmp_path) / name
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(ModelError, match=f"{name}: (damaged|malformed)"):
        Classifier.load(file.parent)
    file.unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        Classifier.load(file.parent)


def test_no_byte_of_the_settings_can_change_their_meaning(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path)
    file = folder / "nutgraf.json"
    raw = file.read_bytes()
    original = json.loads(raw)
    refused = 0
    for position in range(len(raw)):
        for mask in (1, 16):
            changed = bytearray(raw)
            changed[position] ^= mask
            file.write_bytes(changed)
            try:
                read_config(folder)
            except ModelError as error:
                refused += error.args[0].startswith(f"{file}: ")
            else:
                # White space, or one way to write a number for another.
                assert json.loads(changed) == original
    assert refused > 1.6 * len(raw)
    file.write_bytes(raw)
    read_config(folder)


@pytest.mark.parametrize("digest", [None, "", 5])
def test_settings_without_a_digest_are_refused(model: Path, tmp_path: Path, digest: object) -> None:
    file = copied(model, tmp_path) / "nutgraf.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"digest": digest}))
    with pytest.raises(ModelError, match=r"nutgraf\.json: damaged"):
        read_config(file.parent)


def test_an_older_format_is_named_and_what_to_do(model: Path, tmp_path: Path) -> None:
    file = copied(model, tmp_path) / "nutgraf.json"
    record = json.loads(file.read_text()) | {"format_version": 2}
    del record["digest"]
    file.write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"format_version: 2; .* export the model anew"):
        read_config(file.parent)


def test_settings_nested_without_end_are_refused(model: Path, tmp_path: Path) -> None:
    file = copied(model, tmp_path) / "nutgraf.json"
    file.write_text("[" * 200_000)
    with pytest.raises(ModelError, match="malformed JSON: nested too deeply"):
        read_config(file.parent)


# No file of a model folder lies elsewhere.


@pytest.mark.parametrize("name", FILES)
def test_a_link_out_of_the_folder_is_refused(model: Path, tmp_path: Path, name: str) -> None:
    """A cache of the Hugging Face hub looks like this: snapshots/x/model.onnx -> ../../blobs/y."""
    folder = copied(model, tmp_path)
    blob = tmp_path / "blobs/1"
    blob.parent.mkdir()
    (folder / name).rename(blob)
    (folder / name).symlink_to("../blobs/1")
    with pytest.raises(ModelError, match=f"{name}: leads out of the model folder, to {blob}"):
        Classifier.load(folder)


def test_links_to_and_within_the_folder_are_followed(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path)
    (folder / "model.onnx").rename(folder / "weights")
    (folder / "model.onnx").symlink_to("weights")
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert Classifier.load(link).labels == Classifier.load(model).labels


# No part of model.onnx lies in another file.


def small_model(name: str, *, node: str = "Add", domain: str = "") -> onnx.ModelProto:
    """A model with one tensor in each place that can hold one."""
    tensor = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [2, 2])
    ids = helper.make_tensor_value_info("input_ids", TensorProto.FLOAT, [2, 2])
    inner = helper.make_graph([], "inner", [], [], [tensor])
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.ones(1, np.float32), "s"),
        numpy_helper.from_array(np.zeros(1, np.int64), "i"),
        [4],
    )
    nodes = [
        helper.make_node(node, ["input_ids", "w"], ["logits"], domain=domain),
        helper.make_node("Constant", [], ["c"], value=tensor),
        helper.make_node("If", ["c"], [], then_branch=inner, else_branch=inner),
    ]
    graph = helper.make_graph(nodes, name, [ids], [logits], [tensor])
    graph.sparse_initializer.append(sparse)
    model = helper.make_model(graph)
    function = helper.make_function("f", "F", [], ["c"], [nodes[1]], model.opset_import)
    model.functions.append(function)
    return model


def tensors(model: onnx.ModelProto) -> list[TensorProto]:
    graph = model.graph
    return [
        graph.initializer[0],
        graph.node[1].attribute[0].t,
        graph.node[2].attribute[0].g.initializer[0],
        graph.sparse_initializer[0].values,
        graph.sparse_initializer[0].indices,
        model.functions[0].node[0].attribute[0].t,
    ]


def test_a_model_in_one_file_passes(tmp_path: Path, model: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(small_model("whole").SerializeToString())
    check_self_contained(file)
    check_self_contained(model / "model.onnx")


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd", ""])
@pytest.mark.parametrize("place", range(6))
def test_external_data_are_refused_wherever_they_stand(
    tmp_path: Path, place: int, location: str
) -> None:
    model = small_model("external")
    tensor = tensors(model)[place]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    if location:
        tensor.external_data.add(key="location", value=location)
    file = tmp_path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"model\.onnx: keeps weights in another file"):
        check_self_contained(file)


def test_every_place_of_a_tensor_is_looked_at() -> None:
    """The table of messages is what the definition of ONNX says."""
    found: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        if message.name in found:
            continue
        parts = [field for field in message.fields if field.message_type]
        found[message.name] = {field.number: field.message_type.name for field in parts}
        waiting += [field.message_type for field in parts]
    holds = {"TensorProto"}
    while more := {m for m, parts in found.items() if holds & set(parts.values())} - holds:
        holds |= more
    expected = {m: {n: p for n, p in found[m].items() if p in holds} for m in holds}
    assert {m: dict(parts) for m, parts in _PARTS.items()} == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PK\x03\x04",
        b"\x3a\x80",  # a length that is cut
        b"\x3a\x05a",  # a field that is cut
        b"\x3b",  # a kind of field that ONNX does not have
        b"\x08" + b"\xff" * 11,  # an integer without end
        b"\x3a\x08\x2a\x06\xf0\x80\x80\x80\x10\x01",  # data_location under a tag of 33 bits
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(raw)
    with pytest.raises(ModelError, match=r"model\.onnx: (is empty|not an ONNX model)"):
        check_self_contained(file)


def test_a_model_folder_with_external_data_is_not_loaded(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path)
    onnx.save_model(
        onnx.load(folder / "model.onnx"),
        folder / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    assert (folder / "weights.bin").is_file()
    write_config(folder, read_config(model))
    with pytest.raises(ModelError, match=r"model\.onnx: keeps weights in another file"):
        Classifier.load(folder)


def test_an_operator_that_onnx_runtime_does_not_know_is_refused(
    model: Path, tmp_path: Path
) -> None:
    folder = copied(model, tmp_path)
    graph = onnx.load(folder / "model.onnx")
    graph.graph.node[-1].domain = "com.example"
    graph.opset_import.add(domain="com.example", version=1)
    onnx.save_model(graph, folder / "model.onnx")
    write_config(folder, read_config(model))
    with pytest.raises(ModelError, match=r"model\.onnx: .*com\.example"):
        Classifier.load(folder)


# Checkpoints are read from safetensors, and their code is not run.


def test_a_checkpoint_without_safetensors_is_refused(
    settings: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "pickled"))
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    config = load_config(settings, [f"model.checkpoint={folder}"])
    with pytest.raises(ConfigError, match=r"checkpoint: .*no file named model\.safetensors"):
        load_encoder(config, ("quote", "other"))
    with pytest.raises(ConfigError, match=r"pickled: .*no file named model\.safetensors"):
        export([str(settings), str(folder)])


def test_a_checkpoint_with_damaged_weights_is_refused(
    settings: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "cut"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5_000])
    config = load_config(settings, [f"model.checkpoint={folder}"])
    with pytest.raises(ConfigError, match=r"checkpoint: .*cut"):
        load_encoder(config, ("quote", "other"))


def test_the_code_of_a_checkpoint_is_not_run(
    settings: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "code"))
    trace = tmp_path / "trace"
    (folder / "code.py").write_text(f"open({str(trace)!r}, 'w')\nclass Config: ...\n")
    file = folder / "config.json"
    record = json.loads(file.read_text()) | {"model_type": "unheard-of"}
    file.write_text(json.dumps(record | {"auto_map": {"AutoConfig": "code.Config"}}))
    config = load_config(settings, [f"model.checkpoint={folder}"])
    with pytest.raises(ConfigError, match=r"checkpoint: .*contains custom code"):
        load_encoder(config, ("quote", "other"))
    assert not trace.exists()
