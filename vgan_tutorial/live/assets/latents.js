// Latents in the browser: their choices, and mixtures of them.
// A classic script without dependencies, so it runs from disk, from a server and in node.
(function () {
  "use strict";

  // The share of a standard normal below z: 1/2 + φ(z) (z + z³/3 + z⁵/(3·5) + …).
  function share(z) {
    if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
    let term = z, sum = z;
    for (let n = 3; Math.abs(term) > 1e-17; n += 2) sum += (term *= z * z / n);
    return 0.5 + sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  }

  const chosen = (z, choices) => Math.min(choices - 1, Math.floor(share(z) * choices));

  // The number that stands for the middle of a choice: halve an interval until it is found.
  function standsFor(choice, choices) {
    let low = -8, high = 8;
    for (let n = 0; n < 60; n++) {
      const middle = (low + high) / 2;
      if (share(middle) < (choice + 0.5) / choices) low = middle; else high = middle;
    }
    return low;
  }

  // Where a latent has choices: of each factor of the class, and of each half that has one.
  function choicePlaces({factors, halves}) {
    const begins = halves.filter(({choices}) => choices).map(({begin}) => begin);
    return [...factors.keys(), ...begins];
  }

  // A weighted sum of latents, divided by the norm of the weights so that its variance stays 1.
  // A choice cannot be mixed: it is the one of the latent with the largest weight.
  function mix(latents, weights, choices) {
    const norm = Math.hypot(...weights), nearest = weights.indexOf(Math.max(...weights));
    return latents[0].map((_, i) => choices.includes(i) ? latents[nearest][i]
      : latents.reduce((sum, latent, n) => sum + weights[n] * latent[i], 0) / norm);
  }

  const corners = (across, down) => [
    (1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down,
  ];

  // Box and Muller's way from two uniform numbers to a standard normal one.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  globalThis.vganLive = {
    share, chosen, standsFor, choicePlaces, mix, corners, normal,
  };
})();
