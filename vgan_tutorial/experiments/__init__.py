"""Everything that makes a record which the book shows, and nothing else.

Each is a command, `python -m vgan_tutorial.experiments.NAME --help`, and writes a file or a folder
of `book/records/`. One that was interrupted is given once more, and most go on where they stopped.

* `runs`: recipes, trained to the end and judged (chapters 6 to 8);
* `trials`: the live run of chapter 6, again and again, with one thing changed;
* `clinic`: ways in which training fails, each switched on and cured (chapter 6);
* `pairings`: generators and discriminators paired under one budget (chapter 5);
* `comparison`: published pairs as published and by the book's recipe, until they get no better;
* `critics`: what critics see, how steep they get, what their features know (chapter 5);
* `toys`: losses and restraints on the ring (chapters 2 and 7);
* `unfinished`: what longer games, a falling rate and averaged weights do there (chapter 2);
* `throughput`: what each change to a training step brings (chapter 8);
* `gpu`: all that only a GPU can say, in as many minutes as one has it (chapter 8);
* `step_costs`: what a step of every recipe costs (chapter 8);
* `loading`: the loader against decoders, and packed clips against both (chapter 3);
* `generality`: what the painter and the tile generator can draw at all (chapter 4);
* `classifier`: the networks whose features the metrics compare (chapter 7).

In each, `make_record` is the command. `records` holds what they share: where a record comes from,
how it goes on, how it is saved. The rest serves some of them: `throughput` climbs the `ladder` of
variants and the `published_loops` and reads the `meters`; `comparison` is among `contestants`;
`loading` reads `films` and takes `packing_memory` in a process of its own.
"""
