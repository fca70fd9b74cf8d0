"""The launch script of the training chapter, run with stand-ins for Slurm and for the launcher."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser

CHAPTER = Path(__file__).parents[3] / "book" / "06_training.ipynb"
STAND_INS = {
    "scontrol": '[ "$*" = "show hostnames node[3-4]" ] && printf "node3\\nnode4\\n"',
    # One task a node, as --ntasks-per-node=1 asks for, one after the other.
    "srun": 'for n in 0 1; do SLURM_NODEID=$n SLURM_NNODES=2 "$@" || exit 1; done',
    "accelerate": 'echo "$TORCH_ELASTIC_SHUTDOWN_TIMEOUT $*"',
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Slurm's scripts are for bash")


@pytest.fixture(scope="module")
def script() -> str:
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    (found,) = (
        block for block in re.findall(r"```bash\n(.*?)```", text, re.S) if "SBATCH" in block
    )
    return found


def test_slurm_takes_it_for_a_batch_script(script):
    first, *lines = script.splitlines()
    assert first == "#!/bin/bash"
    options = [line.split()[1] for line in lines if line.startswith("#SBATCH")]
    assert all(re.fullmatch(r"--[a-z-]+(=[\w@:]+)?", option) for option in options)
    warning = next(option for option in options if option.startswith("--signal=TERM@"))
    patience = re.search(r"TORCH_ELASTIC_SHUTDOWN_TIMEOUT=(\d+)", script)
    assert patience is not None
    assert int(patience[1]) < int(warning.rpartition("@")[2])  # before Slurm kills everything


def test_every_node_launches_its_share(script, tmp_path):
    for name, body in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "node[3-4]",
        "SLURM_NNODES": "2",
    }
    run = subprocess.run(
        ["bash", "-u", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert not run.stderr
    commands = [line.split() for line in run.stdout.splitlines()]
    for node, (patience, launch, *arguments) in enumerate(commands):
        given = launch_command_parser().parse_args(arguments)
        assert (patience, launch, given.multi_gpu, given.module) == ("100", "launch", True, True)
        assert (given.num_machines, given.num_processes) == (2, 8)
        assert (given.machine_rank, given.main_process_ip) == (node, "node3")
        assert given.training_script == "vgan_tutorial.cli"
        assert given.training_script_args[0] == "train"
    assert len(commands) == 2
