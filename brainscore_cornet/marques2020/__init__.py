"""Four of Marques et al. 2021's V1 property benchmarks in a light form that needs no download.

Published summaries of recordings from macaque V1 are compared with the same properties of a model's V1, measured with
Brain-Score's own code on gratings that are rendered here. Scores are NOT comparable with those of the full protocol,
`Marques2020_…`, on the leaderboard.
"""

PREFIX = "Marques2020light"
"""Of all identifiers, so that nothing is mistaken for the full protocol."""

NOTE = "light protocol, not comparable with the leaderboard's Marques2020 scores"
