"""What a device can do, and what a program asks of it: arithmetic, bytes, memory, time."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def wait_for(device: torch.device) -> None:
    """Let a device that works on its own finish."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """What a call takes: of the processor's time on the CPU, of the clock's elsewhere."""
    wait_for(device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    run()
    wait_for(device)
    return clock() - began


# What a device can do ---------------------------------------------------------------------------


class Rates:
    """The most that a device was seen to do: operations and bytes a second, the best of some looks.

    Two large calculations are tried in each number format: the product of two square matrices, and
    a convolution of many channels. Libraries differ: a CPU's convolutions may be twice as quick as
    its products. Bytes are those of a large copy, read and written.

    On a GPU convolutions round float32 to the shorter TF32 unless that is forbidden. So the product
    may do it here too.

    Args:
        device: Device to measure.
        scale: Size of the calculations; 1 fits a CPU, and a GPU needs more to be busy.
    """

    def __init__(self, device: torch.device, scale: int | None = None) -> None:
        scale = scale or (1 if device.type == "cpu" else 4)
        self.device = device
        self.side, self.batch = 2048 * scale, 8 * scale**2
        self.bytes = 2**28 * scale
        self.best: dict[str, dict[str, float]] = {name: {} for name in (*TYPES, "bytes")}

    def look(self) -> None:
        """Measure everything once more."""
        allowed = torch.get_float32_matmul_precision()
        if self.device.type != "cpu":
            torch.set_float32_matmul_precision("high")
        for name, dtype in TYPES.items():
            side = self._bearable_side(dtype)
            square = torch.randn(side, side, device=self.device).to(dtype)
            self._see(name, "product", 2 * side**3, partial(torch.matmul, square, square))
            clips = torch.randn(self.batch, 512, 16, 16, device=self.device).to(dtype)
            clips = clips.contiguous(memory_format=torch.channels_last)
            weight = torch.randn(512, 512, 3, 3, device=self.device).to(clips)
            operations = 2 * self.batch * (512 * 512) * (3 * 3) * (14 * 14)
            convolve = partial(torch.nn.functional.conv2d, clips, weight)
            self._see(name, "convolution", operations, convolve)
        torch.set_float32_matmul_precision(allowed)
        source = torch.zeros(self.bytes // 4, device=self.device)
        copy = partial(torch.empty_like(source).copy_, source)
        self._see("bytes", "copy", 2 * self.bytes, copy)

    def _bearable_side(self, dtype: torch.dtype) -> int:
        """Side of squares whose product takes about a second at most: a CPU may imitate a format.

        Where it does, the product of the largest ones takes minutes.
        """
        side = small = min(256, self.side)
        square = torch.randn(small, small, device=self.device).to(dtype)
        product = partial(torch.matmul, square, square)
        product()
        took = seconds(product, self.device)
        while side < self.side and took * (2 * side / small) ** 3 < 1:
            side *= 2
        return side

    def _see(self, group: str, name: str, amount: int, run: Callable[[], object]) -> None:
        run()
        rate = amount / seconds(run, self.device)
        self.best[group][name] = max(rate, self.best[group].get(name, 0.0))

    def arithmetic(self, dtype: str) -> float:
        """Operations a second in a number format."""
        return max(self.best[dtype].values())

    @property
    def bandwidth(self) -> float:
        """Bytes a second."""
        return self.best["bytes"]["copy"]

    def record(self) -> dict[str, Any]:
        """In units of 10^12 operations and 10^9 bytes a second."""
        found: dict[str, Any] = {
            f"{name}_teraflops": {way: float(f"{rate / 1e12:.3g}") for way, rate in best.items()}
            for name, best in self.best.items()
            if name in TYPES
        }
        return found | {"copy_gigabytes": float(f"{self.bandwidth / 1e9:.3g}")}


# What a program asks for ------------------------------------------------------------------------


class Counter(TorchDispatchMode):
    """While it is entered, what operators calculate, and the bytes that they read and write.

    Calculations are the sums and products of convolutions and matrix products, by PyTorch's own
    formulas. (Its `FlopCounterMode` cannot be entered here: it refuses gradient penalties.) Bytes
    are those of all inputs and all results. Views and empty tensors move nothing. What an operator
    reads twice or puts aside for itself is not seen, and what a cache gives back is counted all
    the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.moved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if formula := flop_registry.get(func._overloadpacket):
            self.operations += formula(*args, **kwargs, out_val=result)
        if not _moves_nothing(func):
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if _is_tensor(leaf)]
            self.moved += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def _is_tensor(leaf: object) -> bool:
    return isinstance(leaf, Tensor)


def _moves_nothing(func: Any) -> bool:
    """Whether an operator returns views of its inputs, or a tensor that nobody has filled."""
    if "empty" in func.__name__ or "_unsafe_view" in func.__name__:
        return True
    aliases = [result.alias_info for result in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def count(run: Callable[[], object]) -> tuple[int, int]:
    """Operations of convolutions and products in a call, and the bytes that it moves."""
    with Counter() as counter:
        run()
    return counter.operations, counter.moved


class LiveTensors(TorchDispatchMode):
    """While it is entered, the bytes of tensors that are alive, and the most there ever were.

    Every tensor made inside counts: weights, what backward passes keep, gradients, the optimisers'
    averages. What one operation needs for itself does not. So the figure is the same on every
    machine, which the size of a process is not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        if id(storage) in self._known:  # a view, or a change in place
            return
        self._known.add(id(storage))
        weakref.finalize(storage, self._forget, id(storage), storage.nbytes())
        self.alive += storage.nbytes()
        self.peak = max(self.peak, self.alive)

    def _forget(self, identity: int, size: int) -> None:
        self._known.discard(identity)
        self.alive -= size


def peak_memory(run: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes that a call has in use at a time, beside what was there before.

    An accelerator's allocator knows. On the CPU these are all tensors that are alive, without what
    a library needs for itself. None where neither can be told.
    """
    if device.type == "cpu":
        with LiveTensors() as live:
            run()
        return live.peak
    module = torch.get_device_module(device)
    if not hasattr(module, "max_memory_allocated"):
        return None
    wait_for(device)
    before = module.memory_allocated()
    module.reset_peak_memory_stats()
    run()
    wait_for(device)
    return module.max_memory_allocated() - before
