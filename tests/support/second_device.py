"""A second device on any machine: tensors with values that meet no tensor of the CPU.

On a GPU an operator refuses tensors of two devices. On a CPU there is only one, so nobody notices a
clip that was left behind. Here `torch.device("meta")`, of which PyTorch knows that it is elsewhere,
gets values: a tensor there holds one of the CPU, and what is computed with it is computed with
that. So a run on this device gives the figures of a run on the CPU, or stops where a GPU would.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_map_only

from vgan_tutorial.training.processes import processes

DEVICE, CPU = torch.device("meta"), torch.device("cpu")
GENERATOR, AUTOCAST, ADAM = torch.Generator, torch.autocast, torch.optim.Adam
MODULE = SimpleNamespace(
    get_device_name=lambda: "a second device",
    reset_peak_memory_stats=lambda: None,
    max_memory_allocated=lambda: 2**30,
)
aten = torch.ops.aten
CROSSING = {aten.copy_.default, aten._to_copy.default}  # from one device to the other
BY_NUMBER = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}  # rows: from both


class Elsewhere(Tensor):
    """A tensor of the second device. `here` holds its values."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor, requires_grad: bool = False) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=DEVICE,
            requires_grad=requires_grad,
        )
        made.here = here.detach()
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Files hold values, wherever the tensor was."""
        return self.here.__reduce_ex__(protocol)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"{self.here!r} elsewhere"


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute with the values, after a look at where they are."""
    tensors: list[Tensor] = []
    inner_args = _inner(args, tensors)
    inner_kwargs = {name: _inner(value, tensors) for name, value in kwargs.items()}
    refuse_both(func, tensors)
    away = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    wanted = kwargs.get("device")
    made = func(*inner_args, **inner_kwargs)
    if func is aten.copy_.default:
        return args[0]
    if func is aten._local_scalar_dense.default:
        return made
    if not (away if wanted is None else torch.device(wanted) == DEVICE):
        return made
    out = tree_map_only(Tensor, Elsewhere, made)
    aliases = any(each.alias_info is not None for each in func._schema.returns)
    return return_and_correct_aliasing(func, args, kwargs, out) if away and aliases else out


def _inner(value: Any, tensors: list[Tensor]) -> Any:
    """An operator's argument with values in place of tensors, which are added to the list."""
    if isinstance(value, (list, tuple)):
        return [_inner(each, tensors) for each in value]
    if isinstance(value, Tensor):
        tensors.append(value)
        return value.here if isinstance(value, Elsewhere) else value
    return CPU if isinstance(value, torch.device) else value


def refuse_both(func: Any, tensors: list[Tensor]) -> None:
    """Refuse tensors of both devices, as a GPU does. A single number may come from anywhere."""
    left = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere)]
    if func in CROSSING or (func in BY_NUMBER and isinstance(tensors[0], Elsewhere)):
        return
    if len(left) < len(tensors) and any(tensor.ndim for tensor in left):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in left)
        raise RuntimeError(f"{func}: {shapes} on the CPU, and the rest on another device")


class Operators(TorchDispatchMode):
    """Tensors that are made on the second device have values too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


class Calls(TorchFunctionMode):
    """What operators no longer see.

    `torch.tensor` makes a tensor of this device without a look at its numbers, so they take a
    detour; and of a generator an operator does not learn what device it is for.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in (Tensor.tolist, Tensor.__format__):
            return func(args[0].cpu(), *args[1:])
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            return func(*args, **{**kwargs, "device": CPU}).to(kwargs["device"])
        made, randomness = func(*args, **kwargs), kwargs.get("generator")
        if randomness is not None and randomness.device != made.device:
            raise RuntimeError(f"a generator on {randomness.device} cannot draw for {made.device}")
        return made


class _AnyGenerator(type(torch.Generator)):  # type: ignore[misc]
    """Generators from before are generators still."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, GENERATOR)


class Generator(torch.Generator, metaclass=_AnyGenerator):
    """Random numbers that are drawn on one of the two devices."""

    device = CPU

    def __new__(cls, device: torch.device | str = CPU) -> Generator:
        made = super().__new__(cls)
        made.device = torch.device(device)
        return made

    def __init__(self, device: torch.device | str = CPU) -> None: ...


def _autocast(kind: str, *args: Any, **kwargs: Any) -> torch.autocast:
    """No rounding on the second device."""
    return (
        AUTOCAST("cpu", enabled=False) if kind == DEVICE.type else AUTOCAST(kind, *args, **kwargs)
    )


def _adam(*args: Any, fused: bool | None = None, **settings: Any) -> torch.optim.Adam:
    """PyTorch has no fused one for the second device."""
    return ADAM(*args, **settings)


@contextlib.contextmanager
def second_device() -> Iterator[torch.device]:
    """Inside the block there is a second device, and a run puts its networks there."""
    renewed = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with (
            warnings.catch_warnings(),
            patch.object(processes(), "device", DEVICE),
            patch.object(torch, "Generator", Generator),
            patch.object(torch, "autocast", _autocast),
            patch.object(torch, "get_device_module", lambda device: MODULE),
            patch.object(torch.accelerator, "synchronize"),
            patch.object(torch.optim, "Adam", _adam),
            Operators(),
            Calls(),
        ):
            warnings.filterwarnings("ignore", ".*meta parameter.* no-op")  # here it is none
            yield DEVICE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(renewed)
