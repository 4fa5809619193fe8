"""The registrations of the models, one literal line for each identifier, since Brain-Score reads them as text."""

from brainscore_vision import model_registry

from .model import get_model

model_registry['cornet_z'] = lambda: get_model('cornet_z')
model_registry['cornet_r'] = lambda: get_model('cornet_r')
model_registry['cornet_rt'] = lambda: get_model('cornet_rt')
model_registry['cornet_s'] = lambda: get_model('cornet_s')
model_registry['cornet_z_untrained'] = lambda: get_model('cornet_z_untrained')
model_registry['cornet_r_untrained'] = lambda: get_model('cornet_r_untrained')
model_registry['cornet_rt_untrained'] = lambda: get_model('cornet_rt_untrained')
model_registry['cornet_s_untrained'] = lambda: get_model('cornet_s_untrained')
