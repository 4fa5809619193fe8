"""The doors through which Brain-Score walks in; also installed into brainscore_vision's own folders."""
