"""Metrics: how good are the clips, how varied, how new?

* `judged`: the exact judge's figures with confidence bands; the first thing to look at;
* `classifier`: a small classifier of Moving Shapes and its features;
* `distances`: Fréchet and kernel distance between two sets of features, from streams;
* `neighbours`: precision, recall, density, coverage, and a test for copies;
* `content`: MoCoGAN's content distance and motion score;
* `fvd`: the real FVD, for those who have the I3D network;
* `evaluation`: all of them in one pass over a stream of clips.
"""

from vgan_tutorial.metrics.classifier import ShapesClassifier, extract_features, load_classifier
from vgan_tutorial.metrics.content import content_distance, frame_change, motion_control
from vgan_tutorial.metrics.distances import (
    Moments,
    frechet_distance,
    frechet_floor,
    kernel_distance,
)
from vgan_tutorial.metrics.evaluation import METRICS, evaluate
from vgan_tutorial.metrics.fvd import I3DFeatures, frechet_video_distance
from vgan_tutorial.metrics.judged import (
    Band,
    BandedSummary,
    bootstrap,
    histogram_floor,
    summarise_with_bands,
    wilson,
)
from vgan_tutorial.metrics.neighbours import (
    NeighbourScores,
    copying_share,
    expected_coverage,
    nearest,
    neighbour_scores,
)

__all__ = [
    "METRICS",
    "Band",
    "BandedSummary",
    "I3DFeatures",
    "Moments",
    "NeighbourScores",
    "ShapesClassifier",
    "bootstrap",
    "content_distance",
    "copying_share",
    "evaluate",
    "expected_coverage",
    "extract_features",
    "frame_change",
    "frechet_distance",
    "frechet_floor",
    "frechet_video_distance",
    "histogram_floor",
    "kernel_distance",
    "load_classifier",
    "motion_control",
    "nearest",
    "neighbour_scores",
    "summarise_with_bands",
    "wilson",
]
