"""A trained generator as ONNX, for programs without PyTorch, and a check that it draws the same."""

import copy
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vgan_tutorial.latents import sample_latent


def export_onnx(
    generator: nn.Module, path: str | Path, seed: int = 0, tolerance: float = 1e-4
) -> float:
    """Write a generator as ONNX, and check that onnxruntime draws the same clips from the file.

    The file takes `latent`, float32 (1, latent), and gives `clip`, float32 (1, 3, time, height,
    width) in [-1, 1]: one clip a run.

    Args:
        generator: any generator with a `latent_shape` of one axis.
        path: file to write.
        seed: seed of the latents that are compared.
        tolerance: largest difference allowed.

    Returns:
        The largest difference between the clips of onnxruntime and of PyTorch.

    Raises:
        ValueError: if the packages for it are not installed, or the clips differ by more.
    """
    onnx, runtime = _onnx_packages()
    network = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
    latents = sample_latent(network, 4, torch.Generator().manual_seed(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about PyTorch's own code; the clips are compared
        program = torch.onnx.export(
            network,
            (latents[:1],),
            input_names=["latent"],
            output_names=["clip"],
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # with dynamo=True it never is
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node):
        del part.metadata_props[:]  # they name the files of this machine
        part.doc_string = ""
    Path(path).write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path))
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    drawn = [session.run(["clip"], {"latent": row[None].numpy()})[0] for row in latents]
    clips = torch.from_numpy(np.concatenate(drawn))
    difference = float((clips - network(latents)).abs().max())
    if not difference <= tolerance:
        raise ValueError(
            f"{path}: onnxruntime draws other clips than PyTorch, by {difference:.1e} where "
            f"{tolerance:.0e} is allowed"
        )
    return difference


def _onnx_packages() -> tuple[Any, Any]:
    names = ("onnx", "onnxruntime", "onnxscript")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"exporting to ONNX needs {', '.join(missing)}: install the extra that brings them, "
            "`pip install 'vgan-tutorial[onnx]'`"
        )
    return importlib.import_module("onnx"), importlib.import_module("onnxruntime")
