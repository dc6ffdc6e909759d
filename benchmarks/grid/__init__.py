"""Every shape of a grid, beside torch: `tasks` are measured by `measuring`, kept as `results`, shown by `page`."""
