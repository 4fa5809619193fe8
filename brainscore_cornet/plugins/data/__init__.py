"""The registrations of the embedded data, one literal line each, since Brain-Score reads them as text."""

from brainscore_vision import data_registry, stimulus_set_registry

from brainscore_cornet.marques2020.benchmark import data
from brainscore_cornet.marques2020.gratings import stimulus_set
from brainscore_cornet.marques2020.protocols import LIGHT, OFFICIAL

data_registry['Marques2020light_DeValois1982a'] = lambda: data(LIGHT, 'DeValois1982a')
data_registry['Marques2020light_DeValois1982b'] = lambda: data(LIGHT, 'DeValois1982b')
data_registry['Marques2020light_Schiller1976c'] = lambda: data(LIGHT, 'Schiller1976c')

data_registry['Marques2020offline_DeValois1982a'] = lambda: data(OFFICIAL, 'DeValois1982a')
data_registry['Marques2020offline_DeValois1982b'] = lambda: data(OFFICIAL, 'DeValois1982b')
data_registry['Marques2020offline_Schiller1976c'] = lambda: data(OFFICIAL, 'Schiller1976c')
data_registry['Marques2020offline_Cavanaugh2002a'] = lambda: data(OFFICIAL, 'Cavanaugh2002a')

stimulus_set_registry['Marques2020light_blank'] = lambda: stimulus_set(LIGHT, 'blank')
stimulus_set_registry['Marques2020light_receptive_field'] = lambda: stimulus_set(LIGHT, 'receptive_field')
stimulus_set_registry['Marques2020light_orientation'] = lambda: stimulus_set(LIGHT, 'orientation')
stimulus_set_registry['Marques2020light_spatial_frequency'] = lambda: stimulus_set(LIGHT, 'spatial_frequency')

stimulus_set_registry['Marques2020offline_blank'] = lambda: stimulus_set(OFFICIAL, 'blank')
stimulus_set_registry['Marques2020offline_receptive_field'] = lambda: stimulus_set(OFFICIAL, 'receptive_field')
stimulus_set_registry['Marques2020offline_orientation'] = lambda: stimulus_set(OFFICIAL, 'orientation')
stimulus_set_registry['Marques2020offline_spatial_frequency'] = lambda: stimulus_set(OFFICIAL, 'spatial_frequency')
stimulus_set_registry['Marques2020offline_size'] = lambda: stimulus_set(OFFICIAL, 'size')
