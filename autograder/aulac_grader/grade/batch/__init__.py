"""A class marked in parallel, resumably, by workers here or elsewhere."""
