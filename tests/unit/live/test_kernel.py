"""The compiled kernel: it comes from its source, and computes what the plain script does."""

import hashlib
import re

import pytest
import torch

from tests.support.drawn import drawn_painter, drawn_tgan, latents_for
from vgan_tutorial.live import bundle as web
from vgan_tutorial.live import kernel


def test_stored_bytes_belong_to_the_source():
    """Holds without the compiler: who edits the source must compile it."""
    found = re.search(r"SHA-256 of its source is (\w+)", kernel.STORED.read_text("utf-8"))
    assert found
    assert found[1] == hashlib.sha256(kernel.SOURCE.read_bytes()).hexdigest()


def test_stored_bytes_come_from_the_source():
    pytest.importorskip("wasmtime", reason="`pip install wasmtime` brings the compiler")
    assert kernel.STORED.read_text("utf-8") == kernel.compiled()


PRODUCTS = """
const {multiply, pack} = vganProducts, drawn = n => Float32Array.from({length: n}, Math.random);
return data.map(([outputs, runs, run, stride, windows]) => {
  const length = runs * run, input = drawn(windows * 4 + runs * stride);
  const bias = drawn(outputs), weight = drawn(outputs * length);
  const weights = pack(outputs, length, bias, (o, i) => weight[o * length + i]);
  const places = Int32Array.from({length: windows}, (_, n) => 4 * (windows - 1 - n));
  const wide = 8 * Math.ceil(outputs / 8);
  const job = {input, places, weights, blocks: wide / 8, runs, run, stride};
  let apart = 0;
  for (const fast of [true, false]) {
    vganProducts.fast = fast;
    const sums = multiply(job);
    if (sums.length !== windows * wide) return "as many as " + sums.length;
    for (let n = 0; n < windows; n++) {
      for (let o = 0; o < outputs; o++) {
        let sum = bias[o];
        for (let i = 0; i < length; i++) {
          sum += weight[o * length + i] * input[places[n] + Math.floor(i / run) * stride + i % run];
        }
        apart = Math.max(apart, Math.abs(sums[n * wide + o] - sum) / sum);
      }
    }
  }
  return apart;
});
"""


def test_sums_are_those_of_their_definition(node):
    """Kernel and plain script, for numbers of outputs and windows that fill no block."""
    jobs = [(1, 1, 4, 4, 1), (3, 3, 12, 72, 7), (8, 1, 36, 36, 4), (17, 2, 8, 8, 33)]
    jobs.append((64, 3, 192, 1152, 130))  # more than the memory that the kernel starts with
    assert node("return vganProducts.fast", 0)
    for apart in node(PRODUCTS, jobs):
        assert apart < 1e-5


WITHOUT = "globalThis.WebAssembly = undefined"


@pytest.mark.parametrize("build", [drawn_painter, drawn_tgan])
def test_the_plain_script_serves_where_webassembly_is_missing(node, clips_of_script, build):
    network = build()
    latents, bundle = latents_for(network, 2), web.make_bundle(network, "float16")
    assert not node("return vganProducts.fast", 0, before=WITHOUT)
    plain = clips_of_script(bundle, latents, before=WITHOUT)
    fast = clips_of_script(bundle, latents)
    torch.testing.assert_close(plain, fast, atol=2e-5, rtol=0)
    assert not torch.equal(plain, fast)  # the order of sums differs, so these are two programs
