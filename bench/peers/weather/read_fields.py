"""Reads every value of a GRIB or NetCDF file through xarray (cfgrib, netCDF4): the peer of `files side`.

    python read_fields.py FILE TIMES ANSWERS

The file is opened and read so many times, after one that warms up; cfgrib's index stays in memory, as a file of it would be there only
the second time. An answer is a field's number of values, their sum, and their sum weighted by place, in the order of these numbers.
"""

import pathlib
import sys

import numpy as np
import xarray as xr

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side


def datasets(path):
    if not path.endswith(".nc"):
        import cfgrib

        return cfgrib.open_datasets(path, backend_kwargs={"indexpath": ""})
    return [xr.open_dataset(path, decode_timedelta=True)]


def read(path, weights):
    """Figures of all fields: a map at a time, as the other program does it."""
    found = []
    for data in datasets(path):
        with data:
            for variable in data.data_vars.values():
                space = 1 if variable.dims[-1] == "values" else 2
                for place in np.ndindex(*variable.shape[:-space]):
                    values = np.asarray(variable[place].values, np.float64)
                    # Some files hold columns of the map one after the other: rows come first, as they do with us.
                    if space == 2 and variable.dims[-2].startswith("lon"):
                        values = values.T
                    values = values.ravel()
                    if len(values) not in weights:
                        weights[len(values)] = np.arange(len(values)) % 101 - 50.0
                    known = ~np.isnan(values)
                    if not known.all():
                        found.append([int(known.sum()), float(values[known].sum()), float((values * weights[len(values)])[known].sum())])
                    else:
                        found.append([len(values), float(values.sum()), float(values @ weights[len(values)])])
    return found


def main():
    path, times, answers = sys.argv[1:]
    weights = {}
    read(path, weights)
    watch = side.Watch()
    for _ in range(int(times)):
        found = read(path, weights)
    took = watch.took()
    side.write_answers(answers, sorted(found))
    side.report(items=len(found) * int(times), **took)


if __name__ == "__main__":
    main()
