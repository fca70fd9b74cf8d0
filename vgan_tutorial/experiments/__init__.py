"""Everything that makes a record which the book shows, and nothing else.

Each module is a command, `python -m vgan_tutorial.experiments.NAME --help`, and writes a file or a
folder of `book/records/`. An interrupted command is given once more and goes on.

* `runs`: recipes, trained to the end and judged (chapters 6 to 8);
* `trials`: the live run of chapter 6, again and again, with one thing changed;
* `clinic`: ways in which training fails, each switched on and cured (chapter 6);
* `pairings`: generators and discriminators paired under one budget (chapter 4);
* `critics`: what critics see, how steep they get, what their features know (chapter 5);
* `toys`: every loss on the ring (chapter 2);
* `throughput`: what each change to a training step brings (chapter 8), with its `ladder` of
  variants, `meters` of a device, and `published_loops` of MoCoGAN and VGAN;
* `step_costs`: what a step of every recipe costs (chapter 8);
* `loading`: the loader against decoders, and packed clips against both (chapter 3);
* `classifier`: the networks whose features the metrics compare.

`records` holds what all of them share: where a record comes from, how it goes on, how it is saved.
"""
