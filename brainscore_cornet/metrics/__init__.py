"""Brain-Score's metrics in forms that compute the same with less: faster, or without a package that few have."""
