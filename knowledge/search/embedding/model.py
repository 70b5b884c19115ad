"""The model as this process uses it: loaded once, when it is first asked for."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from knowledge.search.embedding.building import GRAPH, MANIFEST, TOKENIZER, WIDTH, build

log = logging.getLogger(__name__)
#: Word pieces of a text that are read; what comes later counts for the words only.
MAX_TOKENS: Final = 256
_THREADS: Final = max(1, min(2, os.cpu_count() or 1))


@dataclass(frozen=True)
class Embedder:
    """`name` tells which model made a vector: vectors of two models are never compared."""

    name: str
    session: Any
    tokenizer: Any

    @classmethod
    def load(cls, folder: Path) -> Embedder:
        """OSError or ValueError when there is no whole model in `folder`."""
        import onnxruntime
        from tokenizers import Tokenizer

        manifest = json.loads((folder / MANIFEST).read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _THREADS
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the processor from the database.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return cls(str(manifest["name"]), session, tokenizer)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, 384), each of length 1; of an empty text as of any other. Each text goes through alone: with 8-bit
        weights a vector would otherwise depend a little on the texts beside it. Several go through side by side, which
        keeps the processors busier than one that is divided among them.
        """
        found = np.empty((len(texts), WIDTH), np.float32)
        if len(texts) == 1:
            found[0] = self._vector(texts[0])
            return found
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="embedding") as pool:
            for place, vector in enumerate(pool.map(self._vector, texts)):
                found[place] = vector
        return found

    def _vector(self, text: str) -> NDArray[np.float32]:
        ids = np.array([self.tokenizer.encode(text).ids], np.int64)
        (made,) = self.session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return np.asarray(made[0], np.float32)


_lock = threading.Lock()
_loaded: dict[Path, Embedder | None] = {}


def folders() -> list[Path]:
    """Where the model may lie, in the order in which it is looked for."""
    return [Path(place) for place in settings.EMBEDDING_FOLDERS]


def embedder() -> Embedder | None:
    """The model, None where there is none: the search then goes by words alone. Loading takes a part of a second."""
    if not settings.EMBEDDING_ON:
        return None
    for folder in folders():
        if folder not in _loaded:
            with _lock:
                if folder not in _loaded:
                    found = _load(folder)
                    if found is None:
                        continue  # it may be built while this process runs
                    _loaded[folder] = found
        return _loaded[folder]
    return None


def model_name() -> str:
    """The name of the model that would be loaded; "" where there is none. Cheap: loads nothing."""
    for folder in folders() if settings.EMBEDDING_ON else []:
        if folder in _loaded:
            found = _loaded[folder]
            return found.name if found is not None else ""
        try:
            return str(json.loads((folder / MANIFEST).read_text())["name"])
        except (OSError, ValueError, KeyError):
            continue
    return ""


def _load(folder: Path) -> Embedder | None:
    if not (folder / MANIFEST).is_file():
        return None
    try:
        return Embedder.load(folder)
    except Exception:
        log.exception("the embedding model could not be loaded: the search goes by words alone")
        return None


def ensure() -> str:
    """The name of the model, built into the first folder that can be written to when there is none. NoWeights,
    OSError.
    """
    for folder in folders():
        if (folder / MANIFEST).is_file():
            return str(json.loads((folder / MANIFEST).read_text())["name"])
    error: OSError | None = None
    for folder in folders():
        try:
            return build(folder)
        except OSError as refused:
            error = refused
    raise error or OSError("no folder is named for the model")
