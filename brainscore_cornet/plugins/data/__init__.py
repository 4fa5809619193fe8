"""The registrations of the embedded data, one literal line each, since Brain-Score reads them as text."""

from brainscore_vision import data_registry, stimulus_set_registry

from brainscore_cornet.marques2020.gratings import stimulus_set
from brainscore_cornet.marques2020.recorded import de_valois_1982a, de_valois_1982b, schiller_1976c

data_registry['Marques2020light_DeValois1982a'] = de_valois_1982a
data_registry['Marques2020light_DeValois1982b'] = de_valois_1982b
data_registry['Marques2020light_Schiller1976c'] = schiller_1976c

stimulus_set_registry['Marques2020light_blank'] = lambda: stimulus_set('blank')
stimulus_set_registry['Marques2020light_localizer'] = lambda: stimulus_set('localizer')
stimulus_set_registry['Marques2020light_receptive_field'] = lambda: stimulus_set('receptive_field')
stimulus_set_registry['Marques2020light_orientation'] = lambda: stimulus_set('orientation')
stimulus_set_registry['Marques2020light_spatial_frequency'] = lambda: stimulus_set('spatial_frequency')
