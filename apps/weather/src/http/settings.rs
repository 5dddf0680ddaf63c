//! Settings of weather prediction beside those of every server.

use std::path::PathBuf;

strata_serve::settings_section! {
    /// Weather prediction.
    pub struct WeatherSection in "weather" {
        /// Folder of the forecasts that are served: files that `strata-weather forecast` wrote, or others of NetCDF, Zarr and GRIB. Forecasts that are run as jobs are put there.
        data: Option<PathBuf> = None, common true;
        /// Scenario files beside the built-in ones; each is known by the name inside.
        scenarios: Vec<PathBuf> = Vec::new(), common true;
        /// Runs of a model that are served, the newest.
        runs: usize = 3, range 1..=100, common false;
        /// Seconds between looks at the folder.
        rescan_s: u64 = 5, range 1..=86_400, common false;
        /// Memory for the series of the forecasts, in MB; those of larger ones lie in files.
        memory_mb: usize = 1024, range 0..=1_000_000, common false;
        /// Folder of those files; the system's for temporary files where none is named.
        cache: Option<PathBuf> = None, common false;
    }
}
