"""Pictures of a toy game: the discriminator's surface, the samples, or the way of two numbers."""

import torch
from matplotlib.figure import Figure

from vgan_tutorial.toys.data import sample_toy
from vgan_tutorial.toys.dirac import DiracGame, averaged, field, growth, play_dirac
from vgan_tutorial.toys.game import Run, Snapshot

REAL, FAKE, SURFACE = "#0072b2", "#d55e00", "#555555"  # blue and vermilion survive colour blindness
REACH = 3.0  # the plane is drawn from -REACH to REACH


def draw_game(run: Run, snapshot: Snapshot, arrows: int = 40) -> Figure:
    """Draw one moment of a game on data of one or two dimensions.

    Left, what the discriminator believes, with real samples in blue and generated ones in
    vermilion; right, the same generated samples with the push that the generator's loss gives them
    (arrows of one length in two dimensions, the strength beside the axis in one).
    """
    draw = _draw_line if snapshot.samples.shape[1] == 1 else _draw_plane
    figure = draw(run, snapshot, arrows)
    figure.suptitle(f"step {snapshot.step}", fontsize=11)
    return figure


def _draw_line(run: Run, snapshot: Snapshot, arrows: int) -> Figure:
    figure = Figure(figsize=(7.0, 2.9), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2)
    points = torch.linspace(-REACH, REACH, 200)[:, None]
    bins = torch.linspace(-REACH, REACH, 49).tolist()
    fake = snapshot.samples.squeeze(1)
    left.hist(_real(run, 4000), bins=bins, density=True, color=REAL, alpha=0.5, label="real")
    left.hist(fake, bins=bins, density=True, color=FAKE, alpha=0.5, label="generated")
    left.plot(points, snapshot.logits(points).sigmoid(), color=SURFACE, label="D(x)")
    left.set(xlabel="x (no unit)", ylabel="density, or probability", ylim=(0, 1.4))
    left.set_title("who is where, and what D believes", fontsize=10)
    left.legend(loc="upper right", fontsize=8, frameon=False)
    right.scatter(fake, snapshot.arrows.squeeze(1), s=5, color=FAKE)
    right.axhline(0, color=SURFACE, linewidth=0.8)
    right.set(xlabel="x of a generated sample", ylabel="push (positive: to the right)")
    right.set(xlim=(-REACH, REACH), ylim=(-2.5, 2.5))
    right.set_title("the push on each generated sample", fontsize=10)
    return figure


def _draw_plane(run: Run, snapshot: Snapshot, arrows: int) -> Figure:
    figure = Figure(figsize=(7.0, 3.4), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    line = torch.linspace(-REACH, REACH, 60)
    points = torch.cartesian_prod(line, line)
    surface = snapshot.logits(points).sigmoid().reshape(60, 60).T
    levels = torch.linspace(0, 1, 11).tolist()
    filled = left.contourf(line, line, surface, levels=levels, cmap="Greys", vmin=-0.2, vmax=1.6)
    figure.colorbar(filled, ax=left, label="D(x)", ticks=[0, 0.5, 1])
    real, fake = _real(run, 300), snapshot.samples
    left.scatter(real[:, 0], real[:, 1], s=4, color=REAL, label="real")
    left.scatter(fake[:, 0], fake[:, 1], s=4, color=FAKE, marker="^", label="generated")
    left.legend(loc="upper right", fontsize=8, framealpha=0.9)
    left.set_title("what D believes", fontsize=10)
    push = snapshot.arrows[:arrows]
    push = push / push.norm(dim=1, keepdim=True).clamp(min=1e-12)
    right.scatter(real[:, 0], real[:, 1], s=2, color=REAL, alpha=0.3)
    right.scatter(fake[:, 0], fake[:, 1], s=4, color=FAKE, marker="^")
    start = fake[:arrows]
    right.quiver(
        start[:, 0], start[:, 1], push[:, 0], push[:, 1], color=SURFACE, scale=18, width=0.004
    )
    right.set_title("where generated samples are pushed", fontsize=10)
    for axes in (left, right):
        axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="first coordinate")
        axes.set_aspect("equal")
        axes.grid(False)
    left.set_ylabel("second coordinate")
    return figure


def _real(run: Run, count: int) -> torch.Tensor:
    points = sample_toy(run.game.data, count, torch.Generator().manual_seed(12345))
    return points.squeeze(1) if points.shape[1] == 1 else points


def draw_dirac(game: DiracGame, title: str, steps: int = 200, decay: float | None = None) -> Figure:
    """Draw a game of two numbers: its way through the plane, and how far it is from the solution.

    With `decay`, the moving average of the two numbers is drawn too.
    """
    figure = Figure(figsize=(7.0, 3.0), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2)
    line = torch.linspace(-2, 2, 9, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    push = torch.stack([field(point, game) for point in points])
    left.quiver(*points.T, *push.T, color=SURFACE, alpha=0.5, width=0.004)
    track = play_dirac(game, steps)
    ways = [(track, "the players", FAKE, "-")]
    if decay is not None:
        ways.append((averaged(track, decay), "their average", REAL, "--"))
    for way, name, colour, style in ways:
        left.plot(*way.T, style, color=colour, linewidth=1.2)
        left.plot(*way[-1:].T, "o", color=colour, markersize=5)
        right.plot(way.norm(dim=1), style, color=colour, label=name)
    left.plot(0, 0, "+", color="black", markersize=10)
    left.set(xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), xlabel="θ, the generator", ylabel="ψ, the critic")
    left.set_aspect("equal")
    right.set(xlabel="step", ylabel="distance from the solution", yscale="log", ylim=(0.01, 10))
    right.legend(loc="lower left", fontsize=8)
    figure.suptitle(f"{title}: growth {growth(game):.3f} a step", fontsize=10)
    return figure
