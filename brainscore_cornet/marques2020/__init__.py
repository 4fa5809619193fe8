"""V1 property benchmarks of Marques et al. 2021 that need no download, in a light and in the official protocol.

Published summaries of recordings from macaque V1 are compared with the same properties of a model's V1, measured with
Brain-Score's own code on gratings that are rendered here. `protocols` says what is shown in each protocol.
"""
