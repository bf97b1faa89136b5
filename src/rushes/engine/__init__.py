"""The workers' door: tasks are carried from wish to film here, and nowhere else."""
