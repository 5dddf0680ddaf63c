"""Reads and adds up every value of a NetCDF file through xarray, and prints a line of JSON: values, their sum, wall and CPU seconds.

    strata: cargo run --release -p strata-earth --no-default-features --example files -- write nc FILE.nc 240
            cargo run --release -p strata-earth --no-default-features --example files -- read FILE.nc
    python read_netcdf.py FILE.nc
"""

import json
import sys
import time

import numpy as np
import xarray as xr

begun, cpu = time.perf_counter(), time.process_time()
values, total = 0, 0.0
with xr.open_dataset(sys.argv[1], decode_timedelta=True) as data:
    for name in data.data_vars:
        # A map at a time, as the other program does it.
        variable = data[name]
        lead = variable.shape[:-2]
        for place in np.ndindex(*lead):
            field = variable[place].values
            values += field.size
            total += float(np.nansum(field, dtype=np.float64))
print(json.dumps({"values": values, "sum": total, "wall_s": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu}))
