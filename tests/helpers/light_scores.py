"""Scores of known models on the light benchmarks, which no change of the code may change."""

LIGHT_SCORES = {
    "pixels": {
        "pref_or": 0.6322789079419177,
        "peak_sf": 0.07177803712795863,
        "sf_bandwidth": 0.0,
        "sf_selective": 0.0,
    },
    "gabors": {
        "pref_or": 0.995775197926652,
        "peak_sf": 0.9652550606821934,
        "sf_bandwidth": 0.66117469735349,
        "sf_selective": 0.8584322769852794,
    },
    "cornet_z_untrained": {
        "pref_or": 0.9076010934781837,
        "peak_sf": 0.5313184507212297,
        "sf_bandwidth": 0.9959200673802932,
        "sf_selective": 0.8399533042908801,
    },
    "cornet_s_untrained": {
        "pref_or": 0.8794404799943196,
        "peak_sf": 0.887319692535889,
        "sf_bandwidth": 0.7575492530023648,
        "sf_selective": 0.9123743629167734,
    },
}
"""Scores in version 1 of the light benchmarks, whose neuroids were found with a localizer of their own."""
