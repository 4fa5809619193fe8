"""Work spread over processes of this machine, over the workers of a Dask cluster, or over SLURM jobs."""
