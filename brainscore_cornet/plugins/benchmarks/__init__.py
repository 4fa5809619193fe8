"""The registrations of the embedded benchmarks, one literal line each, since Brain-Score reads them as text."""

# these are property benchmarks, which the declared type of Brain-Score's registry does not include:
# pyright: reportArgumentType=false

from functools import partial

from brainscore_vision import benchmark_registry

from brainscore_cornet.marques2020.benchmark import V1PropertyBenchmark
from brainscore_cornet.marques2020.protocols import LIGHT, OFFICIAL

light, official = partial(V1PropertyBenchmark, LIGHT), partial(V1PropertyBenchmark, OFFICIAL)

benchmark_registry['Marques2020light_DeValois1982-pref_or'] = lambda: light('DeValois1982-pref_or')
benchmark_registry['Marques2020light_DeValois1982-peak_sf'] = lambda: light('DeValois1982-peak_sf')
benchmark_registry['Marques2020light_Schiller1976-sf_bandwidth'] = lambda: light('Schiller1976-sf_bandwidth')
benchmark_registry['Marques2020light_Schiller1976-sf_selective'] = lambda: light('Schiller1976-sf_selective')

benchmark_registry['Marques2020offline_DeValois1982-pref_or'] = lambda: official('DeValois1982-pref_or')
benchmark_registry['Marques2020offline_DeValois1982-peak_sf'] = lambda: official('DeValois1982-peak_sf')
benchmark_registry['Marques2020offline_Schiller1976-sf_bandwidth'] = lambda: official('Schiller1976-sf_bandwidth')
benchmark_registry['Marques2020offline_Schiller1976-sf_selective'] = lambda: official('Schiller1976-sf_selective')
benchmark_registry['Marques2020offline_Cavanaugh2002-grating_summation_field'] = lambda: official('Cavanaugh2002-grating_summation_field')  # noqa: E501
benchmark_registry['Marques2020offline_Cavanaugh2002-surround_diameter'] = lambda: official('Cavanaugh2002-surround_diameter')  # noqa: E501
benchmark_registry['Marques2020offline_Cavanaugh2002-surround_suppression_index'] = lambda: official('Cavanaugh2002-surround_suppression_index')  # noqa: E501
