"""The plugins that Brain-Score finds, which are also installed into brainscore_vision's own folders."""
