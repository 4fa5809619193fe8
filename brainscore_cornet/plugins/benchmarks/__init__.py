"""The registrations of the embedded benchmarks, one literal line each, since Brain-Score reads them as text."""

# these are property benchmarks, which the declared type of Brain-Score's registry does not include:
# pyright: reportArgumentType=false

from brainscore_vision import benchmark_registry

from brainscore_cornet.marques2020.benchmark import peak_sf, pref_or, sf_bandwidth, sf_selective

benchmark_registry['Marques2020light_DeValois1982-pref_or'] = pref_or
benchmark_registry['Marques2020light_DeValois1982-peak_sf'] = peak_sf
benchmark_registry['Marques2020light_Schiller1976-sf_bandwidth'] = sf_bandwidth
benchmark_registry['Marques2020light_Schiller1976-sf_selective'] = sf_selective
